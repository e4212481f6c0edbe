"""What is asked of a local file system in more than one place: durable names, and its errors told apart."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from storage_backends.errors import NoSpace, StorageError, StoreUnavailable

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The errors of writing that room would cure."""


def fsync_folder(folder: Path | str) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path, mode: int = 0o750) -> None:
    """Make a folder and those above it where they are missing, each durable before the next."""
    if not folder.is_dir():
        make_folder(folder.parent, mode)
        folder.mkdir(mode=mode, exist_ok=True)
        fsync_folder(folder.parent)


@contextmanager
def translated(doing: str, *, missing: type[StorageError] = StoreUnavailable) -> Iterator[None]:
    """Turn an OSError into an error of ours; `missing` is what a missing file means."""
    try:
        yield
    except OSError as exc:
        reason = f"cannot {doing}: {exc.strerror or exc}"
        if exc.errno in DISK_FULL:
            raise NoSpace(reason) from exc
        raise (missing if exc.errno == errno.ENOENT else StoreUnavailable)(reason) from exc
