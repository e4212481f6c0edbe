"""ZIP files written while they are sent: member after member, never whole in memory, never on disk.

Members are not compressed: it would cost more time than it saves on the way, and compressed pixels do not shrink.
"""

from collections.abc import Iterator
from typing import Final
from zipfile import ZipFile, ZipInfo

Chunk = bytes | bytearray | memoryview

_ZIP64_FROM: Final = 2**31 - 1
_ZIP64_VERSION: Final = 45
"""Of what reads ZIP64; zipfile itself does not say it of members that may turn out small until Python 3.11.4."""
_READABLE: Final = 0o100640 << 16


class ZipStream:
    """A ZIP file that is given out piece by piece. Members are gone through to their end, then `end`."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = ZipFile(self._sink, "w")

    def member(self, path: str, chunks: Iterator[Chunk], size: int | None = None) -> Iterator[Chunk]:
        """Give what a member adds.

        Args:
            size: bytes of the member, None where it is not known before its end.
        """
        info, may_be_large = _info(path, size or 0), size is None or size > _ZIP64_FROM
        if may_be_large:
            info.create_version = info.extract_version = _ZIP64_VERSION
        with self._zip.open(info, "w", force_zip64=may_be_large) as member:
            for chunk in chunks:
                member.write(chunk)
                yield from self._sink.taken()

    def end(self) -> Iterator[Chunk]:
        """Give the rest: the directory of the file."""
        self._zip.close()
        yield from self._sink.taken()


class _Sink:
    """Where ZipFile writes to; it is emptied as it fills."""

    def __init__(self) -> None:
        self._written: list[Chunk] = []

    def write(self, data: Chunk) -> int:
        self._written.append(data)
        return len(data)

    def flush(self) -> None:
        """Have nothing to do."""

    def close(self) -> None:
        """Have nothing to do."""

    def taken(self) -> list[Chunk]:
        written, self._written = self._written, []
        return written


def _info(path: str, size: int) -> ZipInfo:
    info = ZipInfo(path)
    info.external_attr = _READABLE
    info.file_size = size
    return info
