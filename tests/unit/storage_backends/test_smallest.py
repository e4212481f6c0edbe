"""The codec that makes blobs smallest: byte for byte the same again, never larger than JPEG-LS, and damage is seen."""

import lzma
import random
from functools import partial
from typing import Literal

import imagecodecs
import numpy as np
import pytest

import blob_file_reader
from storage_backends import (
    BlobDamaged,
    BlobRef,
    BlobStore,
    Codec,
    FragmentedFrames,
    Memory,
    MemoryContent,
    PixelShape,
    RegularFrames,
    Span,
)
from storage_backends.codec import Tools
from storage_backends.contract import put
from storage_backends.layout import Head, build_head, parse_head
from storage_backends.planar import Filter, Workspace
from storage_backends.smallest import pack, unpack

TOOLS = Tools()
FAST, HARD = partial(TOOLS.compress, -50), partial(TOOLS.compress, 22)
METHODS = {"none": 0, "planes": 1, "xz": range(16, 20), "jpeg-ls": 32, "jpeg-xl": 33}


def slice_of(shape: PixelShape, *, low: int = 0, spread: float = 9.0, frames: int = 1, seed: int = 0) -> bytes:
    """Something smooth with noise on it, as a detector gives it."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0 : shape.rows, 0 : shape.columns]
    smooth = 40 * np.sin(rows / 11) * np.cos(columns / 7)
    image = smooth[None, :, :, None] + rng.normal(0, spread, (frames, shape.rows, shape.columns, shape.samples))
    values = (image + low).astype(np.int64) % 256**shape.item_size
    return values.astype(f"{shape.byte_order}u{shape.item_size}").tobytes()


def stored(plain: bytes, shape: PixelShape | None, frames: int = 1) -> tuple[BlobStore, BlobRef, bytes]:
    store = BlobStore(Memory(), codec=Codec.SMALLEST)
    table = None if shape is None else RegularFrames(shape.frame_bytes, frames)
    ref = store.put(MemoryContent(plain), shape=shape, frames=table)
    return store, ref, store.backend.read(ref.name)


@pytest.mark.parametrize(
    ("shape", "low", "frames"),
    [
        pytest.param(PixelShape(61, 47, 1, 2), 1000, 1, id="12-in-16"),
        pytest.param(PixelShape(61, 47, 1, 2), -10, 1, id="signed"),
        pytest.param(PixelShape(61, 47, 1, 2, ">"), -10, 3, id="signed-big-endian"),
        pytest.param(PixelShape(33, 64, 1, 1), 120, 1, id="8-bit"),
        pytest.param(PixelShape(33, 64, 3, 1), 120, 2, id="colour-by-pixel"),
        pytest.param(PixelShape(99, 64, 1, 1), 120, 1, id="colour-by-plane"),
        pytest.param(PixelShape(20, 21, 3, 2), 3000, 1, id="colour-16"),
        pytest.param(PixelShape(20, 21, 2, 1), 100, 1, id="two-samples"),
        pytest.param(PixelShape(16, 16, 1, 4), 70_000, 1, id="32-bit"),
        pytest.param(PixelShape(1, 1, 1, 2), 5, 1, id="one-pixel"),
        pytest.param(PixelShape(40, 40, 1, 2), 500, 7, id="several-chunks"),
    ],
)
def test_every_kind_of_pixels_is_got_back(
    shape: PixelShape, low: int, frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage_backends.chunks.SMALLEST_FRAMES_CHUNK", 6400)
    plain = slice_of(shape, low=low, frames=frames)

    store, ref, file = stored(plain, shape, frames)

    assert (ref.codec, parse_head(file).coded, parse_head(file).shape) == (Codec.SMALLEST, True, shape)
    assert store.get(ref) == plain
    assert store.frame(ref, frames) == plain[-shape.frame_bytes :]
    assert store.range(ref, 1, len(plain) - 1) == plain[1:]
    assert store.get_many([ref, ref]) == [plain, plain]
    assert blob_file_reader.read_blob(file) == plain
    store.close()


@pytest.mark.parametrize(
    "plain",
    [b"", b"x", b"a header, a header, " * 500, random.Random(1).randbytes(30_000)],
    ids=["empty", "byte", "text", "noise"],
)
def test_what_is_no_pixels_is_got_back(plain: bytes) -> None:
    store, ref, file = stored(plain, None)

    assert store.get(ref) == blob_file_reader.read_blob(file) == plain
    assert ref.stored_size < len(plain) + 200
    store.close()


def test_a_huge_frame_is_coded_in_bands_and_its_table_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage_backends.chunks.LARGEST_CHUNK", 64 << 10)
    shape = PixelShape(240, 180, 1, 2)
    plain = slice_of(shape, low=900)

    store, ref, file = stored(plain, shape)

    assert len(blob_file_reader.read_chunks(file)) == 2
    assert store.frame(ref, 1) == plain
    store.close()


def test_fragments_are_found_in_what_is_compressed_already() -> None:
    plain = random.Random(1).randbytes(5_000)
    store = BlobStore(Memory(), codec=Codec.SMALLEST)
    frames = FragmentedFrames(((Span(8, 10), Span(400, 20)), (Span(2_000, 3_000),)))

    ref = store.put(MemoryContent(plain), frames=frames, incompressible=True)

    assert store.frame(ref, 1) == plain[8:18] + plain[400:420]
    store.close()


@pytest.mark.parametrize("low", [1000, -20], ids=["unsigned", "signed"])
def test_it_is_never_larger_than_jpeg_ls_or_dense(low: int) -> None:
    shape = PixelShape(128, 128, 1, 2)
    plain = slice_of(shape, low=low)
    shifted = np.frombuffer(plain, np.int16) + (0 if low > 0 else 2000)
    jpeg_ls = len(imagecodecs.jpegls_encode(shifted.astype(np.uint16).reshape(128, 128)))
    dense = BlobStore(Memory())

    smallest = stored(plain, shape)[1].stored_size

    assert smallest < jpeg_ls
    assert smallest < dense.put(MemoryContent(plain), shape=shape).stored_size
    dense.close()


def test_each_chunk_takes_the_method_that_makes_it_smallest() -> None:
    shape = PixelShape(64, 64, 1, 2)
    chosen = {
        "smooth": unpacked_method(slice_of(shape, low=1000), shape),
        "flat": unpacked_method(bytes(shape.frame_bytes), shape),
        "few words": unpacked_method(b"DICOM " * 2_000, None),
        "noise": unpacked_method(random.Random(1).randbytes(shape.frame_bytes), None),
    }

    assert chosen["smooth"] in (32, 33)
    assert chosen["flat"] < 4
    assert chosen["few words"] in (0, 16)
    assert chosen["noise"] == 0


def unpacked_method(plain: bytes, shape: PixelShape | None) -> int:
    return TOOLS.decompressor.decompress(pack(plain, shape or (), Workspace(), hard=HARD, fast=FAST)[0])[0]


def test_where_an_encoder_is_wrong_its_result_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = PixelShape(64, 64, 1, 2)
    plain, right = slice_of(shape, low=1000), imagecodecs.jpegxl_encode
    monkeypatch.setattr(imagecodecs, "jpegxl_encode", lambda image, **how: right(image // 2, **how))
    monkeypatch.setattr(imagecodecs, "jpegls_encode", lambda image: imagecodecs.jpegxl_encode(image))

    store, ref, file = stored(plain, shape)

    assert store.get(ref) == plain
    assert blob_file_reader.read_chunks(file)[0][0] < 20
    store.close()


@pytest.mark.parametrize("kind", ["smooth", "text"])
def test_any_flipped_bit_is_damage_before_a_decoder_sees_it(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = PixelShape(40, 40, 1, 2) if kind == "smooth" else None
    plain = slice_of(PixelShape(40, 40, 1, 2), low=1000) if kind == "smooth" else b"some text, and again " * 60
    store, ref, file = stored(plain, shape)
    fed: list[bytes] = []
    monkeypatch.setattr("storage_backends.stored.unpack", lambda coded, *_: fed.append(coded) or plain)

    for place in random.Random(2).sample(range(8 * len(file)), 400):
        damaged = bytearray(file)
        damaged[place // 8] ^= 1 << place % 8
        put(store.backend, ref.name, damaged)
        try:
            store.get(ref)
        except BlobDamaged:
            continue
    store.close()

    right = blob_file_reader.read_chunks(file)[0]
    assert all(coded == right for coded in fed)


def coded_image(method: int, stream: bytes, *, bias: int = 0, width: int = 2) -> bytes:
    return bytes([method]) + bias.to_bytes(4, "little") + bytes([width]) + stream


SMALL = PixelShape(8, 8, 1, 2)
STREAM = bytes(imagecodecs.jpegls_encode(np.zeros((8, 8), np.uint16)))
LARGER = bytes(imagecodecs.jpegls_encode(np.zeros((900, 8), np.uint16)))


@pytest.mark.parametrize(
    ("coded", "shape"),
    [
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"\x04" + bytes(128), None, id="unknown-method"),
        pytest.param(b"\x00" + bytes(127), None, id="too-short"),
        pytest.param(b"\x02" + bytes(128), None, id="filter-without-shape"),
        pytest.param(b"\x10" + lzma.compress(bytes(200)), None, id="xz-of-more"),
        pytest.param(b"\x10 no xz", None, id="no-xz"),
        pytest.param(coded_image(32, STREAM), None, id="image-without-shape"),
        pytest.param(coded_image(32, LARGER), SMALL, id="image-of-another-size"),
        pytest.param(coded_image(32, STREAM[:30]), SMALL, id="image-cut-off"),
        pytest.param(coded_image(33, STREAM), SMALL, id="another-format"),
        pytest.param(coded_image(32, STREAM, width=4), SMALL, id="wide-samples"),
        pytest.param(coded_image(32, STREAM, bias=2**17), SMALL, id="bias"),
        pytest.param(b"\x20\x00", SMALL, id="no-head"),
    ],
)
def test_a_forged_chunk_is_refused(coded: bytes, shape: PixelShape | None) -> None:
    with pytest.raises(ValueError):
        unpack(coded, 128, shape, Workspace())


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_coded_head_is_read_as_written(order: Literal["<", ">"]) -> None:
    chunks = parse_head(stored(bytes(128), PixelShape(8, 8, 1, 2, order))[2]).chunks
    head = Head(Filter.PLANES, PixelShape(8, 8, 1, 2, order), chunks, coded=True)

    assert parse_head(build_head(head)) == head
    assert build_head(head)[12] == 2
