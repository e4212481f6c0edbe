"""Where blobs are cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage_backends import PixelShape, RegularFrames
from storage_backends.chunks import LARGEST_CHUNK, PLAIN_CHUNK, Chunks, can_filter, plan_chunks


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 500), st.integers(1, 100), st.integers(1, 100))
def test_chunks_cover_the_blob_without_gaps(plain_size: int, period: int, span: int) -> None:
    chunks = Chunks(plain_size, max(period, span), span)

    spans = [chunks[number] for number in range(chunks.count)]

    covered = [byte for offset, length in spans for byte in range(offset, offset + length)]
    assert covered == list(range(plain_size))
    assert all(0 < length <= span for _, length in spans)
    assert all(chunks.at(offset + length - 1) == number for number, (offset, length) in enumerate(spans))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([1, 3]), st.sampled_from([1, 2, 4]))
def test_a_chunk_is_whole_frames_or_whole_rows_of_one(rows: int, columns: int, samples: int, item_size: int) -> None:
    shape = PixelShape(rows, columns, samples, item_size)

    chunks = plan_chunks(3 * shape.frame_bytes, shape, None)

    assert chunks.span <= LARGEST_CHUNK
    assert chunks.span % shape.row_bytes == 0
    assert chunks.span % shape.frame_bytes == 0 or chunks.period == shape.frame_bytes


def test_one_ct_slice_is_one_chunk_and_a_radiograph_is_bands_of_equal_height() -> None:
    assert plan_chunks(512 * 512 * 2, PixelShape(512, 512, 1, 2), None).count == 1
    assert plan_chunks(3000 * 3000 * 2, PixelShape(3000, 3000, 1, 2), None).span == 600 * 6000


def test_frames_without_a_shape_are_kept_whole_and_unknown_bytes_are_cut_at_a_mebibyte() -> None:
    assert plan_chunks(10_000_001, None, RegularFrames(100_000, 100)).span == 300_000
    assert plan_chunks(10_000_001, None, RegularFrames(5_000_000, 2)) == Chunks(10_000_001, 5_000_000, 2_500_000)
    assert plan_chunks(10_000_001, None, None).span == PLAIN_CHUNK


def test_a_shape_that_the_size_contradicts_is_not_used() -> None:
    shape = PixelShape(3, 3, 1, 1)

    assert can_filter(shape, 18)
    assert not can_filter(shape, 10)  # one frame and the padding byte
    assert not can_filter(shape, 0)
    assert not can_filter(None, 9)


@pytest.mark.parametrize(("plain_size", "period", "span"), [(-1, 1, 1), (1, 0, 0), (1, 1, 2), (1, 2**40, 2**40)])
def test_chunks_that_cannot_be_are_refused(plain_size: int, period: int, span: int) -> None:
    with pytest.raises(ValueError, match="no such chunks"):
        Chunks(plain_size, period, span)
