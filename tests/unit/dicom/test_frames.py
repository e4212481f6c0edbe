import struct
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from conformance import phantoms
from held_data_sets import DataSet, in_code, in_files, sample_files
from pydicom_reading import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, encode
from shared_samples import needs_samples
from storage_backends.frame_table import FragmentedFrames, FrameTable, RegularFrames, Span
from storage_backends.planar import PixelShape
from vna.dicom.encoding import GE_PRIVATE_UID, PIXEL_DATA
from vna.dicom.frames import frame_table, pixel_shape
from vna.dicom.scan import BulkValue, Scan, scan

JPEG, RLE, MPEG2 = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.100"
START, END = b"\xff\xd8\xff\xe0", b"\xff\xd9"


def image(*, rows: int = 4, columns: int = 6, samples: int = 1, bits: int = 16, frames: int | None = None) -> Dataset:
    dataset = Dataset()
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, dataset.BitsAllocated = rows, columns, samples, bits
    if frames is not None:
        dataset.NumberOfFrames = frames
    return dataset


def with_pixels(dataset: Dataset, size: int, syntax: str = EXPLICIT_LE) -> Scan:
    dataset.add_new(PIXEL_DATA, "OW", bytes(size))
    return scan(encode(dataset, IMPLICIT_LE if syntax == GE_PRIVATE_UID else syntax), syntax)


def table(offsets: list[int], number: str = "I") -> bytes:
    return struct.pack(f"<{len(offsets)}{number}", *offsets)


def item(data: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(data)) + data


def with_fragments(
    fragments: list[bytes], *, frames: int, offsets: bytes = b"", extended: tuple[bytes, bytes] | None = None
) -> tuple[Scan, bytes]:
    """Return the scan of an encapsulated image, and its encapsulated value."""
    dataset = image(frames=frames)
    value = b"".join(map(item, [offsets, *fragments]))
    tables = b""
    for tag, content in zip((b"\x01\x00", b"\x02\x00"), extended or (), strict=False):
        tables += b"\xe0\x7f" + tag + b"OV\0\0" + struct.pack("<I", len(content)) + content
    start = encode(dataset, EXPLICIT_LE) + tables + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
    return scan(start + value + b"\xfe\xff\xdd\xe0\0\0\0\0", JPEG), value


def frames_of(found: Scan, value: bytes) -> list[bytes] | None:
    """Return the frames the table gives, None if it gives none."""
    frames = frame_table(found, found.bulk[-1])
    if frames is None:
        return None
    return [b"".join(value[span.offset : span.offset + span.length] for span in spans) for spans in spans_of(frames)]


def spans_of(frames: FrameTable) -> list[tuple[Span, ...]]:
    if isinstance(frames, FragmentedFrames):
        return list(frames.spans)
    return [frames.frame(number) for number in range(1, frames.count + 1)]


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("syntax", [EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE, GE_PRIVATE_UID])
def test_native_pixels_have_a_shape(bits: int, syntax: str) -> None:
    found = with_pixels(image(bits=bits, frames=3), 4 * 6 * 3 * bits // 8, syntax)

    order = ">" if syntax in (EXPLICIT_BE, GE_PRIVATE_UID) else "<"
    assert pixel_shape(found) == PixelShape(4, 6, 1, bits // 8, order)


def test_colour_by_plane_is_described_as_more_rows() -> None:
    dataset = image(samples=3, bits=8)
    dataset.PlanarConfiguration = 1

    assert pixel_shape(with_pixels(dataset, 72)) == PixelShape(12, 6, 1, 1)


def test_colour_by_pixel_keeps_its_samples() -> None:
    assert pixel_shape(with_pixels(image(samples=3, bits=8), 72)) == PixelShape(4, 6, 3, 1)


def test_subsampled_colour_has_two_samples_a_pixel() -> None:
    found = with_pixels(image(samples=3, bits=8, frames=2), 96)

    assert pixel_shape(found) == PixelShape(4, 6, 2, 1)
    assert frame_table(found, found.bulk[0]) == RegularFrames(48, 2)


@pytest.mark.parametrize(
    ("dataset", "size"),
    [
        (image(), 50),
        (image(), 46),
        (image(frames=2), 48),
        (image(rows=0), 48),
        (image(bits=1), 4),
        (image(bits=12), 36),
        (image(rows=3, columns=3, bits=8), 10),
        (Dataset(), 48),
    ],
)
def test_pixels_that_do_not_fit_their_attributes_have_no_shape(dataset: Dataset, size: int) -> None:
    assert pixel_shape(with_pixels(dataset, size)) is None


def test_what_has_no_native_pixel_data_has_no_shape() -> None:
    found, _ = with_fragments([b"ab"], frames=1)

    assert pixel_shape(found) is None
    assert pixel_shape(scan(encode(image(), EXPLICIT_LE), EXPLICIT_LE)) is None


@pytest.mark.parametrize("frames", ["0", "-1", "x", "9" * 12])
def test_an_impossible_number_of_frames_gives_no_table(frames: str) -> None:
    dataset = image()
    with warnings.catch_warnings(action="ignore"):
        dataset.add_new(0x00280008, "LO", frames)
    found = with_pixels(dataset, 48)

    assert pixel_shape(found) is None
    assert frame_table(found, found.bulk[0]) is None


def test_native_frames_are_regular() -> None:
    found = with_pixels(image(frames=3), 144)

    assert frame_table(found, found.bulk[0]) == RegularFrames(48, 3)


def test_a_padding_byte_does_not_hide_the_frames() -> None:
    found = with_pixels(image(rows=3, columns=3, bits=8), 10)

    assert frame_table(found, found.bulk[0]) == RegularFrames(9, 1)


def test_one_bit_frames_are_regular_only_if_they_are_whole_bytes() -> None:
    aligned, crossing = with_pixels(image(bits=1, frames=2), 6), with_pixels(image(rows=3, bits=1, frames=2), 6)

    assert frame_table(aligned, aligned.bulk[0]) == RegularFrames(3, 2)
    assert frame_table(crossing, crossing.bulk[0]) is None


def test_float_pixels_have_frames() -> None:
    dataset = image(bits=32, frames=2)
    dataset.add_new(0x7FE00008, "OF", bytes(192))
    found = scan(encode(dataset, EXPLICIT_LE), EXPLICIT_LE)

    assert frame_table(found, found.bulk[0]) == RegularFrames(96, 2)


def test_a_document_has_no_frames() -> None:
    dataset = image()
    dataset.add_new(0x00420011, "OB", bytes(48))
    found = scan(encode(dataset, EXPLICIT_LE), EXPLICIT_LE)

    assert frame_table(found, found.bulk[0]) is None


def test_the_basic_offset_table_says_which_fragments_are_a_frame() -> None:
    found, value = with_fragments([b"aa", b"bb", b"cc", b"dd"], frames=2, offsets=table([0, 30]))

    assert frames_of(found, value) == [b"aabbcc", b"dd"]


def test_the_extended_offset_table_gives_lengths_without_padding() -> None:
    extended = (table([0, 12], "Q"), table([3, 4], "Q"))
    found, value = with_fragments([b"aa!\0", b"bbbb"], frames=2, extended=extended)

    assert frames_of(found, value) == [b"aa!", b"bbbb"]


@pytest.mark.parametrize(
    "extended",
    [
        (table([0, 99], "Q"), table([4, 4], "Q")),
        (table([0, 12], "Q"), table([4, 9], "Q")),
        (table([0, 12], "Q"), table([4], "Q")),
        (table([12, 0], "Q"), table([4, 4], "Q")),
        (b"\x01", b""),
    ],
)
def test_a_corrupt_extended_table_is_passed_by(extended: tuple[bytes, bytes]) -> None:
    found, value = with_fragments([b"aaaa", b"bbbb"], frames=2, extended=extended)

    assert frames_of(found, value) == [b"aaaa", b"bbbb"]


def test_without_a_table_one_fragment_is_one_frame_where_the_counts_agree() -> None:
    found, value = with_fragments([b"aa", b"bb", b"cc"], frames=3)

    assert frames_of(found, value) == [b"aa", b"bb", b"cc"]


def test_without_a_table_all_fragments_are_the_one_frame() -> None:
    found, value = with_fragments([b"aa", b"bb", b"cc"], frames=1)

    assert frames_of(found, value) == [b"aabbcc"]


@pytest.mark.parametrize("offsets", [b"", table([0, 1]), table([8, 0]), b"\x01", table([0, 10, 20])])
def test_markers_at_the_start_part_the_frames_where_tables_do_not(offsets: bytes) -> None:
    fragments = [START + b"1", b"more", START + b"22", b"more"]
    found, value = with_fragments(fragments, frames=2, offsets=offsets)

    assert frames_of(found, value) == [START + b"1more", START + b"22more"]


def test_markers_at_the_end_part_the_frames_if_those_at_the_start_do_not() -> None:
    fragments = [b"one", b"tail" + END, b"two", b"x" + END + b"\0"]
    found, value = with_fragments(fragments, frames=2)

    assert frames_of(found, value) == [b"one" + b"tail" + END, b"twox" + END + b"\0"]


@pytest.mark.parametrize("fragments", [[], [b"aa"], [b"aa", b"bb", b"cc"]])
def test_frames_that_cannot_be_told_apart_give_no_table(fragments: list[bytes]) -> None:
    found, value = with_fragments(fragments, frames=2)

    assert (frames_of(found, value) if fragments else None) is None


def test_a_video_is_one_stream() -> None:
    found, _ = with_fragments([b"aa", b"bb"], frames=2)
    video = scan(found.buffer, MPEG2)

    assert frame_table(video, video.bulk[0]) is None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(max_size=6), max_size=5),
    st.integers(1, 5),
    st.binary(max_size=24),
    st.tuples(st.binary(max_size=24), st.binary(max_size=24)),
)
def test_no_table_however_corrupt_raises_or_leaves_the_value(
    fragments: list[bytes], frames: int, offsets: bytes, extended: tuple[bytes, bytes]
) -> None:
    found, value = with_fragments(fragments, frames=frames, offsets=offsets, extended=extended)

    given_frames = frame_table(found, found.bulk[-1])

    if given_frames is not None:
        assert given_frames.count == frames
        assert all(
            0 <= s.offset <= s.offset + s.length <= len(value) for spans in spans_of(given_frames) for s in spans
        )


def pixel_value(found: Scan) -> BulkValue | None:
    return next((bulk for bulk in found.bulk if bulk.path == (PIXEL_DATA,)), None)


def assert_frames_are_those_of_pydicom(data_set: DataSet) -> None:
    found = scan(data_set.data, data_set.transfer_syntax)
    bulk = pixel_value(found)
    given_frames = frame_table(found, bulk) if bulk else None
    if bulk is None or not isinstance(given_frames, FragmentedFrames):
        return
    value = data_set.data[bulk.offset : bulk.offset + bulk.length]
    tables = [found.raw(tag) for tag in (0x7FE00001, 0x7FE00002)]
    with warnings.catch_warnings(action="ignore"):
        expected = generate_frames(
            value, number_of_frames=given_frames.count, extended_offsets=tuple(tables) if all(tables) else None
        )
        for spans, frame in zip(given_frames.spans, expected, strict=True):
            assert b"".join(value[s.offset : s.offset + s.length] for s in spans) == frame, data_set.name


@pytest.mark.parametrize("name", ["us-rle", "jpeg-bot", "jpeg-nobot", "jpeg-eot", "jpeg-3-fragments"])
def test_frames_of_phantoms_are_those_pydicom_finds(name: str) -> None:
    (data_set,) = [found for found in in_code() if found.name == name]
    found = scan(data_set.data, data_set.transfer_syntax)
    bulk = pixel_value(found)

    assert bulk is not None
    assert isinstance(frame_table(found, bulk), FragmentedFrames)
    assert_frames_are_those_of_pydicom(data_set)


@needs_samples
def test_frames_of_samples_are_those_pydicom_finds() -> None:
    for data_set in in_files(sample_files()):
        assert_frames_are_those_of_pydicom(data_set)


def test_a_ct_slice_has_the_shape_of_its_pixels() -> None:
    data = phantoms.data_set_bytes(phantoms.ct_slice(size=64))

    assert pixel_shape(scan(data, EXPLICIT_LE)) == PixelShape(64, 64, 1, 2, "<")
