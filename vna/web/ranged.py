"""Answers of which a part may be asked for: streams of known size (RFC 9110 14)."""

from collections.abc import Callable, Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response

from vna.web.conditional import byte_range
from vna.web.streaming import Chunk, Streamed


def whole_or_range(request: Request, data: bytes, *, headers: Mapping[str, str], media_type: str) -> Response:
    """Answer with bytes that are all there, or the range of them that is asked for.

    Raises:
        Problem: 416, there are no such bytes.
    """
    headers = {**headers, "Accept-Ranges": "bytes"}
    wanted = byte_range(request, len(data), headers["ETag"])
    if wanted is None:
        return Response(data, headers=headers, media_type=media_type)
    headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{len(data)}"
    return Response(data[wanted.start : wanted.stop], 206, headers=headers, media_type=media_type)


def ranged(
    request: Request,
    chunks: Callable[[range], Iterator[Chunk]],
    size: int,
    *,
    headers: Mapping[str, str],
    media_type: str,
) -> Response:
    """Answer with a stream of `size` bytes, or the range of it that is asked for.

    Args:
        request: the request.
        chunks: gives a range of the stream.
        size: of all of it.
        headers: of the answer, its ETag among them.
        media_type: of the answer.

    Raises:
        Problem: 416, there are no such bytes.
    """
    headers = {**headers, "Accept-Ranges": "bytes"}
    wanted = byte_range(request, size, headers["ETag"])
    if wanted is None:
        return Streamed(chunks(range(size)), headers=headers, media_type=media_type, size=size)
    headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
    return Streamed(chunks(wanted), status_code=206, headers=headers, media_type=media_type, size=len(wanted))
