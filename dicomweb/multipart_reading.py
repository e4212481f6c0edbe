"""Reading multipart/related bodies as they come (RFC 2046 5.1, RFC 2387): parts of any size, in constant memory.

    preamble | CRLF "--" boundary | CRLF headers CRLF | content | CRLF "--" boundary "--" | epilogue

A delimiter may lie across any two chunks. What looks like one and goes on otherwise than with a line end or `--` is
content. Lines end with CRLF and nothing else: content is binary, and who guesses here would change it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

MAX_HEAD_BYTES: Final = 16 * 1024
"""Most bytes of the headers of one part."""

_MOST_HEADERS: Final = 32
_MOST_PADDING: Final = 256  # blanks between a delimiter and its line end
_LONGEST_BOUNDARY: Final = 70  # RFC 2046 5.1.1
_BLANKS: Final = b" \t"


class BrokenMultipart(ValueError):
    """The body is no multipart body, or ends too early; the message says where and why."""


class TooManyParts(Exception):
    """The body has more parts than it may."""


@dataclass(frozen=True, slots=True)
class PartStart:
    """A part begins; names of headers in lower case."""

    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PartData:
    """Some of the content of a part; valid until the next bytes are fed."""

    data: memoryview


@dataclass(frozen=True, slots=True)
class PartEnd:
    """All of a part has come."""


Event = PartStart | PartData | PartEnd


class _State(Enum):
    PREAMBLE = auto()
    HEAD = auto()
    CONTENT = auto()
    EPILOGUE = auto()


class MultipartReader:
    """Reads one body; `feed` it as it comes, and `close` at its end."""

    def __init__(self, boundary: str, *, max_parts: int) -> None:
        """Read a body whose parts this boundary separates.

        Raises:
            BrokenMultipart: it can be none.
        """
        if not 0 < len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii() or not boundary.isprintable():
            raise BrokenMultipart("the boundary is missing, or is not what RFC 2046 allows")
        self._delimiter = b"\r\n--" + boundary.encode()
        self._kept = b"\r\n"  # the first delimiter may begin the body
        self._passed = 0  # bytes of what is kept that are no content
        self._state = _State.PREAMBLE
        self._left = max_parts

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield what the next bytes of the body bring; they are gone through as far as events are asked for.

        Raises:
            BrokenMultipart: the headers of a part cannot be read.
            TooManyParts: one more part begins than there may be.
        """
        buffer, at = self._kept + chunk if self._kept else chunk, 0
        self._kept = b""
        while self._state is not _State.EPILOGUE:
            step = self._head(buffer, at) if self._state is _State.HEAD else self._until_delimiter(buffer, at)
            yield from step.events
            if step.after is None:
                self._kept = buffer[step.keep_from :]
                return
            at = step.after

    def close(self) -> None:
        """Take note that the body has ended.

        Raises:
            BrokenMultipart: its closing delimiter has not come.
        """
        if self._state is _State.PREAMBLE:
            raise BrokenMultipart("the body has no part: its boundary is not in it")
        if self._state is not _State.EPILOGUE:
            raise BrokenMultipart("the body ends before its closing delimiter")

    def _head(self, buffer: bytes, start: int) -> "_Step":
        """Read the headers of a part."""
        if buffer.startswith(b"\r\n", start):  # no headers at all
            end = start - 2
        else:
            end = buffer.find(b"\r\n\r\n", start, start + MAX_HEAD_BYTES + 4)
            if end < 0:
                if len(buffer) - start > MAX_HEAD_BYTES:
                    raise BrokenMultipart(f"the headers of a part have no end within {MAX_HEAD_BYTES} bytes")
                return _Step((), None, start)
        if not self._left:
            raise TooManyParts
        self._left -= 1
        # The line end behind the headers may be that of the next delimiter: of a part without content.
        self._state, self._passed = _State.CONTENT, 2
        return _Step((PartStart(_headers(buffer[start : max(start, end)])),), end + 2)

    def _until_delimiter(self, buffer: bytes, start: int) -> "_Step":
        """Pass on content up to the next delimiter."""
        content, search = start + self._passed, start
        while (found := buffer.find(self._delimiter, search)) >= 0:
            line_end = _line_end(buffer, found + len(self._delimiter))
            if line_end is None:
                return self._pass_on(buffer, content, found)
            if line_end:
                events = self._content(buffer, content, found)
                ended = (*events, PartEnd()) if self._state is _State.CONTENT else ()
                closing = buffer.startswith(b"--", found + len(self._delimiter))
                self._state, self._passed = _State.EPILOGUE if closing else _State.HEAD, 0
                return _Step(ended, line_end)
            search = found + 1
        return self._pass_on(buffer, content, max(start, len(buffer) - len(self._delimiter) + 1))

    def _pass_on(self, buffer: bytes, content: int, upto: int) -> "_Step":
        self._passed = max(0, content - upto)
        return _Step(self._content(buffer, content, upto), None, upto)

    def _content(self, buffer: bytes, content: int, upto: int) -> tuple[Event, ...]:
        if self._state is not _State.CONTENT or upto <= content:
            return ()
        return (PartData(memoryview(buffer)[content:upto]),)


@dataclass(frozen=True, slots=True)
class _Step:
    """What some bytes brought, and where it goes on; without that what is kept until more has come."""

    events: tuple[Event, ...]
    after: int | None
    keep_from: int = 0


def _line_end(buffer: bytes, at: int) -> int | None:
    """Return where the line of a delimiter ends; 0 if it is none, None if that is not known yet."""
    if buffer.startswith(b"--", at):
        return at + 2
    end = at
    while end < len(buffer) and buffer[end] in _BLANKS and end - at <= _MOST_PADDING:
        end += 1
    rest = buffer[end : end + 2]
    if rest == b"\r\n":
        return end + 2
    may_go_on = rest in (b"", b"\r") or (rest == b"-" and end == at)
    return None if may_go_on and end - at <= _MOST_PADDING else 0


def _headers(head: bytes) -> dict[str, str]:
    """Return the headers of a part; a line that begins with a blank goes on with the one before (RFC 5322 2.2.3)."""
    headers: dict[str, str] = {}
    last = ""
    for raw in head.split(b"\r\n") if head else ():
        line = raw.decode("latin-1")
        if "\n" in line or "\r" in line or "\0" in line:
            raise BrokenMultipart("the headers of a part hold a control character: lines end with CR LF")
        if line[:1] in (" ", "\t") and last:
            headers[last] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        last = name.strip().lower()
        if not colon or not last or name != name.rstrip() or last in headers:
            raise BrokenMultipart("the headers of a part cannot be read")
        headers[last] = value.strip()
        if len(headers) > _MOST_HEADERS:
            raise BrokenMultipart(f"a part has more than {_MOST_HEADERS} headers")
    return headers
