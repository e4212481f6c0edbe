"""The reversible filter that makes pixels small for zstd: predict, then split into byte planes.

Every pixel is replaced by its difference to the left pixel and that again by its difference to the
row above (the planar predictor), modulo 2^n; each difference is then written as balanced base-256
digits (-128..127, lowest digit first) and the digits of equal weight lie together in a plane. So
small differences of either sign have 0 in every plane but the first, and zstd's entropy coder gets
one narrow distribution per plane.

Differences are taken per sample; they start anew, from 0, at the first pixel of a row, at the first
row of an image frame and at the first row of a chunk. Given `planes`, the filtered bytes of a chunk
of PLANAR, this undoes it; LEFT leaves out the last `cumsum`, PLANES both:

    digits = np.frombuffer(planes, np.int8).reshape(item_size, -1)
    values = sum(digits[k].astype(np.int64) << 8 * k for k in range(item_size))
    values = values.reshape(-1, rows_in_frame_or_band, columns, samples)
    values = values.cumsum(axis=2).cumsum(axis=1)
    plain = values.astype(f"u{item_size}").astype(f"{byte_order}u{item_size}").tobytes()

This module is a fast way to do the same. Along the rows imagecodecs sums up in one pass. Down the
columns doubling (adding the array to itself shifted by 1, 2, 4, ... rows) makes log2(n) flat passes:
0.22 ms instead of 0.33 ms (a loop adding rows) for 512x512 16-bit pixels; only where rows are long is
the loop better. `numpy.add.accumulate` waits for every single addition: 0.83 ms. Everything works on
about as much as a level-2 cache holds, and in memory that is kept: on a virtual machine, fresh pages
cost more than the arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from imagecodecs import delta_decode

from storage_backends.content import Buffer

Octets = npt.NDArray[np.uint8]
Items = npt.NDArray[Any]
"""Unsigned integers in the byte order of this machine."""

_ENCODE_TILE_BYTES = 256 << 10
_DECODE_TILE_BYTES = 512 << 10
_LONG_ROW_BYTES = 2 << 10


class Filter(IntEnum):
    """What was done to the plain bytes before zstd; the numbers stand in the head of the file."""

    NONE = 0
    PLANES = 1
    LEFT = 2
    PLANAR = 3


@dataclass(frozen=True, slots=True)
class PixelShape:
    """How native pixel data lies in a blob: whole frames of rows x columns x samples, no gaps.

    `item_size` is the bytes of one sample (1, 2 or 4), `byte_order` "<" or ">". Pixel data of
    planar configuration 1 (PS3.3 C.7.6.3.1.3) is described as rows x samples rows of one sample.
    """

    rows: int
    columns: int
    samples: int
    item_size: int
    byte_order: Literal["<", ">"] = "<"

    def __post_init__(self) -> None:
        if min(self.rows, self.columns, self.samples) < 1 or self.item_size not in (1, 2, 4):
            raise ValueError(f"no such pixels: {self}")

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.columns * self.samples * self.item_size

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.rows * self.row_bytes

    def rows_together(self, size: int) -> int:
        """Return how many rows of a chunk of `size` bytes follow each other in one frame."""
        return min(self.rows, size // self.row_bytes)


class Workspace:
    """Scratch memory kept between calls, because fresh pages cost more than the work done in them.

    One per thread; what `array` returned is overwritten when the same slot is asked for again.
    """

    def __init__(self) -> None:
        self._slots: dict[str, Octets] = {}

    def array(self, slot: str, count: int, item_size: int) -> Items:
        """Return an uninitialised array of `count` unsigned integers of `item_size` bytes."""
        size = count * item_size
        held = self._slots.get(slot)
        if held is None or held.nbytes < size:
            held = self._slots[slot] = np.empty(size, np.uint8)
        return held[:size].view(f"u{item_size}")

    def copy(self, slot: str, items: npt.NDArray[Any]) -> Items:
        """Return a copy of unsigned integers in the byte order of this machine."""
        native = self.array(slot, items.size, items.itemsize)
        native[:] = items
        return native


def apply(kind: Filter, chunk: Buffer, *, shape: PixelShape, space: Workspace) -> Buffer:
    """Return the filtered bytes of a chunk of whole rows; they lie in `space`, or are `chunk` itself."""
    if kind is Filter.NONE:
        return chunk
    items = np.frombuffer(chunk, f"{shape.byte_order}u{shape.item_size}")
    if not items.dtype.isnative:
        items = space.copy("native", items)
    rows = items.reshape(-1, shape.columns * shape.samples)
    planes = space.array("planes", items.nbytes, 1).reshape(shape.item_size, *rows.shape)
    step = max(1, _ENCODE_TILE_BYTES // shape.row_bytes)
    for first in range(0, len(rows), step):
        tile = rows[first : first + step]
        if kind is Filter.PLANAR:
            tile = _differences_down(rows, first, step, shape.rows_together(items.nbytes), space)
        if kind >= Filter.LEFT:
            tile = _differences_across(tile, shape.samples, space)
        _split(tile, planes[:, first : first + step], space)
    return planes.reshape(-1).data


def undo(kind: Filter, chunks: Sequence[Buffer], *, shape: PixelShape, space: Workspace) -> list[memoryview]:
    """Return the plain bytes of filtered chunks, which all have the same size.

    Small chunks are worth handing over together: they share each pass of the arithmetic.
    """
    if kind is Filter.NONE or not chunks:
        return [memoryview(bytes(chunk)) for chunk in chunks]
    together = max(1, _DECODE_TILE_BYTES // max(1, len(chunks[0])))
    plain: list[memoryview] = []
    for first in range(0, len(chunks), together):
        plain += _undo_together(kind, chunks[first : first + together], shape, space)
    return plain


def _undo_together(kind: Filter, chunks: Sequence[Buffer], shape: PixelShape, space: Workspace) -> list[memoryview]:
    count = len(chunks[0]) // shape.item_size
    length = shape.rows_together(len(chunks[0]))
    fresh = np.empty(count * len(chunks), f"u{shape.item_size}")
    by_doubling = kind is Filter.PLANAR and shape.row_bytes < _LONG_ROW_BYTES
    other = space.array("other", fresh.size, shape.item_size) if by_doubling else fresh
    items = fresh if not by_doubling or _passes(length) % 2 == 0 else other  # the last pass writes what is kept
    for number, chunk in enumerate(chunks):
        _undo_rows(kind, chunk, items[number * count : (number + 1) * count], shape)
    if by_doubling:
        _running_sums(items, fresh if items is other else other, shape.columns * shape.samples, length)
    elif kind is Filter.PLANAR:
        _sums_down(items.reshape(-1, length, shape.columns * shape.samples))
    octets = fresh.astype(f"{shape.byte_order}u{shape.item_size}", copy=False).view(np.uint8)
    return [part.data for part in octets.reshape(len(chunks), -1)]


def _passes(length: int) -> int:
    """Return how many passes `_running_sums` makes."""
    return (length - 1).bit_length()


def _differences_down(rows: Items, first: int, count: int, length: int, space: Workspace) -> Items:
    """Subtract the row above from each of `count` rows; every `length` rows it starts anew."""
    tile = rows[first : first + count]
    out = space.array("down", tile.size, tile.itemsize).reshape(tile.shape)
    begin = int(first == 0)
    np.subtract(tile[begin:], rows[first + begin - 1 : first + len(tile) - 1], out=out[begin:])
    fresh = -first % length
    out[fresh::length] = tile[fresh::length]
    return out


def _differences_across(rows: Items, lane: int, space: Workspace) -> Items:
    """Subtract from each item of a row the one `lane` items before; flat, then the row starts put right."""
    out = space.array("across", rows.size, rows.itemsize)
    flat = rows.reshape(-1)
    np.subtract(flat[lane:], flat[:-lane], out=out[lane:])
    out = out.reshape(rows.shape)
    out[:, :lane] = rows[:, :lane]
    return out


def _split(rows: Items, planes: Octets, space: Workspace) -> None:
    """Write rows as planes of balanced digits, the lowest first."""
    rest = space.array("rest", rows.size, rows.itemsize).reshape(rows.shape)
    for plane in planes[:-1]:
        np.copyto(plane, rows, casting="unsafe")
        np.add(rows, 128, out=rest)
        rows = np.right_shift(rest, 8, out=rest)
    np.copyto(planes[-1], rows, casting="unsafe")


def _undo_rows(kind: Filter, chunk: Buffer, items: Items, shape: PixelShape) -> None:
    """Merge the planes of a chunk and undo the differences along its rows."""
    planes = np.frombuffer(chunk, np.int8).reshape(shape.item_size, -1)
    row = shape.columns * shape.samples
    step = max(1, _DECODE_TILE_BYTES // shape.row_bytes) * row
    for first in range(0, items.size, step):
        tile = items[first : first + step]
        _merge(planes[:, first : first + step], tile)
        if kind >= Filter.LEFT:
            rows = tile.reshape(-1, shape.columns, shape.samples)
            delta_decode(rows, axis=1, out=rows)


def _merge(planes: npt.NDArray[np.int8], out: Items) -> None:
    """Undo `_split`."""
    np.copyto(out, planes[-1], casting="unsafe")
    for plane in planes[-2::-1]:
        np.multiply(out, 256, out=out)  # twice as fast as a shift in numpy 2.4
        np.add(out, plane, out=out, dtype=out.dtype, casting="unsafe")


def _sums_down(frames: Items) -> None:
    """Undo `_differences_down` in place, row by row; `frames` are frames x rows x items."""
    for frame in frames:
        above = frame[0]
        for below in frame[1:]:
            np.add(above, below, out=below)
            above = below


def _running_sums(items: Items, other: Items, lane: int, length: int) -> None:
    """Sum up, in every run of `length` lanes of `lane` items, by doubling. Both arrays are overwritten.

    Each pass is flat over all runs, then the lanes that took from the run before are put right. The
    result is in `other` where `_passes(length)` is odd.
    """
    runs = (-1, length * lane)
    step = 1
    while step < length:
        shift = step * lane
        np.add(items[shift:], items[:-shift], out=other[shift:])
        other.reshape(runs)[:, :shift] = items.reshape(runs)[:, :shift]
        items, other = other, items
        step *= 2
