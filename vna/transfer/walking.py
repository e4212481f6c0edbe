"""Going through folders: every regular file below the paths given, each folder once, in the order of names.

Symbolic links are followed, but no folder is entered twice (by device and inode), so a loop ends. What
is neither file nor folder (a socket, a device) is told of and not opened.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from vna.transfer.units import Fate, Verdict, WholeFile

Found = WholeFile | Verdict


def walk(paths: Sequence[Path]) -> Iterator[Found]:
    """Yield the files at and below these paths, and what cannot be looked at, as a failure with its reason."""
    entered: set[tuple[int, int]] = set()
    for path in paths:
        yield from _at(path.absolute(), entered)


def _at(root: Path, entered: set[tuple[int, int]]) -> Iterator[Found]:
    """Go through one path and below, without recursion: folders may nest as deep as they like."""
    waiting: list[Path | os.DirEntry[str]] = [root]
    while waiting:
        entry = waiting.pop()
        path = os.fspath(entry)
        try:
            status = entry.stat()
            if stat.S_ISREG(status.st_mode):
                yield WholeFile(path, status.st_size, status.st_mtime_ns)
            elif not stat.S_ISDIR(status.st_mode):
                yield Verdict(path, Fate.NOT_DICOM, "neither a file nor a folder")
            elif (status.st_dev, status.st_ino) not in entered:
                entered.add((status.st_dev, status.st_ino))
                waiting += sorted(os.scandir(path), key=os.fspath, reverse=True)
        except OSError as exc:
            yield Verdict(path, Fate.FAILED, f"cannot be read: {exc.strerror}")
