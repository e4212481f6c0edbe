"""A second reader of blob files, written from the docstrings of layout, frame_table, planar and smallest alone.

It shares no code with `storage_backends`: if both agree, the documentation is right, and whoever finds
such a file in thirty years can read it.
"""

import itertools
import lzma
import struct
from typing import Any

import imagecodecs
import numpy as np
import zstandard


def read_blob(file: bytes) -> bytes:
    """Return the plain bytes of a blob, given its whole file."""
    head = read_head(file)
    chunks = read_chunks(file)
    if head["version"] == 1:
        return b"".join(unfilter(chunk, head) for chunk in chunks)
    return b"".join(uncode(chunk, head) for chunk in chunks)


def read_head(file: bytes) -> dict[str, Any]:
    """Return the fields of the head."""
    magic, size, mark, version = struct.unpack_from("<II4sB", file)
    assert (magic, size, mark) == (0x184D2A50, 48, b"BLOB")
    assert version in (1, 2)
    kind, item_size = file[13], file[14]
    rows, columns, samples, plain_size, period, span = struct.unpack_from("<IIIQQQ", file, 16)
    return {
        "version": version,
        "filter": kind,
        "item_size": item_size,
        "byte_order": chr(file[15]),
        "rows": rows,
        "columns": columns,
        "samples": samples,
        "plain_size": plain_size,
        "period": period,
        "span": span,
    }


def read_seek_table(file: bytes) -> list[tuple[int, int]]:
    """Return size in the file and decompressed size of each frame (zstd's seekable format, version 0.1.0)."""
    count, descriptor, footer = struct.unpack("<IBI", file[-9:])
    assert footer == 0x8F92EAB1
    assert descriptor & 0b01111100 == 0  # reserved bits
    entry = 12 if descriptor & 0x80 else 8
    start = len(file) - 9 - entry * count - 8
    magic, size = struct.unpack_from("<II", file, start)
    assert (magic, size) == (0x184D2A5E, entry * count + 9)
    return [struct.unpack_from("<II", file, start + 8 + entry * number) for number in range(count)]


def read_chunks(file: bytes) -> list[bytes]:
    """Return every chunk, filtered, found through the seek table."""
    chunks, offset = [], 0
    for size, plain_size in read_seek_table(file):
        frame = file[offset : offset + size]
        if plain_size:
            chunks.append(zstandard.ZstdDecompressor().decompress(frame))
            assert len(chunks[-1]) == plain_size
        else:
            assert 0x184D2A50 <= struct.unpack_from("<I", frame)[0] <= 0x184D2A5F
        offset += size
    return chunks


def unfilter(planes: bytes, head: dict[str, Any]) -> bytes:
    """Undo the filter of one chunk."""
    if head["filter"] == 0:
        return planes
    item_size, row_bytes = head["item_size"], head["columns"] * head["samples"] * head["item_size"]
    rows_in_frame_or_band = min(head["rows"], len(planes) // row_bytes)
    digits = np.frombuffer(planes, np.int8).reshape(item_size, -1)
    values = sum(digits[k].astype(np.int64) << 8 * k for k in range(item_size))
    values = values.reshape(-1, rows_in_frame_or_band, head["columns"], head["samples"])
    if head["filter"] >= 2:
        values = values.cumsum(axis=2)
    if head["filter"] == 3:
        values = values.cumsum(axis=1)
    return bytes(values.astype(f"u{item_size}").astype(f"{head['byte_order']}u{item_size}").tobytes())


def uncode(chunk: bytes, head: dict[str, Any]) -> bytes:
    """Return the plain bytes of a coded chunk."""
    method, body = chunk[0], chunk[1:]
    if method < 16:
        return unfilter(body, head | {"filter": method})
    if method < 20:
        return unfilter(lzma.decompress(body), head | {"filter": method - 16})
    if method == 34:
        return unjpeg(body)
    bias, width = struct.unpack_from("<IB", body)
    image = {32: imagecodecs.jpegls_decode, 33: imagecodecs.jpegxl_decode}[method](body[5:])
    assert image.dtype.itemsize == width
    bits = 8 * head["item_size"]
    values = (image.astype(np.int64) + bias) % 2**bits
    return bytes(values.astype(f"{head['byte_order']}u{head['item_size']}").tobytes())


def unjpeg(body: bytes) -> bytes:
    """Return the plain bytes of a chunk with JPEG streams."""
    numbers = (number for (number,) in struct.iter_unpack("<I", body[: len(body) // 4 * 4]))
    read, streams = 1, []
    for _ in range(next(numbers)):
        size, count = next(numbers), next(numbers)
        streams.append((size, [(next(numbers), next(numbers)) for _ in range(count)]))
        read += 2 + 2 * count
    rest = body[4 * read + sum(size for size, _ in streams) :]
    plain, at = b"", 4 * read
    for size, pieces in streams:
        jpeg = bytes(imagecodecs.jpegxl_decode_jpeg(body[at : at + size], numthreads=1))
        at += size
        for gap, length in pieces:
            plain, rest = plain + rest[:gap] + jpeg[:length], rest[gap:]
            jpeg = jpeg[length:]
        assert not jpeg
    return plain + rest


def read_frames(file: bytes) -> list[list[tuple[int, int]]] | None:
    """Return offset and length of each fragment of each image frame."""
    sizes = [size for size, _ in read_seek_table(file)]
    table = file[sum(sizes[:-1]) : sum(sizes)]
    magic, _, kind, count = struct.unpack_from("<4I", table)
    assert magic == 0x184D2A51
    if kind == 0:
        return None
    if kind == 1:
        length = struct.unpack_from("<Q", table, 16)[0]
        return [[(number * length, length)] for number in range(count)]
    firsts = struct.unpack_from(f"<{count + 1}I", table, 16)
    numbers = struct.unpack_from(f"<{2 * firsts[-1]}Q", table, 16 + 4 * (count + 1))
    spans = list(zip(numbers[::2], numbers[1::2], strict=True))
    return [spans[first:after] for first, after in itertools.pairwise(firsts)]
