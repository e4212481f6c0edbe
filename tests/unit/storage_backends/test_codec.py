"""What is written: which filter, which file, and that others can read it."""

import random
import shutil
import subprocess
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import blob_file_reader
import pixels
from storage_backends import Codec, FragmentedFrames, MemoryContent, PixelShape, RegularFrames, Span
from storage_backends.codec import Encoder, Hints, Tools
from storage_backends.planar import Filter

ENCODER = Encoder(Tools())
SHAPE = PixelShape(300, 200, 1, 2)


def encode(plain: bytes, *, codec: Codec = Codec.DENSE, hints: Hints | None = None) -> bytes:
    parts: list[bytes] = []
    size = ENCODER.encode(
        MemoryContent(plain), codec=codec, hints=hints or Hints(), write=lambda part: parts.append(bytes(part))
    )
    file = b"".join(parts)
    assert len(file) == size
    return file


def chosen_filter(file: bytes) -> int:
    return int(blob_file_reader.read_head(file)["filter"])


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([1, 3]), st.sampled_from([1, 2, 4]), st.integers(1, 9))
def test_a_reader_written_from_the_documentation_gets_the_pixels(
    rows: int, columns: int, samples: int, item_size: int, frames: int
) -> None:
    shape = PixelShape(rows, columns, samples, item_size)
    plain = pixels.image(shape, frames=frames)

    file = encode(plain, hints=Hints(shape, RegularFrames(shape.frame_bytes, frames)))

    assert blob_file_reader.read_blob(file) == plain
    assert blob_file_reader.read_frames(file) == [
        [(number * shape.frame_bytes, shape.frame_bytes)] for number in range(frames)
    ]


def test_a_frame_too_large_for_a_chunk_is_read_band_by_band() -> None:
    shape = PixelShape(1500, 2003, 1, 2, ">")
    plain = pixels.image(shape, frames=2)

    file = encode(plain, hints=Hints(shape))

    assert len(blob_file_reader.read_chunks(file)) == 4
    assert blob_file_reader.read_blob(file) == plain


def test_fragments_are_in_the_file() -> None:
    frames = FragmentedFrames(((Span(8, 10), Span(26, 4)), (Span(38, 2),)))

    file = encode(bytes(40), hints=Hints(frames=frames, incompressible=True))

    assert blob_file_reader.read_frames(file) == [[(8, 10), (26, 4)], [(38, 2)]]


@pytest.mark.parametrize("codec", [Codec.ZSTD, Codec.DENSE])
@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_bytes_of_any_length_come_back(codec: Codec, size: int) -> None:
    plain = random.Random(size).randbytes(size)

    assert blob_file_reader.read_blob(encode(plain, codec=codec)) == plain


@pytest.mark.skipif(shutil.which("zstd") is None, reason="the program zstd is not installed")
def test_the_program_zstd_gives_back_the_filtered_bytes() -> None:
    file = encode(pixels.image(SHAPE, frames=5), hints=Hints(SHAPE))

    run = subprocess.run(["zstd", "-dc"], input=file, capture_output=True, check=True, timeout=60)

    assert run.stdout == b"".join(blob_file_reader.read_chunks(file))
    assert chosen_filter(file) == Filter.PLANAR


def test_raw_is_the_plain_bytes() -> None:
    plain = random.Random(1).randbytes(2_500_000)

    assert encode(plain, codec=Codec.RAW, hints=Hints(SHAPE)) == plain


def test_pixels_take_less_than_without_the_filter() -> None:
    plain = pixels.image(SHAPE)

    assert len(encode(plain, hints=Hints(SHAPE))) * 1.5 < len(encode(plain, codec=Codec.ZSTD))


def noise(rng: np.random.Generator) -> bytes:
    return rng.integers(0, 4096, SHAPE.frame_bytes // 2, dtype="<u2").tobytes()


def columns(rng: np.random.Generator) -> bytes:
    """Rows that have nothing to do with each other."""
    steps = rng.integers(-200, 201, (SHAPE.rows, SHAPE.columns)).cumsum(axis=1)
    return (steps + rng.integers(0, 65536, (SHAPE.rows, 1))).astype("<u2").tobytes()


@pytest.mark.parametrize(("make", "expected"), [(noise, {Filter.PLANES, Filter.NONE}), (columns, {Filter.LEFT})])
def test_where_the_planar_predictor_does_badly_another_is_taken(
    make: Callable[[np.random.Generator], bytes], expected: set[Filter]
) -> None:
    plain = make(np.random.default_rng(1))

    file = encode(plain, hints=Hints(SHAPE))

    assert chosen_filter(file) in expected
    assert blob_file_reader.read_blob(file) == plain


@pytest.mark.parametrize("hints", [Hints(SHAPE), Hints(SHAPE, incompressible=True), Hints()])
def test_what_is_not_pixels_of_the_shape_is_not_filtered(hints: Hints) -> None:
    plain = pixels.image(SHAPE) + b"\0\0"

    file = encode(plain, hints=hints)

    assert chosen_filter(file) == Filter.NONE
    assert blob_file_reader.read_blob(file) == plain


def test_incompressible_bytes_grow_by_little() -> None:
    plain = random.Random(1).randbytes(5_000_000)

    assert len(encode(plain, hints=Hints(incompressible=True))) < len(plain) * 1.001 + 200


@pytest.mark.parametrize(
    "frames",
    [RegularFrames(50, 3), FragmentedFrames(((Span(90, 11),),)), FragmentedFrames(((Span(-1, 5),),))],
)
def test_a_frame_table_that_does_not_fit_is_refused(frames: RegularFrames | FragmentedFrames) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode(bytes(100), hints=Hints(frames=frames))
