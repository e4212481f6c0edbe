"""The head and the seek table, byte by byte."""

import struct
import zlib

import pytest

from storage_backends import BlobDamaged, PixelShape
from storage_backends.chunks import Chunks
from storage_backends.layout import (
    HEAD_SIZE,
    Head,
    build_head,
    build_seek_table,
    parse_head,
    parse_seek_table,
    seek_table_size,
)
from storage_backends.planar import Filter

HEAD = Head(Filter.LEFT, PixelShape(600, 800, 3, 2, ">"), Chunks(600 * 800 * 6 * 2, 2880000, 2880000))


def test_the_head_is_what_its_drawing_says() -> None:
    head = build_head(HEAD)

    expected = struct.pack(
        "<II4sBBB1sIIIQQQ", 0x184D2A50, 48, b"BLOB", 1, 2, 2, b">", 600, 800, 3, 5760000, 2880000, 2880000
    )
    assert head == expected + struct.pack("<I", zlib.crc32(expected))


@pytest.mark.parametrize("head", [HEAD, Head(Filter.NONE, None, Chunks(0, 1 << 20, 1 << 20))])
def test_a_head_is_read_as_written(head: Head) -> None:
    assert parse_head(build_head(head)) == head


def test_every_flipped_bit_of_the_head_is_noticed() -> None:
    for bit in range(8 * HEAD_SIZE):
        damaged = bytearray(build_head(HEAD))
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BlobDamaged):
            parse_head(bytes(damaged))


@pytest.mark.parametrize(
    "fields",
    [(9, 2, b"<", 1, 1, 1, 2, 2, 2), (3, 7, b"<", 1, 1, 1, 2, 2, 2), (0, 0, b"\0", 0, 0, 0, 2**60, 2**60, 2**60)],
)
def test_a_head_that_makes_no_sense_is_damage_even_with_its_checksum(fields: tuple[object, ...]) -> None:
    head = struct.pack("<II4sBBB1sIIIQQQ", 0x184D2A50, 48, b"BLOB", 1, *fields)

    with pytest.raises(BlobDamaged, match="makes no sense"):
        parse_head(head + struct.pack("<I", zlib.crc32(head)))


def test_the_seek_table_is_what_zstd_publishes() -> None:
    table = build_seek_table([(56, 0), (1000, 4000)])

    assert table == struct.pack("<II4IIBI", 0x184D2A5E, 25, 56, 0, 1000, 4000, 2, 0, 0x8F92EAB1)
    assert seek_table_size(table[-9:]) == len(table)
    assert parse_seek_table(table, file_size=1056 + len(table)).starts.tolist() == [0, 56, 1056]


@pytest.mark.parametrize("end", [b"", b"12345678", bytes(9), build_seek_table([])[:-1]])
def test_a_file_that_does_not_end_in_a_seek_table_was_cut(end: bytes) -> None:
    with pytest.raises(BlobDamaged):
        seek_table_size(end)


def test_a_seek_table_that_misses_bytes_of_the_file_is_damage() -> None:
    table = build_seek_table([(56, 0)])

    with pytest.raises(BlobDamaged, match="does not fit"):
        parse_seek_table(table, file_size=57 + len(table))
