"""The door to stored bytes: what was put is got, whole or in part, and damage never is."""

import hashlib
import os
import random
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pixels
from storage_backends import (
    BlobDamaged,
    BlobNotFound,
    BlobRef,
    BlobStore,
    Codec,
    FileContent,
    Filesystem,
    FragmentedFrames,
    FrameNotFound,
    Memory,
    MemoryContent,
    PixelShape,
    RegularFrames,
    Span,
)
from storage_backends.contract import put

SHAPE = PixelShape(300, 200, 1, 2)
BIG = PixelShape(1500, 2003, 1, 2)
FAST = [codec for codec in Codec if codec is not Codec.SMALLEST]
"""What takes a second for each megabyte has tests of its own (test_smallest.py)."""


@pytest.fixture
def backend() -> Memory:
    return Memory()


@pytest.fixture(params=FAST)
def blobs(request: pytest.FixtureRequest, backend: Memory) -> Iterator[BlobStore]:
    store = BlobStore(backend, codec=request.param)
    yield store
    store.close()


@pytest.fixture
def dense(backend: Memory) -> Iterator[BlobStore]:
    store = BlobStore(backend)
    yield store
    store.close()


def put_image(blobs: BlobStore, shape: PixelShape = SHAPE, *, frames: int = 1, seed: int = 0) -> tuple[BlobRef, bytes]:
    plain = pixels.image(shape, frames=frames, seed=seed)
    return blobs.put(MemoryContent(plain), shape=shape, frames=RegularFrames(shape.frame_bytes, frames)), plain


@pytest.mark.parametrize("size", [0, 1, 40_000, 3_000_000])
def test_what_was_put_is_got(blobs: BlobStore, size: int) -> None:
    plain = random.Random(size).randbytes(size)

    ref = blobs.put(MemoryContent(plain))

    assert (ref.digest, ref.plain_size) == (hashlib.sha256(plain).hexdigest(), size)
    assert ref.stored_size == blobs.backend.size(ref.name)
    assert blobs.get(ref) == plain
    assert b"".join(blobs.stream(ref)) == plain
    blobs.verify(ref)


@pytest.mark.parametrize(("shape", "frames"), [(SHAPE, 1), (SHAPE, 20), (BIG, 2), (PixelShape(5, 7, 3, 1, ">"), 900)])
def test_pixels_are_got_whole_frame_by_frame_and_together(blobs: BlobStore, shape: PixelShape, frames: int) -> None:
    ref, plain = put_image(blobs, shape, frames=frames)

    assert blobs.get(ref) == plain
    assert blobs.get_many([ref]) == [plain]
    if ref.codec is not Codec.RAW:
        assert blobs.frame_count(ref) == frames
        assert blobs.frame(ref, frames) == plain[-shape.frame_bytes :]


def test_get_many_equals_get(dense: BlobStore) -> None:
    images = [put_image(dense, PixelShape(64, 64, 1, 2), seed=seed) for seed in range(30)]
    images += [put_image(dense, SHAPE, seed=seed) for seed in range(5)] + [put_image(dense, BIG), images[0]]
    others = [b"", b"x", random.Random(1).randbytes(2_000_000)]
    stored = images + [(dense.put(MemoryContent(plain)), plain) for plain in others]
    random.Random(1).shuffle(stored)

    assert dense.get_many([ref for ref, _ in stored]) == [plain for _, plain in stored]
    assert dense.get_many([]) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_range_is_the_slice(backend: Memory, data: st.DataObject) -> None:
    blobs = BlobStore(backend, codec=data.draw(st.sampled_from(FAST)))
    frames, shape = data.draw(st.sampled_from([(20, SHAPE), (2, BIG), (1, PixelShape(3, 3, 1, 1))]))
    ref, plain = put_image(blobs, shape, frames=frames)
    offset = data.draw(st.integers(0, len(plain)))
    length = data.draw(st.integers(0, min(len(plain) - offset, 1_500_000)))

    assert blobs.range(ref, offset, length) == plain[offset : offset + length]
    blobs.close()


@pytest.mark.parametrize(("offset", "length"), [(-1, 2), (0, 101), (100, 1), (3, -1)])
def test_a_range_outside_of_the_blob_is_refused(blobs: BlobStore, offset: int, length: int) -> None:
    ref = blobs.put(MemoryContent(bytes(100)))

    with pytest.raises(ValueError, match="outside"):
        blobs.range(ref, offset, length)


def test_the_fragments_of_a_frame_are_joined(dense: BlobStore) -> None:
    plain = random.Random(1).randbytes(2_500_000)
    frames = FragmentedFrames(((Span(8, 10), Span(1_048_570, 20)), (Span(2_000_000, 400_000),)))

    ref = dense.put(MemoryContent(plain), frames=frames, incompressible=True)

    assert dense.frame_count(ref) == 2
    assert dense.frame(ref, 1) == plain[8:18] + plain[1_048_570:1_048_590]
    assert dense.frame(ref, 2) == plain[2_000_000:2_400_000]
    for number in (0, 3):
        with pytest.raises(FrameNotFound):
            dense.frame(ref, number)


def test_a_blob_without_frame_table_says_so(blobs: BlobStore) -> None:
    ref = blobs.put(MemoryContent(b"document"))

    with pytest.raises(FrameNotFound, match="without a frame table"):
        blobs.frame(ref, 1)
    with pytest.raises(FrameNotFound, match="without a frame table"):
        blobs.frame_count(ref)


def test_nothing_is_seen_before_store_and_discard_leaves_nothing(blobs: BlobStore) -> None:
    digest = hashlib.sha256(b"one").hexdigest()
    encoded = blobs.encode(MemoryContent(b"one"))
    other = blobs.encode(MemoryContent(b"two"))
    encoded.flush()

    assert list(blobs.names()) == []
    ref = encoded.store(digest)
    encoded.discard()
    other.discard()

    assert list(blobs.names()) == [(digest, ref.codec)]
    assert blobs.get(ref) == b"one"


def test_the_same_bytes_with_other_hints_replace_the_file_and_old_references_still_work(dense: BlobStore) -> None:
    plain = pixels.image(SHAPE)
    first = dense.put(MemoryContent(plain))
    second = dense.put(MemoryContent(plain), shape=SHAPE)

    assert first.stored_size != second.stored_size
    assert dense.get(first) == dense.get(second) == plain


def test_a_deleted_blob_is_not_found(blobs: BlobStore) -> None:
    ref = blobs.put(MemoryContent(b"x"))
    blobs.delete(ref)
    blobs.delete(ref)

    for read in (blobs.get, blobs.stream, blobs.verify, blobs.frame_count, lambda ref: blobs.get_many([ref, ref])):
        with pytest.raises(BlobNotFound):
            read(ref)
    assert list(blobs.names()) == []


def test_files_of_a_codec_that_is_not_known_are_left_alone(blobs: BlobStore) -> None:
    put(blobs.backend, "0" * 64 + ".v2", b"")

    assert list(blobs.names()) == []


@pytest.mark.parametrize("shape", [None, PixelShape(6, 5, 1, 2)])
def test_every_flipped_bit_is_noticed_or_harmless(blobs: BlobStore, shape: PixelShape | None) -> None:
    plain = pixels.image(PixelShape(6, 5, 1, 2))
    ref = blobs.put(MemoryContent(plain), shape=shape, frames=RegularFrames(60, 1))
    file = blobs.backend.read(ref.name)

    noticed = 0
    for bit in range(8 * len(file)):
        damaged = bytearray(file)
        damaged[bit // 8] ^= 1 << bit % 8
        put(blobs.backend, ref.name, damaged)
        try:
            assert blobs.get(ref) == plain
        except BlobDamaged:
            noticed += 1
    assert noticed > 8 * len(file) * 0.7  # the frame table is not read by `get`


def test_a_file_cut_anywhere_is_noticed(blobs: BlobStore) -> None:
    ref, _ = put_image(blobs, PixelShape(6, 5, 1, 2))
    file = blobs.backend.read(ref.name)

    for length in range(len(file)):
        put(blobs.backend, ref.name, file[:length])
        with pytest.raises(BlobDamaged):
            blobs.get(ref)
        with pytest.raises(BlobDamaged):
            blobs.range(ref, 0, 60)


def test_bytes_of_another_blob_are_never_handed_out(blobs: BlobStore) -> None:
    ref, _ = put_image(blobs)
    other, _ = put_image(blobs, seed=1)
    put(blobs.backend, ref.name, blobs.backend.read(other.name))

    with pytest.raises(BlobDamaged, match="digest"):
        blobs.get(ref)
    with pytest.raises(BlobDamaged, match="digest"):
        blobs.get_many([ref])


def test_a_stream_of_wrong_bytes_ends_before_its_last_chunk(blobs: BlobStore) -> None:
    ref, plain = put_image(blobs, frames=30)
    other, _ = put_image(blobs, frames=30, seed=1)
    put(blobs.backend, ref.name, blobs.backend.read(other.name))
    got = 0

    with pytest.raises(BlobDamaged):  # noqa: PT012  (how much came before is the point)
        for piece in blobs.stream(ref):
            got += len(piece)

    assert 0 < got < len(plain)


def test_a_file_that_promises_the_moon_is_damaged_not_believed(dense: BlobStore) -> None:
    ref, _ = put_image(dense)
    huge = BlobRef(ref.digest, ref.codec, 2**50, ref.stored_size)
    tracemalloc.start()

    with pytest.raises(BlobDamaged):
        dense.get(huge)

    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_a_stream_may_be_continued_by_another_thread(dense: BlobStore) -> None:
    ref, plain = put_image(dense, frames=30)
    other, _ = put_image(dense, frames=30, seed=1)
    stream = dense.stream(ref)
    parts: list[bytes] = []

    with ThreadPoolExecutor(1) as thread:
        while piece := next(stream, b"") if len(parts) % 2 else thread.submit(next, stream, b"").result():
            parts.append(piece)
            dense.range(other, 0, 1000)

    assert b"".join(parts) == plain


def test_threads_put_and_get_at_once(dense: BlobStore) -> None:
    def put_and_get(seed: int) -> bool:
        ref, plain = put_image(dense, frames=1 + seed % 4, seed=seed)
        return dense.get(ref) == plain

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(put_and_get, range(40)))


@pytest.mark.parametrize("codec", FAST)
@pytest.mark.parametrize("shape", [None, PixelShape(4000, 4000, 1, 2)])
def test_a_large_file_goes_in_and_out_in_little_memory(tmp_path: Path, codec: Codec, shape: PixelShape | None) -> None:
    size = 96_000_000
    spool = tmp_path / "spool"
    spool.touch()
    os.truncate(spool, size)
    blobs = BlobStore(Filesystem(tmp_path / "blobs"), codec=codec)
    tracemalloc.start()

    with spool.open("rb") as file:
        ref = blobs.put(FileContent(file.fileno(), size), shape=shape)
    got = sum(len(piece) for piece in blobs.stream(ref))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    blobs.close()
    assert got == size
    assert peak < 40 << 20
