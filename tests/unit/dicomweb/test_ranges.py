"""Ranges of answers of several parts (RFC 9110 14): what was broken off is gone on with, and nothing else is read."""

from collections.abc import Sequence
from typing import Any

import pytest
from pydicom import Dataset
from starlette.testclient import TestClient

from conformance import phantoms
from image_kinds import EXPLICIT_LE, IMPLICIT_LE, KINDS, RLE
from sending import Sending
from storage_backends import BlobStore
from vna.archive import retrieve

PARTS = 'multipart/related; type="application/dicom"'
AS_STORED = PARTS + "; transfer-syntax=*"
OCTETS = 'multipart/related; type="application/octet-stream"'
VIDEO = "1.2.840.10008.1.2.4.102"
SLICES = phantoms.ct_series(3, size=64)


def study(ds: Dataset) -> str:
    return f"/dicom-web/studies/{ds.StudyInstanceUID}"


def instance(ds: Dataset) -> str:
    return f"{study(ds)}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"


def get(web: TestClient, where: str, accept: str, **headers: str) -> Any:
    return web.get(where, headers={"Accept": accept} | {k.replace("_", "-"): v for k, v in headers.items()})


def stored(sending: Sending, data_sets: Sequence[Dataset]) -> Dataset:
    for ds in data_sets:
        head = phantoms.part10_head(ds.SOPClassUID, ds.SOPInstanceUID, ds.file_meta.TransferSyntaxUID)
        sending.store(ds, part10_head=head if ds.InstanceNumber == 2 else b"")
    return data_sets[0]


def assert_in_ranges(web: TestClient, where: str, accept: str) -> Any:
    """Check that the answer is had from any place on, and in any piece, whose ends are those of parts too."""
    whole = get(web, where, accept)
    body, size = whole.content, len(whole.content)
    boundary = b"--" + whole.headers["etag"].strip('"').encode()
    marks = [at for at in range(size) if body.startswith(boundary, at)]
    ends = {0, 1, size, *marks, *(body.index(b"\r\n\r\n", at) + 4 for at in marks[:-1])}
    near = sorted(each + by for each in ends for by in (-1, 0, 1) if 0 <= each + by <= size)
    pieces = [*((at, size) for at in near if at < size), *zip(near, near[3:], strict=False)]
    for start, stop in pieces[:: 1 + len(pieces) // 25]:
        piece = get(web, where, accept, Range=f"bytes={start}-{stop - 1}", If_Range=whole.headers["etag"])
        assert (piece.status_code, piece.content) == (206, body[start:stop])
        assert piece.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
    assert whole.headers["accept-ranges"] == "bytes"
    return whole


@pytest.mark.parametrize("level", ["study", "series"])
def test_a_study_is_had_in_ranges(web: TestClient, sending: Sending, level: str) -> None:
    first = stored(sending, SLICES)
    where = study(first) if level == "study" else f"{study(first)}/series/{first.SeriesInstanceUID}"

    whole = assert_in_ranges(web, where, AS_STORED)

    assert int(whole.headers["content-length"]) == len(whole.content)
    other = get(web, where, AS_STORED, Range="bytes=5-9", If_Range='"another"')
    assert (other.status_code, other.content) == (200, whole.content)
    beyond = get(web, where, AS_STORED, Range=f"bytes={len(whole.content)}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")


def test_a_study_whose_elements_are_written_anew_is_had_in_ranges(web: TestClient, sending: Sending) -> None:
    first = stored(sending, [phantoms.in_syntax(ds, IMPLICIT_LE) for ds in phantoms.ct_series(2, size=16)])

    assert_in_ranges(web, study(first), PARTS)


def test_what_a_codec_makes_is_given_whole(web: TestClient, sending: Sending) -> None:
    first = stored(sending, SLICES[:2])

    answer = get(web, study(first), f"{PARTS}; transfer-syntax={RLE}", Range="bytes=0-9")

    assert (answer.status_code, len(answer.content) > 10) == (200, True)
    assert "accept-ranges" not in answer.headers


def test_an_answer_that_lacks_instances_has_no_ranges(web: TestClient, sending: Sending) -> None:
    first = stored(sending, SLICES[:2])
    video = phantoms.jpeg_multiframe(study=901)
    video.StudyInstanceUID, video.file_meta.TransferSyntaxUID = first.StudyInstanceUID, VIDEO
    sending.store(video)

    answer = get(web, study(first), f"{PARTS}; transfer-syntax={EXPLICIT_LE}", Range="bytes=0-9")

    assert (answer.status_code, len(answer.content) > 10) == (206, True)
    assert not {"content-range", "accept-ranges"} & set(answer.headers)


def test_parts_before_and_behind_a_range_are_not_read(
    web: TestClient, sending: Sending, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stored(sending, SLICES[:1])
    names = set(blobs.backend.names())
    stored(sending, SLICES[1:])
    body = get(web, study(first), AS_STORED).content
    second = body.index(b"\r\n--", 100) + 2
    read = blobs.backend.read
    asked = list[str]()

    def noted(name: str, offset: int, length: int) -> bytes:
        asked.append(name)
        return read(name, offset, length)

    monkeypatch.setattr(blobs.backend, "read", noted)

    assert get(web, study(first), AS_STORED, Range=f"bytes={second}-").content == body[second:]
    assert asked
    assert not set(asked) & names
    asked.clear()
    assert get(web, study(first), AS_STORED, Range=f"bytes=0-{second - 10}").content == body[: second - 9]
    assert set(asked) <= names


@pytest.mark.parametrize("accept", [AS_STORED, "application/dicom"])
def test_a_long_part_is_read_from_where_the_range_begins(
    web: TestClient, sending: Sending, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    ds = phantoms.us_multiframe(frames=8)
    sending.store(ds)
    whole = get(web, instance(ds), accept).content
    monkeypatch.setattr(retrieve, "_STREAM_ABOVE_BYTES", 1000)
    monkeypatch.setattr(BlobStore, "stream", None)

    answer = get(web, instance(ds), accept, Range=f"bytes={len(whole) - 5000}-")

    assert (answer.status_code, answer.content) == (206, whole[-5000:])


@pytest.mark.parametrize("kind", ["native", "fragments", "bits"])
def test_lists_of_frames_are_had_in_ranges(web: TestClient, sending: Sending, kind: str) -> None:
    ds = phantoms.us_multiframe(frames=4)
    if kind == "fragments":
        ds = phantoms.jpeg_multiframe()
    if kind == "bits":
        ds = KINDS["bits"].data_set()
    sending.store(ds)
    numbers = "1,2" if int(ds.get("NumberOfFrames", 1)) < 4 else "3,1,2,4"

    whole = assert_in_ranges(web, f"{instance(ds)}/frames/{numbers}", OCTETS + "; transfer-syntax=*")

    assert int(whole.headers["content-length"]) == len(whole.content)


@pytest.mark.parametrize("what", ["bulkdata", "pixeldata"])
def test_lists_of_values_are_had_in_ranges(web: TestClient, sending: Sending, what: str) -> None:
    slices = phantoms.ct_series(3, size=16)
    for ds in slices:
        ds.add_new(0x0009_0010, "LO", "ACME")
        ds.add_new(0x0009_1001, "OB", bytes(range(256)) * 8)
    first = stored(sending, slices)

    assert_in_ranges(web, f"{study(first)}/{what}", OCTETS)


def test_a_zip_says_that_it_has_no_ranges(web: TestClient, sending: Sending) -> None:
    first = stored(sending, SLICES)

    answer = get(web, study(first), "application/zip", Range="bytes=0-9")

    assert (answer.status_code, answer.headers["accept-ranges"]) == (200, "none")
