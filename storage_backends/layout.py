"""The file of a blob of codec `zst`, `dns` or `sml`, byte by byte. All numbers are little endian.

The file is a row of zstd frames (RFC 8878), so that any zstd reads it, in zstd's published seekable
format (contrib/seekable_format of facebook/zstd), so that any part can be reached:

    head            skippable frame, 56 bytes, below
    chunk 0         zstd frame with content size and checksum: the filtered bytes of chunk 0; in version 2
                    a coded chunk, see `storage_backends.smallest`
    chunk 1 ...     ... in order; `storage_backends.chunks` says where the blob is cut
    frame table     skippable frame, see `storage_backends.frame_table`
    seek table      skippable frame, below

The head:

    offset  bytes
         0  4      0x184D2A50, magic number of a skippable frame
         4  4      48, the bytes that follow
         8  4      "BLOB"
        12  1      version of all of this: 1, or 2 if the chunks are coded
        13  1      filter: 0 none, 1 planes, 2 left, 3 planar (`storage_backends.planar` undoes them); in
                   version 2 each chunk has its own, and this is 1 if the four that follow are given
        14  1      bytes of a sample: 1, 2, 4; 0 with filter 0, like the four that follow
        15  1      byte order of a sample: "<" or ">"
        16  4      rows of an image frame
        20  4      columns
        24  4      samples per pixel, interleaved
        28  8      plain size
        36  8      period and ...
        44  8      ... span of the chunks: the plain blob is cut at each multiple of `period`, and each
                   of those pieces at each multiple of `span` counted from its start
        52  4      CRC-32 (zlib's) of bytes 0 to 51

The seek table:

         0  4      0x184D2A5E, magic number of a skippable frame
         4  4      8 n + 9, the bytes that follow
         8  8      4 bytes each: size in the file, decompressed size (0 for a skippable frame) of frame 0,
                   which is the head; and so on for all n frames before this one
     8 n+8  4      n
    8 n+12  1      0: no checksums here, each zstd frame has its own (XXH64)
    8 n+13  4      0x8F92EAB1

`zstd -dc` gives back the filtered or coded chunks, one after the other.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from storage_backends.chunks import Chunks
from storage_backends.errors import BlobDamaged
from storage_backends.planar import Filter, PixelShape

VERSION, CODED_VERSION = 1, 2
HEAD_SIZE = 56
SEEK_FOOTER_SIZE = 9
_HEAD_MAGIC, _SEEK_MAGIC, _FOOTER_MAGIC = 0x184D2A50, 0x184D2A5E, 0x8F92EAB1
_HEAD = struct.Struct("<II4sBBBcIIIQQQ")
_SEEK_START, _SEEK_FOOTER = struct.Struct("<II"), struct.Struct("<IBI")


@dataclass(frozen=True, slots=True)
class Head:
    """What the first frame of the file says; `shape` is given exactly if there is a filter.

    Where the chunks are `coded`, the filter only says whether the shape is known.
    """

    filter: Filter
    shape: PixelShape | None
    chunks: Chunks
    coded: bool = False


@dataclass(frozen=True, slots=True)
class SeekTable:
    """Where each frame before the seek table lies in the file, the head being frame 0."""

    starts: npt.NDArray[np.int64]
    """One more than there are frames: the last is where the seek table begins."""
    plain_sizes: npt.NDArray[np.int64]


def build_head(head: Head) -> bytes:
    """Write the first frame of the file."""
    shape, chunks = head.shape, head.chunks
    order, item, geometry = b"\0", 0, (0, 0, 0)
    if shape is not None:
        order, item, geometry = shape.byte_order.encode(), shape.item_size, (shape.rows, shape.columns, shape.samples)
    sizes = (chunks.plain_size, chunks.period, chunks.span)
    version = CODED_VERSION if head.coded else VERSION
    start = _HEAD.pack(_HEAD_MAGIC, HEAD_SIZE - 8, b"BLOB", version, head.filter, item, order, *geometry, *sizes)
    return start + struct.pack("<I", zlib.crc32(start))


def parse_head(head: bytes) -> Head:
    """Read the first frame of the file, given at least its `HEAD_SIZE` bytes.

    Raises:
        BlobDamaged: it is not what `build_head` writes, or was written by a newer version.
    """
    if len(head) < HEAD_SIZE:
        raise BlobDamaged("the file ends in its head")
    magic, size, mark, version, kind, item, order, *numbers = _HEAD.unpack_from(head)
    known = version in (VERSION, CODED_VERSION)
    if (magic, size, mark) != (_HEAD_MAGIC, HEAD_SIZE - 8, b"BLOB") or not known:
        raise BlobDamaged("the head is not one that can be read here")
    if zlib.crc32(head[: _HEAD.size]) != int.from_bytes(head[_HEAD.size : HEAD_SIZE], "little"):
        raise BlobDamaged("the checksum of the head is wrong")
    rows, columns, samples, plain_size, period, span = numbers
    try:
        shape = PixelShape(rows, columns, samples, item, ">" if order == b">" else "<") if kind else None
        return Head(Filter(kind), shape, Chunks(plain_size, period, span), version == CODED_VERSION)
    except ValueError as exc:
        raise BlobDamaged(f"the head makes no sense: {exc}") from exc


def build_seek_table(sizes: Sequence[tuple[int, int]]) -> bytes:
    """Write the last frame of the file, given size in the file and decompressed size of each frame before it."""
    entries = np.array(sizes, "<u4").tobytes()
    start = _SEEK_START.pack(_SEEK_MAGIC, len(entries) + SEEK_FOOTER_SIZE)
    return start + entries + _SEEK_FOOTER.pack(len(sizes), 0, _FOOTER_MAGIC)


def seek_table_size(end: bytes) -> int:
    """Return the size of the seek table, given the last bytes of the file.

    Raises:
        BlobDamaged: the file does not end in a seek table.
    """
    if len(end) < SEEK_FOOTER_SIZE:
        raise BlobDamaged("the file ends in its head")
    count, descriptor, magic = _SEEK_FOOTER.unpack(end[-SEEK_FOOTER_SIZE:])
    if magic != _FOOTER_MAGIC or descriptor != 0:
        raise BlobDamaged("the file does not end in a seek table: it was cut off or overwritten")
    return _SEEK_START.size + 8 * int(count) + SEEK_FOOTER_SIZE


def parse_seek_table(table: bytes, *, file_size: int) -> SeekTable:
    """Read a whole seek table.

    Raises:
        BlobDamaged: it does not account for every byte of the file.
    """
    magic, size = _SEEK_START.unpack_from(table)
    entries = np.frombuffer(table, "<u4", (len(table) - _SEEK_START.size - SEEK_FOOTER_SIZE) // 4, _SEEK_START.size)
    sizes = entries.reshape(-1, 2).astype(np.int64)
    starts = np.concatenate(([0], np.cumsum(sizes[:, 0])))
    if (magic, size) != (_SEEK_MAGIC, len(table) - _SEEK_START.size) or starts[-1] + len(table) != file_size:
        raise BlobDamaged("the seek table does not fit the file")
    return SeekTable(starts, sizes[:, 1])
