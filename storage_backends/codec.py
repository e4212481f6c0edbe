"""How blobs are encoded: which filter, which level of zstd, written chunk by chunk.

Decoding is in `storage_backends.stored`. Both work in memory that belongs to the thread, a few chunks
of it, however large the blob is.
"""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

import zstandard

from storage_backends.chunks import LARGEST_CHUNK, PLAIN_CHUNK, Chunks, can_filter, plan_chunks
from storage_backends.content import Buffer, Content
from storage_backends.frame_table import FragmentedFrames, FrameTable, RegularFrames, Span, build_frame_table
from storage_backends.jpegs import Fragments
from storage_backends.layout import Head, build_head, build_seek_table
from storage_backends.planar import Filter, PixelShape, Workspace, apply
from storage_backends.smallest import pack

FASTEST_LEVEL = -50
"""For what is compressed already: it costs little more than its checksum."""
FILTERED_LEVEL = 1
"""After the filter there is little left to match; higher levels are slower and no smaller."""
OTHER_LEVEL = 3
HARDEST_LEVEL = 22

GOOD_RATIO = 2.0
"""From this ratio on, the planar predictor is taken for 16-bit pixels without trying the others.

Measured on the first frames of 50 series: with 16 bits the best of all four gained 2 to 5 % over planar
below this ratio; above it, nothing in most and 8 to 18 % in four, for four times the work. With 8 bits, where
something is drawn, it gained up to 40 % at any ratio.
"""


_FRAMES_IN_CHUNK: Final = 16


class Codec(StrEnum):
    """How a blob is stored; the suffix of its name."""

    RAW = "raw"
    """The plain bytes and nothing else: no checksums before the digest, no frame table."""
    ZSTD = "zst"
    """The layout of `storage_backends.layout` without a filter."""
    DENSE = "dns"
    """The same with the filter that suits the pixels."""
    SMALLEST = "sml"
    """The same with each chunk coded by whatever makes it smallest (`storage_backends.smallest`); some hundred times
    slower to write than DENSE."""


CODECS: Final = {codec.value: codec for codec in Codec}
"""The codecs by the suffix of their files; files of another one are of another release, and left alone."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What the caller knows of a blob; only the frame table is also checked and kept."""

    shape: PixelShape | None = None
    frames: FrameTable | None = None
    incompressible: bool = False


class Tools(threading.local):
    """What a thread keeps from blob to blob, because making it anew costs more than a small blob."""

    def __init__(self) -> None:
        self.space = Workspace()
        self.decompressor = zstandard.ZstdDecompressor()
        self._compressors: dict[int, zstandard.ZstdCompressor] = {}

    def compress(self, level: int, data: Buffer) -> bytes:
        """Return one zstd frame with content size and checksum."""
        compressor = self._compressors.get(level)
        if compressor is None:
            compressor = zstandard.ZstdCompressor(level=level, write_checksum=True, write_content_size=True)
            self._compressors[level] = compressor
        return compressor.compress(data)


class Encoder:
    """Encodes blobs; one serves any number of threads."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def encode(self, content: Content, *, codec: Codec, hints: Hints, write: Callable[[Buffer], None]) -> int:
        """Hand the file of a blob to `write`, piece by piece, and return its size.

        Raises:
            ValueError: the frame table names bytes outside of the content.
        """
        if codec is Codec.RAW:
            for offset in range(0, content.size, PLAIN_CHUNK):
                write(content.read(offset, min(PLAIN_CHUNK, content.size - offset)))
            return content.size
        _check_frames(hints.frames, content.size)
        if codec is Codec.SMALLEST:
            shape = hints.shape if can_filter(hints.shape, content.size) else None
            return self._encode_smallest(content, shape, hints.frames, _File(write, hints.frames))
        fits = codec is Codec.DENSE and not hints.incompressible and can_filter(hints.shape, content.size)
        shape = hints.shape if fits else None
        level = FASTEST_LEVEL if hints.incompressible else OTHER_LEVEL if shape is None else FILTERED_LEVEL
        chunks = plan_chunks(content.size, shape, hints.frames)
        return self._encode_chunks(content, chunks, _Pixels(shape, level), _File(write, hints.frames))

    def _encode_chunks(self, content: Content, chunks: Chunks, pixels: "_Pixels", file: "_File") -> int:
        kind, packed = Filter.NONE, b""
        if chunks.count:
            kind, packed = self._choose_filter(content.read(*chunks[0]), pixels)
        file.add(build_head(Head(kind, pixels.shape if kind else None, chunks)), plain_size=0)
        for number in range(chunks.count):
            if number > 0:
                packed = self._pack(kind, content.read(*chunks[number]), pixels)
            file.add(packed, plain_size=chunks[number].length)
        return file.finish()

    def _encode_smallest(
        self, content: Content, shape: PixelShape | None, frames: FrameTable | None, file: "_File"
    ) -> int:
        kind = Filter.PLANES if shape is not None else Filter.NONE
        chunks = plan_chunks(content.size, shape, frames, _cut(frames))
        inside = _frames_inside(chunks, frames)
        file.add(build_head(Head(kind, shape, chunks, coded=True)), plain_size=0)
        hard, fast = partial(self._tools.compress, HARDEST_LEVEL), partial(self._tools.compress, FASTEST_LEVEL)
        for number in range(chunks.count):
            chunk = content.read(*chunks[number])
            frame, coded_size = pack(chunk, shape or inside.get(number, ()), self._tools.space, hard=hard, fast=fast)
            file.add(frame, plain_size=coded_size)
        return file.finish()

    def _choose_filter(self, chunk: Buffer, pixels: "_Pixels") -> tuple[Filter, bytes]:
        """Return the filter that suits the first chunk of a blob, and that chunk packed with it.

        Trying all costs up to four times as much, so it is done only where the planar predictor may do
        badly: noise (it adds up the noise of three neighbours), palettes, masks, screens, ultrasound.
        """
        if pixels.shape is None:
            return Filter.NONE, self._pack(Filter.NONE, chunk, pixels)
        best = Filter.PLANAR, self._pack(Filter.PLANAR, chunk, pixels)
        if pixels.shape.item_size > 1 and len(best[1]) * GOOD_RATIO <= len(chunk):
            return best
        for kind in (Filter.LEFT, Filter.PLANES, Filter.NONE):
            packed = self._pack(kind, chunk, pixels)
            if len(packed) < len(best[1]):
                best = kind, packed
        return best

    def _pack(self, kind: Filter, chunk: Buffer, pixels: "_Pixels") -> bytes:
        if pixels.shape is not None:
            chunk = apply(kind, chunk, shape=pixels.shape, space=self._tools.space)
        return self._tools.compress(pixels.level, chunk)


@dataclass(frozen=True, slots=True)
class _Pixels:
    """What may be filtered, and how hard zstd tries."""

    shape: PixelShape | None
    level: int


class _File:
    """The file being written: counts what the seek table must say."""

    def __init__(self, write: Callable[[Buffer], None], frames: FrameTable | None) -> None:
        self._write, self._frames = write, frames
        self._sizes: list[tuple[int, int]] = []

    def add(self, frame: bytes, *, plain_size: int) -> None:
        """Append one zstd frame or skippable frame."""
        self._write(frame)
        self._sizes.append((len(frame), plain_size))

    def finish(self) -> int:
        """Append the frame table and the seek table; return the size of the file."""
        table = build_frame_table(self._frames)
        self._sizes.append((len(table), 0))
        seek_table = build_seek_table(self._sizes)
        self._write(table + seek_table)
        return sum(size for size, _ in self._sizes) + len(seek_table)


def _cut(frames: FrameTable | None) -> int:
    """Return the size of chunks of fragmented frames: few frames lie in two of them, and one is read soon."""
    spans = frames.spans if isinstance(frames, FragmentedFrames) else ()
    largest = max((sum(span.length for span in frame) for frame in spans), default=0)
    return min(LARGEST_CHUNK, max(PLAIN_CHUNK, _FRAMES_IN_CHUNK * largest))


def _frames_inside(chunks: Chunks, frames: FrameTable | None) -> dict[int, Fragments]:
    """Return the fragmented frames that lie in one chunk, by its number: where in it, in order."""
    found: dict[int, list[tuple[Span, ...]]] = {}
    end = 0
    for frame in frames.spans if isinstance(frames, FragmentedFrames) else ():
        spans = tuple(span for span in frame if span.length)
        bounds = [end, *itertools.chain.from_iterable((span.offset, span.offset + span.length) for span in spans)]
        if not spans or any(after < before for before, after in itertools.pairwise(bounds)):
            continue
        end = bounds[-1]
        number = chunks.at(spans[0].offset)
        if number == chunks.at(end - 1):
            start = chunks[number].offset
            found.setdefault(number, []).append(tuple(Span(span.offset - start, span.length) for span in spans))
    return {number: tuple(inside) for number, inside in found.items()}


def _check_frames(frames: FrameTable | None, plain_size: int) -> None:
    inside = True
    if isinstance(frames, RegularFrames):
        inside = frames.frame_bytes * frames.count <= plain_size
    elif isinstance(frames, FragmentedFrames):
        spans = itertools.chain.from_iterable(frames.spans)
        inside = all(0 <= offset <= offset + length <= plain_size for offset, length in spans)
    if not inside:
        raise ValueError(f"the frame table does not fit a blob of {plain_size} bytes")
