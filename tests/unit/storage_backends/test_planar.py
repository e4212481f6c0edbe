"""The filter: whatever goes in comes out, and the documented way to undo it agrees."""

import random
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import blob_file_reader
import pixels
from storage_backends.planar import Filter, PixelShape, Workspace, apply, undo

SPACE = Workspace()
FILTERS = st.sampled_from(list(Filter))
SHAPES = st.builds(
    PixelShape,
    rows=st.integers(1, 20),
    columns=st.integers(1, 20),
    samples=st.sampled_from([1, 2, 3, 4]),
    item_size=st.sampled_from([1, 2, 4]),
    byte_order=st.sampled_from(["<", ">"]),
)


def as_head(kind: Filter, shape: PixelShape) -> dict[str, int | str]:
    return {"filter": int(kind)} | {name: getattr(shape, name) for name in shape.__slots__}


@settings(max_examples=150, deadline=None)
@given(FILTERS, SHAPES, st.integers(1, 4), st.integers(0, 2**32))
def test_frames_come_back_in_both_readers(kind: Filter, shape: PixelShape, frames: int, seed: int) -> None:
    plain = random.Random(seed).randbytes(frames * shape.frame_bytes)

    filtered = bytes(apply(kind, plain, shape=shape, space=SPACE))

    assert undo(kind, [filtered], shape=shape, space=SPACE) == [plain]
    assert blob_file_reader.unfilter(filtered, as_head(kind, shape)) == plain


@settings(max_examples=50, deadline=None)
@given(FILTERS, SHAPES, st.data())
def test_a_band_of_rows_comes_back_in_both_readers(kind: Filter, shape: PixelShape, data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, shape.rows))
    plain = random.Random(rows).randbytes(rows * shape.row_bytes)

    filtered = bytes(apply(kind, plain, shape=shape, space=SPACE))

    assert undo(kind, [filtered], shape=shape, space=SPACE) == [plain]
    assert blob_file_reader.unfilter(filtered, as_head(kind, shape)) == plain


@pytest.mark.parametrize("kind", list(Filter))
@pytest.mark.parametrize(
    "shape",
    [
        PixelShape(512, 512, 1, 2),  # one tile down, several up
        PixelShape(301, 1201, 1, 2),  # rows long enough for the loop
        PixelShape(7, 70_001, 3, 2),  # a row is longer than a tile
        PixelShape(1031, 257, 3, 1, ">"),
        PixelShape(1, 1, 1, 4),
        PixelShape(40_000, 1, 1, 2),
        PixelShape(1, 40_000, 1, 1),
    ],
)
def test_shapes_at_the_edges_of_the_tiles_come_back(kind: Filter, shape: PixelShape) -> None:
    plain = random.Random(1).randbytes(2 * shape.frame_bytes)

    filtered = bytes(apply(kind, plain, shape=shape, space=SPACE))

    assert undo(kind, [filtered], shape=shape, space=SPACE) == [plain]
    assert blob_file_reader.unfilter(filtered, as_head(kind, shape)) == plain


@settings(max_examples=30, deadline=None)
@given(FILTERS, SHAPES, st.integers(0, 9))
def test_many_chunks_undone_at_once_equal_each_undone_alone(kind: Filter, shape: PixelShape, count: int) -> None:
    plains = [random.Random(number).randbytes(2 * shape.frame_bytes) for number in range(count)]
    filtered = [bytes(apply(kind, plain, shape=shape, space=SPACE)) for plain in plains]

    assert undo(kind, filtered, shape=shape, space=SPACE) == plains


def test_more_chunks_than_fit_a_tile_come_back() -> None:
    shape = PixelShape(128, 128, 1, 2)
    plains = [pixels.image(shape, seed=number) for number in range(40)]
    filtered = [bytes(apply(Filter.PLANAR, plain, shape=shape, space=SPACE)) for plain in plains]

    assert undo(Filter.PLANAR, filtered, shape=shape, space=SPACE) == plains


def test_small_differences_of_either_sign_leave_the_upper_planes_empty() -> None:
    shape = PixelShape(64, 64, 1, 4)
    plain = pixels.image(shape, noise=5)

    filtered = bytes(apply(Filter.PLANAR, plain, shape=shape, space=SPACE))

    assert not any(filtered[64 * 64 :])


@pytest.mark.parametrize("numbers", [(0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 3), (1, 1, 1, 8)])
def test_a_shape_that_cannot_be_is_refused(numbers: tuple[int, int, int, Literal[1]]) -> None:
    with pytest.raises(ValueError, match="no such pixels"):
        PixelShape(*numbers)
