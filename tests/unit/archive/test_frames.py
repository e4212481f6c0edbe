"""Single frames: of every kind of pixels, in every encoding, read from where they lie and converted on request."""

from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate, generate_frames

from conformance import phantoms
from image_kinds import DEFLATED_FRAME, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, JPEG_XL, KINDS, RLE, Kind
from sending import Sending
from storage_backends import BlobStore, Memory
from vna.archive import Archive, Frames, Room, Spool
from vna.dicom.byte_order import swap
from vna.errors import CannotConvert, Damaged, NotFound
from vna.index import open_index
from vna.pixels.decoding import decode_frame

_J = "1.2.840.10008.1.2.4."
JPEG_BASELINE, JPEG_LOSSLESS, JPEG_LS, JPEG_2000, HTJ2K = (_J + n for n in ("50", "70", "80", "90", "201"))
DEFLATED, ENCAPSULATED = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.1.98"
NUMBERS = count()
SEVERAL = Kind(16, 12, frames=9, rows=33, columns=35)


@pytest.fixture(scope="module")
def blobs() -> BlobStore:
    return BlobStore(Memory())


@pytest.fixture(scope="module")
def sending(blobs: BlobStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sending]:
    """One archive for all: so codec processes are started once."""
    folder = tmp_path_factory.mktemp("archive")
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    archive = Archive(open_index(f"sqlite:///{folder / 'index.sqlite'}"), blobs, Spool(folder / "spool"), room)
    yield Sending(archive)
    archive.close()


def frames_of(sending: Sending, ds: Dataset, numbers: Sequence[int], syntax: str | None = None) -> Frames:
    ds.SOPInstanceUID = phantoms.uid("frames", next(NUMBERS))
    (held,) = sending.archive.versions(sending.store(ds).key)
    return sending.archive.frames(held, numbers, syntax)


def native_frames(kind: Kind) -> list[bytes]:
    """Return what each frame is by itself: single bits begin with a byte."""
    return [Kind.native(_one(kind, number)) for number in range(kind.frames)]


def _one(kind: Kind, number: int) -> Kind:
    class One(Kind):
        def pixels(self):
            return kind.pixels()[number : number + 1]

    return One(kind.allocated, kind.stored, kind.signed, kind.photometric, kind.by_plane, 1, kind.rows, kind.columns)


@pytest.mark.parametrize("name", KINDS)
def test_native_frames_come_by_themselves(sending: Sending, name: str) -> None:
    kind = KINDS[name]

    got = frames_of(sending, kind.data_set(), range(1, kind.frames + 1))

    assert (got.transfer_syntax, got.count) == (EXPLICIT_LE, kind.frames)
    assert [(f.number, f.data) for f in got] == list(enumerate(native_frames(kind), 1))


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_BE, DEFLATED])
def test_frames_are_little_endian_whatever_they_are_stored_in(sending: Sending, syntax: str) -> None:
    ds = phantoms.in_syntax(SEVERAL.data_set(), syntax)

    got = frames_of(sending, ds, [9, 1, 4])

    wanted = native_frames(SEVERAL)
    assert got.transfer_syntax == EXPLICIT_LE
    assert [f.data for f in got] == [wanted[8], wanted[0], wanted[3]]


def test_frames_of_an_odd_size_in_words_that_are_turned_round(sending: Sending) -> None:
    kind = KINDS["grey-7-of-8"]
    ds = phantoms.in_syntax(kind.data_set(), EXPLICIT_BE)
    ds.add_new("PixelData", "OW", swap(ds.PixelData, 2))

    assert [f.data for f in frames_of(sending, ds, [1, 2, 3])] == native_frames(kind)


def test_subsampled_chroma_has_two_samples_a_pixel(sending: Sending) -> None:
    ds = Kind(8, 8, photometric="RGB", frames=2, rows=4, columns=6).data_set()
    ds.PhotometricInterpretation, ds.PixelData = "YBR_FULL_422", bytes(range(96))

    assert [f.data for f in frames_of(sending, ds, [1, 2])] == [bytes(range(48)), bytes(range(48, 96))]


@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_floating_point_frames(sending: Sending, keyword: str, dtype: str) -> None:
    values = np.linspace(-1, 1, 3 * 5 * 7).astype(dtype).reshape(3, 5, 7)
    ds = Kind(32, 32, frames=3, rows=5, columns=7).data_set()
    del ds.PixelData
    ds.BitsAllocated = values.itemsize * 8
    setattr(ds, keyword, values.tobytes())

    got = list(frames_of(sending, ds, [3, 2]))

    assert [f.data for f in got] == [values[2].tobytes(), values[1].tobytes()]
    assert got[0].image is None
    with pytest.raises(CannotConvert):
        frames_of(sending, ds, [1], RLE)


@pytest.mark.parametrize("name", ["us-rle", "jpeg-bot", "jpeg-nobot", "jpeg-eot", "jpeg-3-fragments"])
def test_compressed_frames_come_as_they_are_stored(sending: Sending, name: str) -> None:
    ds = phantoms.every_image()[name]
    declared = int(ds.NumberOfFrames)

    got = frames_of(sending, ds, range(1, declared + 1))

    wanted = list(generate_frames(ds.PixelData, number_of_frames=declared))
    assert (got.transfer_syntax, got.count) == (ds.file_meta.TransferSyntaxUID, declared)
    assert [f.data.rstrip(b"\0") for f in got] == [frame.rstrip(b"\0") for frame in wanted]


def test_encapsulated_uncompressed_frames_lose_their_padding(sending: Sending) -> None:
    kind = KINDS["grey-7-of-8"]
    ds = kind.data_set()
    ds.PixelData = encapsulate([frame + b"\0" for frame in native_frames(kind)])
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = ENCAPSULATED

    got = frames_of(sending, ds, [1, 3])

    assert got.transfer_syntax == EXPLICIT_LE
    assert [f.data for f in got] == [native_frames(kind)[0], native_frames(kind)[2]]


def test_frames_without_a_number_of_frames_are_told_by_their_streams(sending: Sending) -> None:
    ds = phantoms.jpeg_multiframe(study=16, offsets="none")
    declared = int(ds.NumberOfFrames)
    del ds.NumberOfFrames

    assert frames_of(sending, ds, [declared]).count == declared


@pytest.mark.parametrize("syntax", [RLE, JPEG_LOSSLESS, JPEG_LS, JPEG_2000, HTJ2K, JPEG_XL, DEFLATED_FRAME])
def test_frames_are_compressed_without_loss_on_request(sending: Sending, syntax: str) -> None:
    got = frames_of(sending, SEVERAL.data_set(), [2, 7], syntax)

    found = []
    for frame in got:
        assert frame.image is not None
        found.append(decode_frame(frame.data, syntax, frame.image).frame)
    assert got.transfer_syntax == syntax
    assert found == [native_frames(SEVERAL)[1], native_frames(SEVERAL)[6]]


def test_compressed_frames_are_decoded_on_request(sending: Sending) -> None:
    got = frames_of(sending, phantoms.rle_multiframe(), [3], EXPLICIT_LE)

    data = phantoms.us_multiframe(frames=3).PixelData
    assert [f.data for f in got] == [data[len(data) // 3 * 2 :]]


@pytest.mark.parametrize("name", ["grey-8", "rgb-8", "rgb-8-by-plane", "ybr-full-8"])
def test_jpeg_baseline_comes_close(sending: Sending, name: str) -> None:
    kind = KINDS[name]

    (frame,) = frames_of(sending, kind.data_set(), [1], JPEG_BASELINE)

    assert frame.image is not None
    decoded = decode_frame(frame.data, JPEG_BASELINE, frame.image)
    got = np.frombuffer(decoded.frame, np.uint8).reshape(kind.rows, kind.columns, kind.samples).astype(int)
    if decoded.image.photometric == kind.photometric:
        assert np.abs(got - kind.pixels()[0]).mean() < 12
    assert decoded.lossy


@pytest.mark.parametrize("name", ["grey-12", "grey-8-signed", "palette-8"])
def test_what_loss_would_spoil_has_no_jpeg_baseline(sending: Sending, name: str) -> None:
    with pytest.raises(CannotConvert):
        frames_of(sending, KINDS[name].data_set(), [1], JPEG_BASELINE)


@pytest.mark.parametrize("number", [0, 10])
def test_a_frame_that_is_not_there_is_not_found(sending: Sending, number: int) -> None:
    with pytest.raises(NotFound, match="9"):
        frames_of(sending, SEVERAL.data_set(), [1, number])


def test_no_pixels_no_frames(sending: Sending) -> None:
    ds = SEVERAL.data_set()
    del ds.PixelData

    with pytest.raises(NotFound, match="pixel data"):
        frames_of(sending, ds, [1])


def test_pixel_data_cut_short_gives_the_frames_that_are_whole(sending: Sending) -> None:
    ds = SEVERAL.data_set()
    ds.PixelData = ds.PixelData[: len(ds.PixelData) // 2]

    assert len(list(frames_of(sending, ds, [1, 2, 3]))) == 3
    with pytest.raises(CannotConvert, match="frame 9 of 9"):
        frames_of(sending, ds, [9])


def test_damage_is_never_served(sending: Sending, blobs: BlobStore) -> None:
    sound = set(blobs.backend.names())
    ds = Kind(16, 12, rows=99, columns=101).data_set()
    ds.SOPInstanceUID = phantoms.uid("frames", next(NUMBERS))
    (held,) = sending.archive.versions(sending.store(ds).key)
    for name in set(blobs.backend.names()) - sound:
        data = bytearray(blobs.backend.read(name, 0, blobs.backend.size(name)))
        data[100] ^= 0xFF
        staged = blobs.backend.stage()
        staged.write(bytes(data))
        staged.commit(name)

    with pytest.raises(Damaged):
        sending.archive.frames(held, [1])
