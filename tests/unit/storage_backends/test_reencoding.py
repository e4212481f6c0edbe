"""Blobs brought to another store in its codec: right there, or not there, and the source is only read."""

import random
from pathlib import Path

import pytest

import pixels
from storage_backends import (
    BlobDamaged,
    BlobNotFound,
    BlobRef,
    BlobStore,
    Codec,
    FragmentedFrames,
    FrameTable,
    Memory,
    MemoryContent,
    NoSpace,
    PixelShape,
    RegularFrames,
    Span,
    copying,
)
from storage_backends.backend import Staged
from storage_backends.contract import put

SHAPE = PixelShape(30, 40, 1, 2)
IMAGE = pixels.image(SHAPE, frames=3)
REGULAR = RegularFrames(SHAPE.frame_bytes, 3)
FRAGMENTS = FragmentedFrames(((Span(0, 10), Span(100, 20)), (Span(2_000, 400),)))
PAIRS = [(source, target) for source in Codec for target in Codec]


def stored(
    codec: Codec, plain: bytes, shape: PixelShape | None, frames: FrameTable | None
) -> tuple[BlobStore, BlobRef]:
    store = BlobStore(Memory(), codec=codec)
    return store, store.put(MemoryContent(plain), shape=shape, frames=frames)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=[f"{one}-to-{other}" for one, other in PAIRS])
@pytest.mark.parametrize("kind", ["pixels", "fragments", "document"])
def test_every_codec_is_brought_into_every_other(source: Codec, target: Codec, kind: str) -> None:
    plain = IMAGE if kind == "pixels" else random.Random(1).randbytes(3_000)
    frames = {"pixels": REGULAR, "fragments": FRAGMENTS}.get(kind)
    held, ref = stored(source, plain, SHAPE if kind == "pixels" else None, frames)
    there = BlobStore(Memory(), codec=target)

    written = there.reencode(ref, held)

    assert (written.digest, written.codec, written.plain_size) == (ref.digest, target, len(plain))
    assert written.stored_size == there.backend.size(written.name)
    assert there.get(written) == held.get(ref) == plain
    if frames is not None and Codec.RAW not in (source, target):
        assert [there.frame(written, number) for number in (1, 2)] == [held.frame(ref, number) for number in (1, 2)]


def test_the_shape_that_a_file_tells_is_used_and_else_what_the_caller_knows() -> None:
    there = BlobStore(Memory(), codec=Codec.SMALLEST)
    dense, ref = stored(Codec.DENSE, IMAGE, SHAPE, REGULAR)
    raw, raw_ref = stored(Codec.RAW, IMAGE, SHAPE, REGULAR)

    from_dense = there.reencode(ref, dense, shape=PixelShape(1, 1, 1, 1))
    unknowing = there.reencode(raw_ref, raw)
    knowing = there.reencode(raw_ref, raw, shape=SHAPE)

    assert there.opened(knowing).shape == there.opened(from_dense).shape == SHAPE
    assert knowing.stored_size < unknowing.stored_size


def test_what_is_long_goes_through_the_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "IN_MEMORY_BYTES", 16)
    held, ref = stored(Codec.DENSE, IMAGE, SHAPE, REGULAR)
    there = BlobStore(Memory(), codec=Codec.ZSTD)

    assert there.get(there.reencode(ref, held, spool=tmp_path)) == IMAGE
    assert list(tmp_path.iterdir()) == []


def test_nothing_damaged_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held, ref = stored(Codec.DENSE, IMAGE, SHAPE, REGULAR)
    file = bytearray(held.backend.read(ref.name))
    file[len(file) // 2] ^= 1
    put(held.backend, ref.name, file)
    there = BlobStore(Memory(), codec=Codec.ZSTD)

    for most in (1 << 20, 16):
        monkeypatch.setattr(copying, "IN_MEMORY_BYTES", most)
        with pytest.raises(BlobDamaged):
            there.reencode(ref, held, spool=tmp_path)

    assert list(there.names()) == []
    assert list(tmp_path.iterdir()) == []


def test_what_the_source_does_not_have_is_not_found() -> None:
    held, ref = stored(Codec.DENSE, IMAGE, SHAPE, REGULAR)
    held.delete(ref)

    with pytest.raises(BlobNotFound):
        BlobStore(Memory(), codec=Codec.ZSTD).reencode(ref, held)


class Garbling(Memory):
    """A place that keeps other bytes than it was given."""

    def _put(self, name: str, blob: bytes) -> None:
        middle = len(blob) // 2
        super()._put(name, blob[:middle] + bytes([blob[middle] ^ 1]) + blob[middle + 1 :])


def test_what_does_not_arrive_sound_is_told() -> None:
    held, ref = stored(Codec.DENSE, IMAGE, SHAPE, REGULAR)

    with pytest.raises(BlobDamaged):
        BlobStore(Garbling(), codec=Codec.ZSTD).reencode(ref, held)


class Full(Memory):
    """A place without room."""

    def stage(self) -> Staged:
        raise NoSpace("full")


def test_a_full_store_takes_nothing() -> None:
    held, ref = stored(Codec.DENSE, IMAGE, SHAPE, REGULAR)

    with pytest.raises(NoSpace):
        BlobStore(Full(), codec=Codec.ZSTD).reencode(ref, held)


def test_tiers_are_stores_by_name_and_closed_with_the_main_one() -> None:
    cold, second = BlobStore(Memory(), codec=Codec.SMALLEST), BlobStore(Memory())
    main = BlobStore(Memory(), replicas={"second": second}, tiers={"cold": cold}, mirrored=True)

    ref = main.put(MemoryContent(b"content"))

    assert main.stores == {"": main, "second": second, "cold": cold}
    assert (main.at(""), main.at("cold"), main.at("second")) == (main, cold, second)
    assert (second.exists(ref), cold.exists(ref)) == (True, False)
    with pytest.raises(KeyError):
        main.at("other")
    main.close()
    with pytest.raises(RuntimeError, match="shutdown"):
        cold.put(MemoryContent(bytes(40_000)))
