"""Writing multipart/related answers, part after part (RFC 2046 5.1, RFC 2387; PS3.18 8.6.1.2)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vna.web.streaming import Chunk


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its media type with parameters, its address, its bytes, and how many where that is known."""

    media_type: str
    location: str
    chunks: Iterator[Chunk]
    size: int | None = None


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


def size_of(part: Part, boundary: str) -> int | None:
    """Return the bytes of an answer that is this part alone, None if it is not known how many the part has."""
    if part.size is None:
        return None
    return len(_head(part, boundary)) + part.size + len(_end(boundary))


def _end(boundary: str) -> bytes:
    return f"\r\n--{boundary}--\r\n".encode()


def _head(part: Part, boundary: str) -> bytes:
    lines = [f"--{boundary}", f"Content-Type: {part.media_type}", f"Content-Location: {part.location}"]
    if part.size is not None:
        lines.append(f"Content-Length: {part.size}")
    return "\r\n".join((*lines, "", "")).encode()
