"""Multipart bodies (RFC 2046, RFC 2387) as DICOMweb uses them, taken apart and put together strictly."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from conformance.checks.verdicts import Failed, expect

BOUNDARY = "conformance-check"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body; header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return name_of(self.headers.get("content-type", ""))


def parts_of(content_type: str, body: bytes) -> list[Part]:
    """Return the parts of a body.

    Raises:
        Failed: it is no multipart body, or has no end.
    """
    expect(name_of(content_type) == "multipart/related", f"the media type is {name_of(content_type)!r}")
    delimiter = b"\r\n--" + parameter(content_type, "boundary").encode()
    pieces = (b"\r\n" + body).split(delimiter)
    expect(len(pieces) > 1 and pieces[-1].startswith(b"--"), "the multipart body has no closing delimiter")
    return [_part(piece) for piece in pieces[1:-1]]


def body_of(parts: Iterable[Part], *, boundary: str = BOUNDARY) -> bytes:
    """Return the body that holds some parts."""
    pieces = []
    for part in parts:
        head = "".join(f"{name}: {text}\r\n" for name, text in part.headers.items())
        pieces.append(f"--{boundary}\r\n{head}\r\n".encode() + part.body + b"\r\n")
    return b"".join(pieces) + f"--{boundary}--\r\n".encode()


def related(type_: str, *, boundary: str = BOUNDARY) -> str:
    """Return the Content-Type of a body whose root is of a media type."""
    return f'multipart/related; type="{type_}"; boundary={boundary}'


def name_of(media_type: str) -> str:
    """Return a media type without its parameters, in lower case."""
    return media_type.partition(";")[0].strip().lower()


def parameter(media_type: str, name: str) -> str:
    """Return a parameter of a media type without its quotes.

    Raises:
        Failed: there is none of the name.
    """
    for part in media_type.split(";")[1:]:
        key, _equals, text = part.strip().partition("=")
        if key.lower() == name:
            return text.strip('"')
    raise Failed(f"the media type has no {name}")


def _part(piece: bytes) -> Part:
    head, separator, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    expect(separator, "a part has no end of its headers")
    lines = [line.partition(":") for line in head.decode("latin-1").split("\r\n") if line.strip()]
    return Part({name.strip().lower(): text.strip() for name, _colon, text in lines}, body)
