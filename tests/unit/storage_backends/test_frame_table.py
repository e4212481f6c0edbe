"""The frame table: what is written is read, by both readers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage_backends import BlobDamaged, FragmentedFrames, FrameNotFound, RegularFrames, Span
from storage_backends.frame_table import build_frame_table, parse_frame_table

SPANS = st.lists(st.builds(Span, st.integers(0, 2**50), st.integers(0, 2**50)), max_size=4).map(tuple)


@settings(max_examples=60, deadline=None)
@given(st.lists(SPANS, max_size=8).map(tuple))
def test_fragments_are_read_as_written(spans: tuple[tuple[Span, ...], ...]) -> None:
    stored = parse_frame_table(build_frame_table(FragmentedFrames(spans)))

    assert stored is not None
    assert stored.count == len(spans)
    assert tuple(stored.frame(number + 1) for number in range(len(spans))) == spans


def test_regular_frames_are_read_as_written() -> None:
    stored = parse_frame_table(build_frame_table(RegularFrames(2**40, 3)))

    assert stored == RegularFrames(2**40, 3)
    assert stored.frame(3) == (Span(2**41, 2**40),)


def test_no_table_is_told_from_no_frames() -> None:
    none, empty = parse_frame_table(build_frame_table(None)), parse_frame_table(build_frame_table(FragmentedFrames(())))

    assert none is None
    assert empty is not None
    assert empty.count == 0


@pytest.mark.parametrize("number", [-1, 0, 4])
def test_a_frame_that_is_not_there_is_not_found(number: int) -> None:
    with pytest.raises(FrameNotFound, match=f"no frame {number} among 3"):
        RegularFrames(8, 3).frame(number)


@pytest.mark.parametrize("frames", [None, RegularFrames(8, 3), FragmentedFrames(((Span(0, 1), Span(1, 2)),))])
def test_every_flipped_bit_is_noticed(frames: RegularFrames | FragmentedFrames | None) -> None:
    table = build_frame_table(frames)

    for bit in range(8 * len(table)):
        damaged = bytearray(table)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BlobDamaged):
            parse_frame_table(bytes(damaged))


@pytest.mark.parametrize("length", [0, 3, 15, 19])
def test_a_table_cut_short_is_noticed(length: int) -> None:
    with pytest.raises(BlobDamaged):
        parse_frame_table(build_frame_table(RegularFrames(8, 3))[:length])


def test_frames_without_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="no such frames"):
        RegularFrames(0, 3)
