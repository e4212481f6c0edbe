"""The files of the web viewer, OHIF: taken out of the release that npm has, and made fit to be served from here.

What compresses well lies beside itself compressed, as `NAME.zst` and `NAME.gz`.
"""

import gzip
import hashlib
import shutil
import sys
import tarfile
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import zstandard

from vna.console.viewer_edits import EDITS, LEFT_OUT, Editing
from vna.errors import CannotUnderstand

PACKAGE: Final = "@ohif/app"
RELEASE: Final = "3.13.2"
INTEGRITY: Final = "sha512-WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
"""Digest of the release's archive, as npm writes it (Subresource Integrity)."""

CODINGS: Final = {"zstd": ".zst", "gzip": ".gz"}
"""What the name of a compressed file ends with, by content coding."""

_MARK: Final = "release.txt"
_ROOT: Final = "package/dist/"
_LICENCE: Final = "package/LICENSE"
_TEXTS: Final = frozenset({".css", ".html", ".js", ".json", ".svg", ".wasm"})
_LEAST_COMPRESSED: Final = 1024
_COMPRESSORS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "zstd": lambda content: zstandard.ZstdCompressor(level=15).compress(content),
    "gzip": lambda content: gzip.compress(content, mtime=0),
}


def default_folder() -> Path:
    """Return where the viewer lies unless the settings name another folder: in the environment the node runs in."""
    return Path(sys.prefix) / "share" / "vna" / "viewer"


def is_installed(folder: Path) -> bool:
    """Return whether a folder holds this release as this version of the node makes it."""
    try:
        return (folder / _MARK).read_text(encoding="utf-8") == _mark()
    except OSError:
        return False


def install(archive: Path, folder: Path) -> int:
    """Make the files of the viewer out of npm's archive of the release; what was in the folder is replaced.

    Returns:
        How many files there are.

    Raises:
        CannotUnderstand: the archive is not the release, byte for byte.
        OSError: it cannot be read, or the folder not be written.
    """
    check_integrity(archive)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        count = unpack(archive, made)
        (made / _MARK).write_text(_mark(), encoding="utf-8")
        made.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return count


def check_integrity(archive: Path) -> None:
    """Compare an archive with the digest of the release.

    Raises:
        CannotUnderstand: it is another one.
        OSError: it cannot be read.
    """
    with archive.open("rb") as file:
        found = b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    if f"sha512-{found}" != INTEGRITY:
        raise CannotUnderstand(f"{archive} is not {PACKAGE} {RELEASE} as it was released: its digest is another")


def unpack(archive: Path, folder: Path) -> int:
    """Put what is served of a release into a folder, edited and compressed; return how many files that is.

    Raises:
        CannotUnderstand: it is not the release that the edits were made for.
        OSError: it cannot be read or written.
    """
    editing = Editing()
    with ThreadPoolExecutor() as writing:
        written = [
            writing.submit(_write, folder / name, editing.edited(name, content)) for name, content in _members(archive)
        ]
    editing.check()
    return sum(one.result() for one in written)


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Go through the files that are kept; the digest has vouched for their names."""
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            file = tar.extractfile(member)
            name = "LICENSE" if member.name == _LICENCE else member.name.removeprefix(_ROOT)
            if file is None or name == member.name or LEFT_OUT.match(name):
                continue
            yield name, file.read()


def _write(path: Path, content: bytes) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if path.suffix in _TEXTS and len(content) >= _LEAST_COMPRESSED:
        for coding, compress in _COMPRESSORS.items():
            path.with_name(path.name + CODINGS[coding]).write_bytes(compress(content))
    return 1


def _mark() -> str:
    """Return what an installed viewer is known by: another release, or other edits, have to be made again."""
    edits = hashlib.sha256(repr((EDITS, LEFT_OUT.pattern)).encode()).hexdigest()
    return f"{PACKAGE} {RELEASE} {edits[:16]}\n"
