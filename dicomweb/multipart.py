"""Writing multipart/related answers, part after part (RFC 2046 5.1, RFC 2387; PS3.18 8.6.1.2), or a range of one."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain

from starlette.requests import Request
from starlette.responses import Response

from vna.archive import part_of
from vna.web.pieces import gathered
from vna.web.ranged import ranged
from vna.web.streaming import Chunk


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its media type with parameters, its address, its bytes, and how many where that is known."""

    media_type: str
    location: str
    chunks: Iterator[Chunk]
    size: int | None = None


Read = Callable[[range, int], Iterator[Part]]
"""Gives some of the parts of an answer, by their numbers from 0; of the first one so many bytes are left out."""


def boundary_of(etag: str) -> str:
    """Return the boundary of an answer: the same for the same answer, and in no data but by intent."""
    return etag.removeprefix("W/").strip('"')


def content_type(part_type: str, boundary: str) -> str:
    """Return the media type of an answer whose parts, or the first of them, have this one."""
    name, semicolon, parameters = part_type.partition(";")
    return f'multipart/related; type="{name}"; boundary={boundary}{semicolon}{parameters}'


def multipart(parts: Iterable[Part], boundary: str) -> Iterator[Chunk]:
    """Give an answer of several parts, in order."""
    start = b""
    for part in parts:
        yield start + _head(part, boundary)
        yield from part.chunks
        start = b"\r\n"
    yield _end(boundary)


class Measured:
    """An answer of parts whose sizes are known: a range of it is had without what lies before and behind."""

    def __init__(self, outline: Sequence[Part], boundary: str, read: Read) -> None:
        """Measure an answer.

        Args:
            outline: its parts, each with its size; of their bytes none is read.
            boundary: between them.
            read: opens them.
        """
        self._media_type = content_type(outline[0].media_type, boundary)
        heads = [_head(part, boundary) for part in outline]
        self._heads = [*heads[:1], *(b"\r\n" + head for head in heads[1:])]
        self._ends = list(
            accumulate(len(head) + (part.size or 0) for head, part in zip(self._heads, outline, strict=True))
        )
        self._end, self._read = _end(boundary), read
        self.size = self._ends[-1] + len(self._end)
        """Bytes of the whole answer."""

    def answer(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Answer with all of it, or the range that is asked for; `headers` hold its ETag.

        Raises:
            Problem: 416, there are no such bytes.
        """

        def chunks(wanted: range) -> Iterator[Chunk]:
            return gathered(self.chunks(wanted))

        return ranged(request, chunks, self.size, headers=headers, media_type=self._media_type)

    def chunks(self, wanted: range) -> Iterator[Chunk]:
        """Give a range of the answer. The first part is opened now, so that what is wrong with it shows at once."""
        first, after = (
            bisect_right(self._ends, wanted.start),
            min(bisect_left(self._ends, wanted.stop) + 1, len(self._ends)),
        )
        at, skip = (self._ends[first - 1] if first else 0), 0
        if first < after:
            skip = max(0, wanted.start - at - len(self._heads[first]))
            at = wanted.start if skip else at
        parts = self._read(range(first, after), skip) if first < after else iter(())
        opened = chain([part for part in (next(parts, None),) if part is not None], parts)
        whole = self._written(opened, first, within=skip > 0)
        return whole if len(wanted) == self.size else part_of(whole, range(wanted.start - at, wanted.stop - at))

    def _written(self, parts: Iterable[Part], first: int, *, within: bool) -> Iterator[Chunk]:
        """Give parts from one on to the end, that one without its head if it starts `within`."""
        for number, part in enumerate(parts, start=first):
            if number > first or not within:
                yield self._heads[number]
            yield from part.chunks
        yield self._end


def _end(boundary: str) -> bytes:
    return f"\r\n--{boundary}--\r\n".encode()


def _head(part: Part, boundary: str) -> bytes:
    lines = [f"--{boundary}", f"Content-Type: {part.media_type}", f"Content-Location: {part.location}"]
    if part.size is not None:
        lines.append(f"Content-Length: {part.size}")
    return "\r\n".join((*lines, "", "")).encode()
