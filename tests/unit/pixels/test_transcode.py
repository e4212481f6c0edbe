"""Whole data sets: what else changes when pixels do, frames in every form, icons, and where results lie."""

import gc
import os
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import pack

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.uid import JPEGBaseline8Bit

from conformance import oddities, phantoms
from held_data_sets import DataSet, held
from image_kinds import (
    DEFLATED_FRAME,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    KINDS,
    RLE,
    Kind,
    convert,
    native_pixels,
    parsed,
)
from image_kinds import as_held as arrived
from storage_backends import Content
from vna.archive import Incoming, Spool
from vna.errors import CannotConvert
from vna.pixels.conversion import Task
from vna.pixels.image import Image
from vna.pixels.pool import Limits
from vna.pixels.transcode import Transcoder

JPEG, JPEG_LOSSLESS, JPEG_LS = (f"1.2.840.10008.1.2.4.{process}" for process in (50, 70, 80))
JPEG_2000, JPEG_XL_RECOMPRESSION, VIDEO = (f"1.2.840.10008.1.2.4.{process}" for process in (90, 111, 102))
grey = phantoms.grey_jpeg


def jpeg(*fragments: bytes, frames: int | str | None, tables: bytes = b"") -> DataSet:
    """Return 8 x 8 grey JPEG frames in these fragments, with a basic offset table of these bytes."""
    ds = phantoms.jpeg_multiframe(frames=1)
    if frames is None:
        del ds.NumberOfFrames
    else:
        ds.NumberOfFrames = frames
    items = b"".join(b"\xfe\xff\x00\xe0" + pack("<I", len(each)) + each for each in (tables, *fragments))
    ds.PixelData = items
    return arrived(ds)


def even(stream: bytes) -> bytes:
    return stream + bytes(len(stream) % 2)


ONE, TWO, THREE = (even(grey("." * n)) for n in (3, 20, 41))


@pytest.mark.parametrize(
    ("data_set", "frames"),
    [
        (jpeg(ONE, TWO, THREE, frames=3), 3),
        (jpeg(ONE[:40], ONE[40:], TWO, frames=2), 2),
        (jpeg(ONE[:40], ONE[40:], TWO, frames=2, tables=pack("<2I", 0, len(ONE) + 16)), 2),
        (jpeg(ONE[:40], ONE[40:], frames=1), 1),
        (jpeg(ONE[:40], ONE[40:], frames=None), 1),
        (jpeg(ONE, TWO, frames=None), 2),
        (jpeg(ONE, TWO, frames=" "), 2),
        (jpeg(ONE, TWO, frames=None, tables=pack("<2I", 0, len(ONE) + 8)), 2),
        (arrived(phantoms.jpeg_multiframe(frames=4, offsets="extended")), 4),
        (arrived(phantoms.jpeg_multiframe(frames=4, offsets="none")), 4),
        (arrived(phantoms.jpeg_multiframe(frames=4, fragments_per_frame=3)), 4),
    ],
)
def test_frames_are_found_in_fragments(transcoder: Transcoder, data_set: DataSet, frames: int) -> None:
    result = parsed(convert(transcoder, data_set, EXPLICIT_LE))

    assert result.PixelData == b"\x80" * 64 * frames
    assert int(result.get("NumberOfFrames") or 1) == frames
    assert "ExtendedOffsetTable" not in result


@pytest.mark.parametrize(
    ("data_set", "reason"),
    [
        (jpeg(ONE, TWO, frames=3), "3 frames are declared"),
        (jpeg(ONE, TWO, THREE, frames=2), "2 frames are declared"),
        (jpeg(ONE, TWO, frames=1), "one frame is declared, 2 are there"),
        (jpeg(frames=1), "no fragments"),
        (jpeg(ONE, frames="0"), "no positive number"),
        (jpeg(ONE, b"\xff\xd8\xff\xd9", frames=2), "frame 2 of 2: JPEG"),
    ],
)
def test_what_is_no_frame_is_never_guessed(transcoder: Transcoder, data_set: DataSet, reason: str) -> None:
    with pytest.raises(CannotConvert, match=reason):
        convert(transcoder, data_set, EXPLICIT_LE)


def test_data_sets_keep_everything_that_is_not_pixels(transcoder: Transcoder) -> None:
    ds = phantoms.rle_multiframe()
    ds.SmallestImagePixelValue = 3
    ds.add_new(0x00091010, "LO", "private")
    ds.add_new(0x00090010, "LO", "CREATOR")
    native = parsed(convert(transcoder, arrived(ds), IMPLICIT_LE))

    expected = phantoms.us_multiframe(study=5, frames=3)
    assert native.SOPInstanceUID == ds.SOPInstanceUID
    assert native.PixelData == expected.PixelData
    for element in ds:
        if element.tag not in (0x7FE00010, 0x00091010):
            assert native[element.tag].value == element.value


def test_big_endian_pixels_are_swapped_and_bytes_are_not(transcoder: Transcoder) -> None:
    for name, word in (("grey-12", ">u2"), ("grey-8", "u1")):
        compressed = convert(transcoder, arrived(KINDS[name].data_set()), JPEG_LS)

        data = convert(transcoder, compressed, EXPLICIT_BE).data

        expected = KINDS[name].pixels().astype(word).tobytes()
        assert data.endswith(expected + bytes(len(expected) % 2))


@pytest.mark.parametrize("source", [EXPLICIT_BE, IMPLICIT_LE, "1.2.840.10008.1.2.1.99"])
def test_every_uncompressed_syntax_can_be_compressed(transcoder: Transcoder, source: str) -> None:
    kind = KINDS["grey-12-signed"]
    original = DataSet("", source, phantoms.data_set_bytes(kind.data_set(), source))

    compressed = convert(transcoder, original, JPEG_LS)

    assert np.array_equal(native_pixels(convert(transcoder, compressed, EXPLICIT_LE)), kind.pixels())
    deflated = convert(transcoder, compressed, "1.2.840.10008.1.2.1.99").data
    assert zlib.decompress(deflated, wbits=-15) == convert(transcoder, compressed, EXPLICIT_LE).data


def test_one_compression_becomes_another(transcoder: Transcoder) -> None:
    kind = KINDS["rgb-8-by-plane"]
    compressed = convert(transcoder, arrived(kind.data_set()), RLE)

    again = parsed(convert(transcoder, compressed, JPEG_2000))

    assert (again.PhotometricInterpretation, again.PlanarConfiguration) == ("YBR_RCT", 0)
    assert len(list(generate_frames(again.PixelData, number_of_frames=3))) == 3


def test_a_jpeg_stream_comes_back_from_its_recompression(transcoder: Transcoder) -> None:
    original = arrived(phantoms.jpeg_multiframe())

    recompressed = convert(transcoder, original, JPEG_XL_RECOMPRESSION)
    back = convert(transcoder, recompressed, JPEG)

    streams = [list(generate_frames(parsed(each).PixelData, number_of_frames=4)) for each in (original, back)]
    assert [s.rstrip(b"\0") for s in streams[0]] == [s.rstrip(b"\0") for s in streams[1]]
    assert parsed(convert(transcoder, recompressed, EXPLICIT_LE)).PixelData == b"\x80" * 256


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, ("01", "0.336842", "ISO_10918_1")),
        ({"LossyImageCompression": "00"}, ("01", "0.336842", "ISO_10918_1")),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": "7"}, ("01", "7", "")),
        ({"LossyImageCompressionMethod": ["ISO_15444_1", "ISO_10918_1"]}, ("01", "", "ISO_15444_1\\ISO_10918_1")),
    ],
    ids=["nothing", "denied", "ratio", "methods"],
)
def test_lossy_attributes_are_added_where_they_are_missing(
    transcoder: Transcoder, before: dict[str, object], after: tuple[str, str, str]
) -> None:
    """PS3.3 C.7.6.1.1.5: once with loss, always with loss."""
    ds = phantoms.jpeg_multiframe(frames=1)
    del ds.LossyImageCompression
    for keyword, value in before.items():
        setattr(ds, keyword, value)

    for target in (EXPLICIT_LE, JPEG_LS):
        result = parsed(convert(transcoder, arrived(ds), target))

        said = (result.get(f"LossyImageCompression{suffix}", "") for suffix in ("", "Ratio", "Method"))
        assert (
            tuple("\\".join(v) if not isinstance(v, str) and hasattr(v, "__iter__") else str(v) for v in said) == after
        )


def test_lossless_conversions_say_nothing_of_loss(transcoder: Transcoder) -> None:
    result = parsed(convert(transcoder, arrived(phantoms.rle_multiframe()), EXPLICIT_LE))

    assert "LossyImageCompression" not in result


def test_an_icon_becomes_native_with_the_image(transcoder: Transcoder) -> None:
    ds, icon = phantoms.jpeg_multiframe(frames=1), Dataset()
    icon.SamplesPerPixel, icon.PhotometricInterpretation, icon.Rows, icon.Columns = 1, "MONOCHROME2", 8, 8
    icon.BitsAllocated, icon.BitsStored, icon.HighBit, icon.PixelRepresentation = 8, 8, 7, 0
    icon.add_new("PixelData", "OB", encapsulate([grey("icon")]))
    icon["PixelData"].is_undefined_length = True
    ds.IconImageSequence = [icon]

    for target in (EXPLICIT_LE, IMPLICIT_LE, JPEG_LS):
        result = parsed(convert(transcoder, arrived(ds), target))

        assert result.IconImageSequence[0].PixelData == b"\x80" * 64
        assert not result.IconImageSequence[0]["PixelData"].is_undefined_length


def test_a_data_set_without_pixels_needs_no_codec(tmp_path: Path) -> None:
    transcoder = Transcoder(Spool(tmp_path).incoming, Limits(processes=1))
    report = DataSet("", JPEG, phantoms.data_set_bytes(oddities.structured_report()))

    assert convert(transcoder, report, EXPLICIT_LE).data == convert(transcoder, report, JPEG_LS).data
    assert transcoder.codec_pids == []
    transcoder.close()


@pytest.mark.parametrize(
    ("change", "target", "reason"),
    [
        ({"BitsStored": 10, "HighBit": 9}, JPEG_LS, "more than the 10 bits stored"),
        ({"HighBit": 15}, JPEG_LS, "High Bit 15"),
        ({"SamplesPerPixel": 4}, RLE, "4 samples"),
        ({"BitsAllocated": 24}, RLE, "24 bits"),
        ({"Rows": 36}, RLE, "the pixel data has"),
        ({"Rows": None}, RLE, "no .0028,0010."),
    ],
)
def test_what_cannot_be_compressed_says_why(
    transcoder: Transcoder, change: dict[str, int], target: str, reason: str
) -> None:
    ds = KINDS["grey-12"].data_set()
    for keyword, value in change.items():
        setattr(ds, keyword, value)

    with pytest.raises(CannotConvert, match=reason):
        convert(transcoder, arrived(ds), target)


def test_cells_with_an_overlay_inside_are_kept_whole_by_rle(transcoder: Transcoder) -> None:
    ds = KINDS["grey-12"].data_set()
    ds.PixelData = (np.frombuffer(ds.PixelData, "<u2") | 0x8000).tobytes()

    back = convert(transcoder, convert(transcoder, arrived(ds), RLE), EXPLICIT_LE)

    assert parsed(back).PixelData == ds.PixelData


def test_signed_pixels_without_their_sign_extended_come_back_with_it(transcoder: Transcoder) -> None:
    kind = Kind(16, 12, signed=True)
    ds = kind.data_set()
    ds.PixelData = (np.frombuffer(ds.PixelData, "<u2") & 0x0FFF).tobytes()

    back = convert(transcoder, convert(transcoder, arrived(ds), JPEG_LS), EXPLICIT_LE)

    assert np.array_equal(native_pixels(back), kind.pixels())


def test_a_stream_that_contradicts_the_attributes_is_refused_before_it_is_decoded(transcoder: Transcoder) -> None:
    ds = phantoms.jpeg_multiframe(frames=1)
    ds.Rows = 9

    with pytest.raises(CannotConvert, match="holds 8 x 8 pixels of 1 samples, the attributes say 9 x 8 of 1"):
        convert(transcoder, arrived(ds), EXPLICIT_LE)


def test_the_frames_of_an_instance_have_so_much_time_together_and_a_hanging_codec_is_ended(tmp_path: Path) -> None:
    limits = Limits(processes=1, instance_s=0, slowest_bytes_s=3 * 64 * 8)
    opened = Transcoder(Spool(tmp_path).incoming, limits)
    opened.convert(ONE, Task(JPEG, EXPLICIT_LE, Image(8, 8, 1, 8, 8, 7, False, "MONOCHROME2", by_plane=False)))
    (hanging,) = opened.codec_pids
    os.kill(hanging, signal.SIGSTOP)

    with pytest.raises(
        CannotConvert, match="frame 1 of 3: the codec took longer for the instance than its size allows"
    ):
        convert(opened, arrived(phantoms.jpeg_multiframe(frames=3)), EXPLICIT_LE)

    assert opened.codec_pids == []
    opened.close()
    assert Limits().instance_seconds(500 * 2**20) == 560


def test_video_and_floating_point_are_not_converted(transcoder: Transcoder) -> None:
    video = phantoms.in_syntax(phantoms.us_multiframe(), VIDEO)
    floats = KINDS["grey-16"].data_set()
    del floats.PixelData
    floats.FloatPixelData = bytes(4 * 37 * 41)

    with pytest.raises(CannotConvert, match="cannot be given as"):
        convert(transcoder, arrived(video), EXPLICIT_LE)
    with pytest.raises(CannotConvert, match="floating point"):
        convert(transcoder, arrived(floats), JPEG_LS)


class Places:
    """Scratch places of a spool, and how many of them are not given back."""

    def __init__(self, folder: Path) -> None:
        self._spool, self.open = Spool(folder), 0

    def __call__(self) -> "Place":
        self.open += 1
        return Place(self, self._spool.incoming())


class Place:
    def __init__(self, places: Places, incoming: Incoming) -> None:
        self._places, self._incoming, self._given_back = places, incoming, False

    def write(self, data: bytes) -> None:
        self._incoming.write(data)

    def finish(self) -> Content:
        return self._incoming.finish()

    def discard(self) -> None:
        self._places.open -= not self._given_back
        self._given_back = True
        self._incoming.discard()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


@pytest.fixture
def watched(places: Places) -> Iterator[Transcoder]:
    opened = Transcoder(places, Limits(processes=1))
    yield opened
    opened.close()


def test_places_are_given_back(places: Places, watched: Transcoder) -> None:
    good, bad = arrived(phantoms.jpeg_multiframe()), jpeg(ONE, b"\xff\xd8\xff\xd9", frames=2)
    begun = watched.transcode(held(good.data, JPEG), EXPLICIT_LE)
    untouched = watched.transcode(held(good.data, JPEG), EXPLICIT_LE)
    assert places.open == 2

    chunks = begun.chunks()
    next(chunks)
    chunks.close()
    del untouched
    gc.collect()
    with pytest.raises(CannotConvert):
        convert(watched, bad, EXPLICIT_LE)
    convert(watched, good, EXPLICIT_LE)

    assert places.open == 0


def test_a_large_result_does_not_lie_in_memory(places: Places, watched: Transcoder) -> None:
    """40 frames of 1 MiB come out of 60 kB; the chunks of the result are small and there is one at a time."""
    ds = Kind(8, 8, rows=1024, columns=1024).data_set()
    ds.NumberOfFrames = 40
    frame = zlib.compress(bytes(2**20), wbits=-15)
    ds.PixelData = encapsulate([even(frame)] * 40)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    compressed = held(phantoms.data_set_bytes(ds, EXPLICIT_LE), DEFLATED_FRAME)

    transcoded = watched.transcode(compressed, EXPLICIT_LE)
    sizes = [len(chunk) for chunk in transcoded.chunks()]

    assert transcoded.size == sum(sizes)
    assert sum(sizes) > 40 * 2**20
    assert max(sizes) <= 2**20


def test_an_extended_offset_table_is_left_out(transcoder: Transcoder) -> None:
    ds = phantoms.jpeg_multiframe(frames=2)
    ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended([ONE, TWO])
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit

    result = parsed(convert(transcoder, arrived(ds), JPEG_LOSSLESS))

    assert "ExtendedOffsetTable" not in result
    assert "ExtendedOffsetTableLengths" not in result
    assert len(list(generate_frames(result.PixelData))) == 2
