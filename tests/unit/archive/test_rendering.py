"""Rendering through the archive's door: whatever the pixels are stored in, and whatever becomes of a codec."""

import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, EnhancedSRStorage, ParametricMapStorage, VLWholeSlideMicroscopyImageStorage

from conformance import phantoms
from image_kinds import EXPLICIT_BE, EXPLICIT_LE, KINDS
from pictures import decoded, image, seen
from sending import Sending
from storage_backends import BlobStore, Memory
from vna.archive import Archive, HeldInstance, Kind, Room, Spool, Subject, representative
from vna.errors import CannotConvert, NotFound
from vna.index import open_index
from vna.model import InstanceKey, InstanceUID, SeriesUID, StudyUID
from vna.pixels.rendering.request import MediaType, Options

PNG = Options(MediaType.PNG)
_J = "1.2.840.10008.1.2.4."
CT, SC, SR, PR = (f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("2", "7", "88.33", "11.1"))


@pytest.fixture(scope="module")
def sending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sending]:
    """One archive for all: its codec processes are started once."""
    folder = tmp_path_factory.mktemp("rendering")
    blobs = BlobStore(Memory())
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    opened = Archive(open_index(f"sqlite:///{folder / 'index.sqlite'}"), blobs, Spool(folder / "spool"), room)
    yield Sending(opened)
    opened.close()


def hung(sending: Sending, ds: Dataset) -> Subject:
    return hung_bytes(sending, phantoms.data_set_bytes(ds), ds.file_meta.TransferSyntaxUID)


def hung_bytes(sending: Sending, data: bytes, syntax: str) -> Subject:
    stored = sending.store_bytes(data, syntax)
    versions = sending.archive.versions(stored.key)
    return sending.archive.rendering.subject(next(held for held in versions if held.digest == stored.digest))


@pytest.mark.parametrize(
    ("name", "syntax"),
    [
        ("grey-12", _J + "70"),
        ("grey-16-signed", _J + "80"),
        ("rgb-8", _J + "90"),
        ("grey-12-signed", _J + "201"),
        ("rgb-8-by-plane", "1.2.840.10008.1.2.5"),
        ("ybr-full-8", "1.2.840.10008.1.2.5"),
        ("bits", "1.2.840.10008.1.2.8.1"),
        ("grey-16", EXPLICIT_BE),
        ("rgb-16", EXPLICIT_LE),
    ],
)
def test_pictures_are_the_same_whatever_the_pixels_are_stored_in(sending: Sending, name: str, syntax: str) -> None:
    ds = KINDS[name].data_set()
    native = hung(sending, ds)
    converted = sending.archive.open(native.held, transfer_syntax=syntax)
    subject = hung_bytes(sending, b"".join(converted.chunks), syntax)

    for frame in {1, native.frames}:
        expected = decoded(sending.archive.rendering.picture(native, frame, PNG))
        assert np.array_equal(decoded(sending.archive.rendering.picture(subject, frame, PNG)), expected)
        assert expected.max() > 200


def test_a_frame_of_bits_that_does_not_begin_with_a_byte(sending: Sending) -> None:
    kind = KINDS["bits"]
    subject = hung(sending, kind.data_set())

    for frame in (1, 2, 3):
        picture = decoded(sending.archive.rendering.picture(subject, frame, PNG))
        assert np.array_equal(picture, kind.pixels()[frame - 1, :, :, 0] * 255)


def test_there_is_no_such_frame(sending: Sending) -> None:
    subject = hung(sending, phantoms.us_multiframe(frames=2))

    with pytest.raises(NotFound):
        sending.archive.rendering.picture(subject, 3, PNG)


def compressed(stream: bytes, rows: int, columns: int) -> Dataset:
    ds = image(np.zeros((rows, columns), np.uint8))
    ds.Rows, ds.Columns = rows, columns
    ds.file_meta.TransferSyntaxUID = UID(_J + "50")
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return ds


def test_a_broken_stream_is_an_error_and_the_codec_goes_on(sending: Sending) -> None:
    sound, broken = phantoms.grey_jpeg("frame"), phantoms.grey_jpeg("frame")[:-8]
    renderer = sending.archive.rendering
    (pid, *_) = renderer._transcoder.codec_pids

    with pytest.raises(CannotConvert, match="JPEG"):
        renderer.picture(hung(sending, compressed(broken, 8, 8)), 1, PNG)
    assert (decoded(renderer.picture(hung(sending, compressed(sound, 8, 8)), 1, PNG)) == 128).all()
    assert pid in renderer._transcoder.codec_pids


def test_an_image_that_takes_all_memory_is_an_error(sending: Sending) -> None:
    """8 x 8 pixels of a stream whose header says 65500 x 65500."""
    stream = phantoms.grey_jpeg("frame")
    header = stream.index(b"\xff\xc0")
    huge = stream[: header + 5] + b"\xff\xdc\xff\xdc" + stream[header + 9 :]
    subject = hung(sending, compressed(huge, 8, 8))
    subject.header.values[0x00280010] = subject.header.values[0x00280011] = subject.header.values[0x00280010]._replace(
        data=b"\xdc\xff"
    )

    with pytest.raises(CannotConvert):
        sending.archive.rendering.picture(subject, 1, PNG)
    assert seen(image(np.full((1, 1), 3, np.uint8))).tolist() == [[3]]


def test_a_codec_that_died_is_replaced(sending: Sending) -> None:
    subject = hung(sending, image(np.full((4, 4), 9, np.uint8)))
    renderer = sending.archive.rendering
    renderer.picture(subject, 1, PNG)
    for pid in renderer._transcoder.codec_pids:
        os.kill(pid, signal.SIGKILL)

    pictures = []
    for _ in range(3):
        try:
            pictures.append(decoded(renderer.picture(subject, 1, PNG)))
        except CannotConvert as exc:
            assert "crashed" in str(exc)  # noqa: PT017 - it may have been lent out before it was seen to be dead
    assert (pictures[-1] == 9).all()


def test_an_image_of_no_known_kind_is_refused(sending: Sending) -> None:
    ds = image(np.zeros((4, 4, 3), np.uint8))
    ds.SamplesPerPixel = 4
    ds.PixelData = bytes(64)

    with pytest.raises(CannotConvert, match="4 samples"):
        sending.archive.rendering.picture(hung(sending, ds), 1, PNG)


def test_an_image_without_pixels_is_refused(sending: Sending) -> None:
    ds = image(np.zeros((4, 4), np.uint8))
    del ds.PixelData

    with pytest.raises(CannotConvert, match="no picture"):
        sending.archive.rendering.picture(hung(sending, ds), 1, PNG)


def test_what_a_subject_is_called(sending: Sending) -> None:
    ds = phantoms.new_instance(EnhancedSRStorage, "SR", study=1, number=1)

    subject = hung(sending, ds)

    assert (subject.kind, subject.word, subject.frames) == (Kind.REPORT, "SR", 0)
    assert sending.archive.rendering.subject(subject.held) is subject


def held_instance(series: str, number: int, sop_class: str) -> HeldInstance:
    key = InstanceKey(StudyUID("1"), SeriesUID(series), InstanceUID(f"{series}.{number}"))
    return HeldInstance(number, key, sop_class, EXPLICIT_LE, 0, 1, "")


def test_the_middle_of_the_largest_series_of_images_stands_for_a_study() -> None:
    scout = [held_instance("1.1", number, CT) for number in range(2)]
    axial = [held_instance("1.2", number, CT) for number in range(9)]
    captures = [held_instance("1.3", number, SC) for number in range(20)]
    texts = [held_instance("1.4", 1, SR), held_instance("1.5", 1, PR)]
    maps = [held_instance("1.0", number, ParametricMapStorage) for number in range(20)]
    slides = [held_instance("1.6", 1, VLWholeSlideMicroscopyImageStorage)]

    assert representative([*maps, *texts, *captures, *scout, *axial]) == axial[4]
    assert representative([*captures, *slides]) == slides[0]
    assert representative([*texts, *captures]) == captures[10]
    assert representative(texts) == texts[0]
    assert representative(texts[1:]) == texts[1]
