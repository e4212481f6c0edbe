"""Picking single frames out of stored pixel data: of a value of any size only what holds them is read.

Native frames come out little endian and each by itself: single bits begin with a byte and are filled up to a whole one
(PS3.18 8.7.3.3, PS3.5 8.1.1). Compressed frames come out as they are stored, their fragments joined.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from storage_backends.frame_table import Span, StoredFrames
from vna.dicom.byte_order import swap
from vna.dicom.encoding import DOUBLE_FLOAT_PIXEL_DATA, FLOAT_PIXEL_DATA, WORD
from vna.dicom.frames import EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS
from vna.dicom.image_layout import BITS_ALLOCATED, COLUMNS, PLANAR_CONFIGURATION, ROWS, SAMPLES_PER_PIXEL
from vna.dicom.values import Bulk
from vna.errors import CannotConvert, NotFound
from vna.pixels.attributes import declared_frames, number_in, required_in
from vna.pixels.frames import Chunks, EncapsulatedFrames, OffsetTables

_RUN_BYTES: Final = 2**20
"""Neighbouring frames are read together up to this size: they may share a chunk of the store."""

_FLOAT_BITS: Final = {FLOAT_PIXEL_DATA: 32, DOUBLE_FLOAT_PIXEL_DATA: 64}


class PixelSource(Protocol):
    """Where the value lies: a stored blob, or memory."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    def range(self, span: Span) -> bytes:
        """Return a part that lies inside of the value."""
        ...

    def chunks(self) -> Chunks:
        """Give the whole value in order."""
        ...

    def frames(self) -> StoredFrames | None:
        """Return where frames lie in an encapsulated value, None if that was not found out when it was stored."""
        ...


Place = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Picker:
    """Frames of one value: how many, where each lies, how long it comes out, and what is made of the bytes there."""

    count: int
    place: Callable[[int], Place]
    length: Callable[[int], int]
    finish: Callable[[int, bytes], bytes]
    read: Callable[[Span], bytes]

    def check(self, numbers: Sequence[int]) -> None:
        """See that there are these frames, counted from 1.

        Raises:
            NotFound: one is not there.
        """
        for wanted in numbers:
            if not 1 <= wanted <= self.count:
                raise NotFound(f"there is no frame {wanted}, the instance has {self.count}")

    def pick(self, numbers: Sequence[int]) -> Iterator[bytes]:
        """Give frames in the order asked for.

        Raises:
            CannotConvert: a frame lies outside of the value.
        """
        for run in _runs([(wanted, self.place(wanted)) for wanted in numbers]):
            start = run[0][1][0].offset
            found = self.read(Span(start, _end(run[-1][1]) - start))
            if len(run) == len(run[0][1]) == 1:
                yield self.finish(run[0][0], found)
                continue
            data = memoryview(found)
            for wanted, place in run:
                parts = [data[span.offset - start : span.offset - start + span.length] for span in place]
                yield self.finish(wanted, b"".join(parts))


def picker_of(bulk: Bulk, values: Mapping[int, bytes], source: PixelSource) -> Picker:
    """Return how frames are picked out of a value of pixel data with the attributes around it.

    Raises:
        CannotConvert: nobody can tell where its frames lie.
    """
    if bulk.fragments or bulk.frame_bytes:
        return _encapsulated(bulk, values, source)
    return _native(bulk, values, source)


def _encapsulated(bulk: Bulk, values: Mapping[int, bytes], source: PixelSource) -> Picker:
    declared = declared_frames(values)
    table = source.frames()
    if table is None or (declared is None and len(table.frame(1)) > 1):
        tables = (values.get(tag, b"") for tag in (EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS))
        spans = EncapsulatedFrames(source.chunks, declared, OffsetTables(*tables)).table.spans
        return _in_fragments(bulk, len(spans), lambda wanted: spans[wanted - 1], source)
    return _in_fragments(bulk, table.count, table.frame, source)


def _in_fragments(bulk: Bulk, count: int, place: Callable[[int], Place], source: PixelSource) -> Picker:
    def length(wanted: int) -> int:
        return bulk.frame_bytes or sum(span.length for span in place(wanted))

    return Picker(count, place, length, _whole(bulk), source.range)


def _whole(bulk: Bulk) -> Callable[[int, bytes], bytes]:
    """Return what leaves a frame as it is, or takes the padding off one that is not compressed (PS3.5 A.4.11)."""

    def finish(wanted: int, data: bytes) -> bytes:
        if bulk.frame_bytes and not bulk.frame_bytes <= len(data) <= bulk.frame_bytes + 1:
            raise CannotConvert(f"frame {wanted} of {bulk.frame_bytes} bytes lies in fragments of {len(data)}")
        return data[: bulk.frame_bytes] if bulk.frame_bytes else data

    return finish


@dataclass(frozen=True, slots=True)
class _Native:
    """Native frames one after the other; `word` bytes are to be turned round together, 1 for none."""

    frame_bits: int
    count: int
    word: int
    size: int

    def place(self, wanted: int) -> Place:
        first, after = self._bits(wanted)
        start = first // 8 // self.word * self.word
        stop = -(-after // (8 * self.word)) * self.word
        if (after + 7) // 8 > self.size:
            raise CannotConvert(f"frame {wanted} of {self.count} is not whole: the pixel data has {self.size} bytes")
        return (Span(start, min(stop, self.size) - start),)

    def finish(self, wanted: int, data: bytes) -> bytes:
        first, after = self._bits(wanted)
        start = first // 8 // self.word * self.word
        if self.word > 1:
            data = swap(data, self.word)
        data = data[first // 8 - start : (after + 7) // 8 - start]
        if not self.frame_bits % 8:
            return data
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return np.packbits(bits[first % 8 : first % 8 + self.frame_bits], bitorder="little").tobytes()

    def _bits(self, wanted: int) -> tuple[int, int]:
        return (wanted - 1) * self.frame_bits, wanted * self.frame_bits


def _native(bulk: Bulk, values: Mapping[int, bytes], source: PixelSource) -> Picker:
    bits = _FLOAT_BITS.get(bulk.tag) or required_in(values, BITS_ALLOCATED)
    pixels = required_in(values, ROWS) * required_in(values, COLUMNS)
    samples = number_in(values, SAMPLES_PER_PIXEL) or 1
    word = 1 if bulk.little_endian else WORD.get(bulk.vr, 1)
    native = _Native(pixels * samples * bits, declared_frames(values) or 1, word, source.size)
    if samples == 3 and number_in(values, PLANAR_CONFIGURATION) != 1 and not _fits(native):
        subsampled = replace(native, frame_bits=pixels * 2 * bits)  # chroma, PS3.3 C.7.6.3.1.2
        native = subsampled if _fits(subsampled) else native
    return Picker(native.count, native.place, lambda _wanted: (native.frame_bits + 7) // 8, native.finish, source.range)


def _fits(native: _Native) -> bool:
    expected = (native.frame_bits * native.count + 7) // 8
    return expected <= native.size <= expected + expected % 2


def _runs(places: Sequence[tuple[int, Place]]) -> Iterator[list[tuple[int, Place]]]:
    """Put frames together that lie in order and near each other."""
    run: list[tuple[int, Place]] = []
    for wanted, place in places:
        if run:
            start, last = run[0][1][0].offset, run[-1][1]
            if place[0].offset < last[0].offset or _end(place) - start > _RUN_BYTES:
                yield run
                run = []
        run.append((wanted, place))
    if run:
        yield run


def _end(place: Place) -> int:
    return place[-1].offset + place[-1].length
