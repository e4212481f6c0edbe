"""Files of blobs whose checksums are right and whose numbers are not: damaged, whatever they state."""

import struct
import zlib

import pytest

from storage_backends import BlobDamaged, BlobRef, BlobStore, Codec, Memory, MemoryContent
from storage_backends.frame_table import FRAME_TABLE_MAGIC, parse_frame_table
from storage_backends.layout import build_seek_table


def table(kind: int, count: int, body: bytes) -> bytes:
    start = struct.pack("<4I", FRAME_TABLE_MAGIC, 12 + len(body), kind, count) + body
    return start + struct.pack("<I", zlib.crc32(start))


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(table(2, 2**32 - 1, bytes(8)), id="frames"),
        pytest.param(table(2, 1, struct.pack("<2I", 0, 2**32 - 1)), id="spans"),
        pytest.param(table(2, 0, b""), id="nothing"),
        pytest.param(table(1, 5, bytes(8)), id="frames-of-nothing"),
    ],
)
def test_a_frame_table_that_states_more_than_it_has_is_damaged(forged: bytes) -> None:
    with pytest.raises(BlobDamaged):
        parse_frame_table(forged)


def stored() -> tuple[Memory, BlobRef, bytes]:
    memory = Memory()
    store = BlobStore(memory, codec=Codec.ZSTD)
    ref = store.put(MemoryContent(b"content"))
    store.close()
    return memory, ref, memory.read(ref.name)


def read_instead(memory: Memory, ref: BlobRef, file: bytes) -> bytes:
    staged = memory.stage()
    staged.write(file)
    staged.commit(ref.name)
    return BlobStore(memory).get(ref)


def test_a_chunk_packed_in_more_bytes_than_any_can_be_is_not_read() -> None:
    memory, ref, file = stored()
    padding = bytes(9 << 20)
    table_size = 17 + 8 * 3
    packed = len(file) - 56 - 20 - table_size
    sizes = [(56, 0), (packed + len(padding), 7), (20, 0)]
    forged = file[: 56 + packed] + padding + file[56 + packed : 56 + packed + 20] + build_seek_table(sizes)

    with pytest.raises(BlobDamaged, match="more bytes than any"):
        read_instead(memory, ref, forged)


def test_a_seek_table_of_more_chunks_than_the_blob_has_is_not_read() -> None:
    memory, ref, file = stored()
    forged = file[:56] + build_seek_table([(56, 0), *[(0, 0)] * 200_000])

    with pytest.raises(BlobDamaged, match="more chunks"):
        read_instead(memory, ref, forged)
