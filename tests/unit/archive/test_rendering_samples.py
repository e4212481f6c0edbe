"""All samples that are images, rendered, and compared with a rendering by other means."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import dcmtk
from held_data_sets import in_file, sample_files
from pictures import decoded
from reference_rendering import NoReference, reference
from sending import Sending
from shared_samples import SAMPLES, needs_samples
from storage_backends import BlobStore, Memory
from vna.archive import Archive, Kind, Room, Spool, Subject
from vna.errors import VnaError
from vna.index import open_index
from vna.pixels.rendering.request import MediaType, Options

TOLERANCE = 1.0
"""Of 255: both round."""

WITHOUT_PICTURE = {
    "fo-dicom/GH1146.dcm": "no pixel data",
    "fo-dicom/GH178.dcm": "no pixel data",
    "fo-dicom/GH179A.dcm": "no pixel data",
    "pydicom/charset_files/chrJapMulti.dcm": "no pixel data",
    "pydicom/charset_files/chrJapMultiExplicitIR6.dcm": "no pixel data",
    "pydicom/charset_files/chrKoreanMulti.dcm": "no pixel data",
    "pydicom/test_files/JPEG2000-embedded-sequence-delimiter.dcm": "the stream holds",
    "pydicom/test_files/badVR.dcm": "Number of Frames",
}
"""What is wrong with them: headers that speak of pixels that are not there, broken streams and numbers."""

SEEN_OTHERWISE = {
    "pylibjpeg-data/JPEGBaseline/SC_rgb_jpeg_lossy_gdcm.dcm": "says RGB, its stream is YCbCr",
    "pydicom/test_files/rtdose_expb.dcm": "pydicom turns 32 bits round, PS3.5 7.3 words of 16",
    "pydicom/test_files/rtdose_expb_1frame.dcm": "as rtdose_expb.dcm",
}

pytestmark = [pytest.mark.long, needs_samples]


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Archive, dict[str, Subject]]]:
    """An archive with all samples that are not broken on purpose, and the images among them by name."""
    folder: Path = tmp_path_factory.mktemp("samples")
    blobs = BlobStore(Memory())
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    opened = Archive(open_index(f"sqlite:///{folder / 'index.sqlite'}"), blobs, Spool(folder / "spool"), room)
    sending, found = Sending(opened), {}
    for path in sample_files():
        sample = None if "malformed" in path.parts else in_file(path)
        if sample is None:
            continue
        try:
            stored = sending.store_bytes(sample.data, sample.transfer_syntax)
        except VnaError:
            continue
        held = next(held for held in opened.versions(stored.key) if held.digest == stored.digest)
        subject = opened.rendering.subject(held)
        if subject.kind is Kind.IMAGE:
            found[str(path.relative_to(SAMPLES))] = subject
    yield opened, found
    opened.close()


def test_every_sample_with_pixels_is_rendered_as_others_render_it(subjects: tuple[Archive, dict[str, Subject]]) -> None:
    archive, images = subjects
    refused, without_reference, wrong = {}, [], {}
    for name, subject in images.items():
        try:
            picture = decoded(archive.rendering.picture(subject, 1, Options(MediaType.PNG)))
        except VnaError as exc:
            refused[name] = str(exc)
            continue
        try:
            expected = reference(SAMPLES / name)
        except NoReference as exc:
            without_reference.append(f"{name}: {exc}")
            continue
        if picture.shape != expected.shape:
            wrong[name] = f"{picture.shape} for {expected.shape}"
        elif np.abs(picture - expected).max() > TOLERANCE:
            wrong[name] = f"differs by {np.abs(picture - expected).max():.0f}"

    assert {name for name, reason in refused.items() if WITHOUT_PICTURE.get(name, "?") not in reason} == set()
    assert {name: reason for name, reason in wrong.items() if name not in SEEN_OTHERWISE} == {}
    assert len(images) - len(refused) >= 284
    assert len(without_reference) <= (12 if dcmtk.program("dcmdjpeg") else 40), "\n".join(without_reference)
