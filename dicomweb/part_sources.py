"""What gives the parts of an answer of bulk values, and answering with them, or with the range that is asked for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from dicomweb.multipart import Measured, Part, boundary_of, content_type, multipart
from dicomweb.negotiation import not_acceptable
from vna.archive import BulkContent, Frames
from vna.web.streaming import Chunk, Streamed


class PartSource(Protocol):
    """Gives parts."""

    def outline(self) -> Sequence[Part] | None:
        """Return the parts, of whose bytes none is read; None where their sizes are not known."""
        ...

    def read(self, places: range | None = None, skip: int = 0) -> Iterator[Part]:
        """Open the parts, or those at some places where there is an outline; the first one from a byte on."""
        ...


Open = Callable[[], PartSource | None]
"""Opens a source; None if the client takes nothing of it."""


@dataclass(frozen=True, slots=True)
class ValuePart:
    """A value as a part."""

    content: BulkContent
    media_type: str
    location: str

    def outline(self) -> Sequence[Part]:
        """Return the part."""
        return list(self.read())

    def read(self, _places: range | None = None, skip: int = 0) -> Iterator[Part]:
        """Open it."""
        size = self.content.size
        yield Part(self.media_type, self.location, self.content.chunks(range(skip, size)), size)


@dataclass(frozen=True, slots=True)
class WholePixels:
    """All images of an instance as one part, one behind the other."""

    frames: Frames
    media_type: str
    location: str

    def outline(self) -> None:
        """Return None: images that are converted have sizes that are not known before."""

    def read(self, _places: range | None = None, _skip: int = 0) -> Iterator[Part]:
        """Open the part."""
        yield Part(self.media_type, self.location, (frame.data for frame in self.frames))


@dataclass(frozen=True, slots=True)
class InTurn:
    """The parts of several sources; each is opened when its turn comes."""

    opens: Iterable[Open]

    def outline(self) -> None:
        """Return None: what comes later is not looked at before."""

    def read(self, _places: range | None = None, _skip: int = 0) -> Iterator[Part]:
        """Open the sources one after the other."""
        for each in self.opens:
            source = each()
            if source is not None:
                yield from source.read()


@dataclass(frozen=True, slots=True)
class Outlined:
    """The parts of several sources that were looked at before; each is opened again when its turn comes."""

    opens: Sequence[Open]
    outlines: Sequence[Sequence[Part]]

    def outline(self) -> Sequence[Part]:
        """Return the parts of them all."""
        return list(chain.from_iterable(self.outlines))

    def read(self, places: range | None = None, skip: int = 0) -> Iterator[Part]:
        """Open those sources that have parts at these places."""
        wanted, at = places or range(sum(map(len, self.outlines))), 0
        for each, outline in zip(self.opens, self.outlines, strict=True):
            within = range(max(0, wanted.start - at), min(len(outline), wanted.stop - at))
            at += len(outline)
            source = each() if within else None
            if source is not None:
                yield from source.read(within, skip)
                skip = 0


def outlined(opens: Sequence[Open]) -> PartSource:
    """Look at several sources, to know the sizes of their parts; where one does not tell they come in turn."""
    outlines = list[Sequence[Part]]()
    for each in opens:
        source = each()
        outline = () if source is None else source.outline()
        if outline is None:
            return InTurn(opens)
        outlines.append(outline)
    return Outlined(opens, outlines)


def parts_answer(request: Request, source: PartSource, headers: dict[str, str]) -> Response:
    """Answer with parts, or with the range of them that is asked for where their sizes are known.

    Raises:
        Problem: 406, there are none; 416, there are no such bytes.
    """
    outline = source.outline()
    if outline:
        return Measured(outline, boundary_of(headers["ETag"]), source.read).answer(request, headers)
    return whole_answer(source, headers)


def whole_answer(source: PartSource, headers: dict[str, str]) -> Response:
    """Answer with parts, all of them whatever range is asked for.

    Raises:
        Problem: 406, there are none.
    """
    boundary, parts = boundary_of(headers["ETag"]), source.read()
    first = next(parts, None)
    if first is None:
        raise not_acceptable("the values")
    media_type = content_type(first.media_type, boundary)
    return Streamed(begun(multipart(chain((first,), parts), boundary)), headers=headers, media_type=media_type)


def begun(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Have the first chunk read, so that what is wrong with it shows before anything is said."""
    return chain(tuple(first for first in (next(chunks, None),) if first is not None), chunks)
