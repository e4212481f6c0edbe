"""Conditional and partial requests: ETag, If-None-Match, Range and If-Range (RFC 9110 13, 14)."""

import hashlib
import re
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from vna.web.problem import Problem

_CACHE_CONTROL = "private, no-cache"
"""Kept by the client alone, and asked about each time: who may read it may change, and so may it."""

_ENTITY_TAG = re.compile(r'(W/)?("[^"]*")')
_RANGE = re.compile(r"bytes=(\d*)-(\d*)\s*", re.IGNORECASE)


def entity_tag(parts: Iterable[object], *, weak: bool = False) -> str:
    """Return the ETag of what follows from these values: versions, positions, and the form it is given in."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]
    return f'W/"{digest}"' if weak else f'"{digest}"'


def validators(etag: str, *, vary: str = "Accept") -> dict[str, str]:
    """Return the headers of an answer that a client may keep, and ask about with its ETag."""
    return {"ETag": etag, "Cache-Control": _CACHE_CONTROL, "Vary": vary}


def not_modified(request: Request, etag: str, *, vary: str = "Accept") -> Response | None:
    """Return the answer 304 if the client holds what it would get (weak comparison, RFC 9110 13.1.2), else None.

    Raises:
        Problem: 412, it wants what it holds, or nothing (strong comparison, RFC 9110 13.1.1).
    """
    wanted, held = _tags(request, "if-match"), _tags(request, "if-none-match")
    if wanted is not None and "*" not in wanted and etag not in {tag for tag in wanted if not tag.startswith("W/")}:
        raise Problem(412, "it is no longer what If-Match names")
    if held is None or not held & {"*", f"W/{etag.removeprefix('W/')}", etag.removeprefix("W/")}:
        return None
    return Response(status_code=304, headers=validators(etag, vary=vary))


def _tags(request: Request, header: str) -> set[str] | None:
    """Return the ETags of a header, or `*`; None if it is not there."""
    texts = request.headers.getlist(header)
    if any(text.strip() == "*" for text in texts):
        return {"*"}
    return {match.group() for text in texts for match in _ENTITY_TAG.finditer(text)} if texts else None


def byte_range(request: Request, size: int, etag: str = "") -> range | None:
    """Return the bytes asked for of an answer of `size` bytes, None for all of it.

    Several ranges in one request are answered with all of it, as RFC 9110 14.2 allows.

    Raises:
        Problem: 416, there are no such bytes.
    """
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is None or not any(match.groups()) or request.method not in ("GET", "HEAD"):
        return None
    condition = request.headers.get("if-range")
    if condition is not None and (condition != etag or etag.startswith("W/")):
        return None
    first, last = match.groups()
    if not first:
        found = range(max(0, size - int(last)), size)
    else:
        found = range(int(first), min(size, int(last) + 1) if last else size)
        if last and int(last) < int(first):
            return None
    if not found:
        headers = {"Content-Range": f"bytes */{size}"}
        raise Problem(416, f"there are {size} bytes, and none of those asked for", headers=headers)
    return found
