"""Folders and archives of DICOM files, and the commands that bring them in and out, for tests."""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance import phantoms
from conformance.corpus import Instance, small_studies

Run = Callable[..., "Ran"]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did: exit code, output and errors."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.out)


def small_files(n: int, *, first: int = 0) -> dict[str, bytes]:
    """Return tiny Part 10 files by name, of a study each."""
    return {f"{number:05d}.dcm": as_file(one) for number, one in enumerate(small_studies(n, first=first), first)}


def as_file(instance: Instance) -> bytes:
    """Return an instance as a Part 10 file, with a preamble that nobody would make up."""
    head = phantoms.part10_head(instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax)
    return b"II*\0 another format may start here ".ljust(128, b"\x07") + head[128:] + instance.data


def phantom_files() -> dict[str, bytes]:
    """Return every kind of image as a file, by name."""
    return {f"{name}.dcm": phantoms.part10(ds) for name, ds in phantoms.every_image().items()}


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder and return it."""
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return folder


def tar_of(files: Mapping[str, bytes], *, mode: str = "w") -> bytes:
    """Return files as a TAR; `mode` is that of tarfile."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as made:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zip_of(files: Mapping[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return files as a ZIP."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return out.getvalue()


def contents(folder: Path) -> set[bytes]:
    """Return the digests of all files below a folder but a DICOMDIR."""
    return {
        hashlib.sha256(path.read_bytes()).digest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "DICOMDIR"
    }


def digests(files: Mapping[str, bytes]) -> set[bytes]:
    """Return the digests of files."""
    return {hashlib.sha256(data).digest() for data in files.values()}
