"""Media types and what a client accepts (RFC 9110 12.5.1), as DICOMweb extends it (PS3.18 8.3.3, 8.7)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from starlette.requests import Request

from vna.web.problem import Problem

_MOST_ACCEPTED = 100
_PLUS = re.compile(r"(?<=\w) (?=\w)")
"""A plus sign in an address that nobody encoded is read as a blank, which no media type has there."""
_BEHIND = 0.0001
"""Less than any quality that a client can write (RFC 9110 12.4.2: three digits)."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type or range, in lower case; parameters by name in lower case, values as they came, `q` from 0 to 1.

    `*/*` and `image/*` are ranges.
    """

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    q: float = 1.0

    def covers(self, name: str) -> bool:
        """Return whether this range takes a media type, of which parameters are not looked at."""
        kind, _, sub = self.name.partition("/")
        return self.name in ("*/*", name) or (sub == "*" and name.startswith(f"{kind}/"))


def parse_media_type(text: str) -> MediaType:
    """Return one media type with its parameters.

    >>> parse_media_type('multipart/related; type="application/dicom"; q=0.5')
    MediaType(name='multipart/related', parameters={'type': 'application/dicom'}, q=0.5)

    Raises:
        ValueError: it is none.
    """
    name, *rest = (part.strip() for part in _split(text, ";"))
    kind, slash, sub = name.partition("/")
    if not slash or not kind or not sub or " " in name or "/" in sub:
        raise ValueError(f"{name[:80]!r} is no media type")
    parameters = dict(_parameter(part) for part in rest if part)
    quality = parameters.pop("q", "1")
    return MediaType(name.lower(), parameters, _quality(quality))


def accepted(request: Request) -> tuple[MediaType, ...]:
    """Return what a client accepts, best first; `*/*` where it says nothing.

    The query parameter `accept` (PS3.18 8.3.3.1) is for what cannot send headers of its own. What the header names
    counts only where nothing of the parameter can be given (PS3.18 8.7.8.1): it comes after it, with less quality.

    Raises:
        Problem: 400, it cannot be read.
    """
    named = _named(_PLUS.sub("+", text) for text in request.query_params.getlist("accept"))
    told = _named(request.headers.getlist("accept"))
    if named:
        told = [replace(each, q=each.q * _BEHIND) for each in told]
    return tuple(sorted([*named, *told], key=_preference)) or (MediaType("*/*"),)


def best_of(wanted: Sequence[MediaType], offered: Sequence[str]) -> str | None:
    """Return the media type of `offered` that a client likes best, None if it takes none of them.

    What it names with quality 0 it refuses, though a range covers it (RFC 9110 12.4.2).
    """
    refused = refused_by(wanted)
    for media_type in wanted:
        for name in offered:
            if media_type.q and name not in refused and media_type.covers(name):
                return name
    return None


def refused_by(wanted: Iterable[MediaType]) -> frozenset[str]:
    """Return the names that a client refuses."""
    return frozenset(each.name for each in wanted if not each.q)


def _named(texts: Iterable[str]) -> list[MediaType]:
    try:
        found = [each for text in texts for each in _listed(text)]
    except ValueError as exc:
        raise Problem(400, f"Accept: {exc}") from exc
    if len(found) > _MOST_ACCEPTED:
        raise Problem(400, f"Accept names more than {_MOST_ACCEPTED} media types")
    return found


@lru_cache(maxsize=64)
def _listed(text: str) -> tuple[MediaType, ...]:
    """Return the media types of a list; a client sends the same with every request."""
    return tuple(parse_media_type(part) for part in _split(text, ",") if part.strip())


def _preference(media_type: MediaType) -> tuple[float, int]:
    """Order by quality; of the same quality a range counts less than what it covers (RFC 9110 12.5.1)."""
    return -media_type.q, 2 if media_type.name == "*/*" else int(media_type.name.endswith("/*"))


def _split(text: str, separator: str) -> Iterator[str]:
    """Split at a separator that is not in quotes."""
    start, quoted, escaped = 0, False, False
    for place, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == separator and not quoted:
            yield text[start:place]
            start = place + 1
    if quoted:
        raise ValueError("a quote is not closed")
    yield text[start:]


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name:
        raise ValueError(f"{text[:80]!r} is no parameter of a media type")
    if value.startswith('"'):
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return name.lower(), value


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        quality = -1.0
    if not 0 <= quality <= 1:
        raise ValueError(f"q={text[:20]} is not a number from 0 to 1")
    return quality
