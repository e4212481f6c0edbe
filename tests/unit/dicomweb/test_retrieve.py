"""WADO-RS over the application: studies, series, instances and frames as clients get them."""

from collections.abc import Callable, Sequence
from email import message_from_bytes
from email.message import Message
from io import BytesIO
from zipfile import ZipFile

import pytest
from pydicom import Dataset
from starlette.testclient import TestClient

from conformance import phantoms
from image_kinds import EXPLICIT_LE, IMPLICIT_LE, JPEG_XL, KINDS, RLE
from sending import MODALITY, Sending
from storage_backends import BlobStore, MemoryContent
from vna.archive import Arrived, Statement
from vna.dicom.part10 import find_data_set
from vna.model import RejectionReason, Scope, StudyUID

JPEG_LS = "1.2.840.10008.1.2.4.80"
PARTS = 'multipart/related; type="application/dicom"'
AS_STORED = PARTS + "; transfer-syntax=*"


def path(ds: Dataset, level: str = "instance") -> str:
    """Return the path of a study, series or instance."""
    found = f"/dicom-web/studies/{ds.StudyInstanceUID}"
    if level != "study":
        found += f"/series/{ds.SeriesInstanceUID}"
    return found + f"/instances/{ds.SOPInstanceUID}" if level == "instance" else found


def get(web: TestClient, where: str, accept: str = "", **headers: str):
    return web.get(
        where, headers=({"Accept": accept} if accept else {}) | {k.replace("_", "-"): headers[k] for k in headers}
    )


def parts_of(answer) -> Sequence[Message]:
    """Read a multipart answer as mail programs do."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + answer.content).get_payload()
    assert isinstance(parts, list)
    return parts


def bodies(answer) -> list[bytes]:
    return [part.get_payload(decode=True) for part in parts_of(answer)]


def data_set_of(file: bytes) -> bytes:
    return file[find_data_set(file).length :]


def test_a_study_comes_whole_and_in_order(web: TestClient, sending: Sending) -> None:
    series = phantoms.ct_series(12, size=64)
    for ds in reversed(series):
        sending.store(ds)

    answer = get(web, path(series[0], "study"), AS_STORED)

    assert answer.status_code == 200
    assert [data_set_of(body) for body in bodies(answer)] == [phantoms.data_set_bytes(ds) for ds in series]
    assert answer.headers["content-type"].startswith('multipart/related; type="application/dicom"; boundary=')
    for part, ds in zip(parts_of(answer), series, strict=True):
        assert part["Content-Type"] == f"application/dicom; transfer-syntax={EXPLICIT_LE}"
        assert part["Content-Location"] == f"http://127.0.0.1{path(ds)}"


def test_a_file_comes_back_as_it_came(web: TestClient, sending: Sending) -> None:
    ds = phantoms.ct_slice(size=64)
    head = b"\x07" * 128 + phantoms.part10_head(ds.SOPClassUID, ds.SOPInstanceUID, EXPLICIT_LE)[128:]
    sending.archive.session(MODALITY, "test").store(
        Arrived(MemoryContent(phantoms.data_set_bytes(ds)), EXPLICIT_LE, part10_head=head)
    )

    for accept in ("application/dicom", AS_STORED):
        answer = get(web, path(ds), accept)
        file = answer.content if accept == "application/dicom" else bodies(answer)[0]
        assert file == head + phantoms.data_set_bytes(ds)


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_without_an_accept_header_it_is_explicit_little_endian_in_parts(
    web: TestClient, sending: Sending, level: str
) -> None:
    ds = phantoms.in_syntax(phantoms.ct_slice(size=64), IMPLICIT_LE)
    sending.store(ds)

    (body,) = bodies(get(web, path(ds, level)))

    assert find_data_set(body).transfer_syntax == EXPLICIT_LE
    assert data_set_of(body) == phantoms.data_set_bytes(ds, EXPLICIT_LE)


def test_an_instance_in_a_compression_that_is_asked_for(web: TestClient, sending: Sending) -> None:
    ds = KINDS["grey-12"].data_set()
    sending.store(ds)

    answer = get(web, path(ds), f"application/dicom; transfer-syntax={JPEG_LS}")

    assert answer.headers["content-type"] == f"application/dicom; transfer-syntax={JPEG_LS}"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert find_data_set(answer.content).transfer_syntax == JPEG_LS


def test_the_query_says_what_is_accepted_where_headers_cannot(web: TestClient, sending: Sending) -> None:
    ds = phantoms.rle_multiframe()
    sending.store(ds)

    answer = get(web, f"{path(ds)}?accept=application/dicom%3Btransfer-syntax%3D{RLE}", "text/html")

    assert data_set_of(answer.content) == phantoms.data_set_bytes(ds)


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("multipart/related;q=0, */*", "application/dicom;"),
        (f"{PARTS};q=0, */*", "application/dicom;"),
        ("application/dicom;q=0, */*", "multipart/related;"),
        (f"{PARTS}, */*;q=0", "multipart/related;"),
    ],
)
def test_a_container_that_is_refused_is_not_given(web: TestClient, sending: Sending, accept: str, given: str) -> None:
    ds = phantoms.ct_slice(size=16)
    sending.store(ds)

    assert get(web, path(ds), accept).headers["content-type"].startswith(given)


def test_what_cannot_be_given_is_left_out_and_said(web: TestClient, sending: Sending) -> None:
    grey, video = KINDS["grey-12"].data_set(), phantoms.jpeg_multiframe(study=900)
    video.StudyInstanceUID = grey.StudyInstanceUID
    video.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
    for ds in (grey, video):
        sending.store(ds)

    answer = get(web, path(grey, "study"), f"{PARTS}; transfer-syntax={JPEG_LS}")

    assert (answer.status_code, len(bodies(answer))) == (206, 1)
    assert answer.headers["warning"].startswith("299 http://127.0.0.1/dicom-web ")
    assert "1 of 2 instances" in answer.headers["warning"]
    assert get(web, path(video), f"{PARTS}; transfer-syntax={JPEG_LS}").status_code == 406


def _floating(like: Dataset) -> Dataset:
    """Return an instance of the same study with pixels that nothing compresses."""
    ds = phantoms.ct_slice(number=77, size=16)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = like.StudyInstanceUID, phantoms.uid("floating")
    del ds.PixelData
    ds.FloatPixelData = bytes(4 * 16 * 16)
    return ds


def _bits(like: Dataset) -> Dataset:
    ds = KINDS["bits"].data_set()
    ds.StudyInstanceUID, ds.SOPInstanceUID = like.StudyInstanceUID, phantoms.uid("bits")
    return ds


@pytest.mark.parametrize("made", [_floating, _bits])
@pytest.mark.parametrize("syntax", [JPEG_LS, RLE])
def test_what_nothing_compresses_is_left_out_or_given_as_is_liked_less(
    web: TestClient, sending: Sending, made: Callable[[Dataset], Dataset], syntax: str
) -> None:
    grey = KINDS["grey-12"].data_set()
    other = made(grey)
    for ds in (other, grey):
        sending.store(ds)
    liked = f"{PARTS}; transfer-syntax={syntax}"

    answer = get(web, path(grey, "study"), liked)
    both = get(web, path(grey, "study"), f"{liked}, {PARTS}; transfer-syntax={EXPLICIT_LE}; q=0.5")
    alone = get(web, path(other), liked)
    zipped = get(web, path(grey, "study"), f"application/zip; transfer-syntax={syntax}")

    def types_of(parts: Sequence[Message]) -> list[str]:
        return [part["Content-Type"].rpartition("=")[2] for part in parts]

    assert (answer.status_code, types_of(parts_of(answer))) == (206, [syntax])
    assert (both.status_code, set(types_of(parts_of(both)))) == (200, {EXPLICIT_LE, syntax})
    assert alone.status_code == 406
    assert (zipped.status_code, len(ZipFile(BytesIO(zipped.content)).namelist())) == (206, 2)


def test_what_does_not_decode_goes_out_as_stored_unless_a_syntax_was_named(web: TestClient, sending: Sending) -> None:
    ds = KINDS["grey-8"].data_set()
    ds.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x04\0\0\0junk"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = JPEG_LS
    sending.store(ds)

    by_default = get(web, path(ds, "study"), PARTS)

    assert [part["Content-Type"] for part in parts_of(by_default)] == [f"application/dicom; transfer-syntax={JPEG_LS}"]
    assert get(web, path(ds), "application/dicom").status_code == 200
    for accept in (f"{PARTS}; transfer-syntax={EXPLICIT_LE}", f"application/dicom; transfer-syntax={EXPLICIT_LE}"):
        refused = get(web, path(ds), accept)
        assert (refused.status_code, refused.json()["status"]) == (406, 406)


@pytest.mark.parametrize("process", ["52", "54", "59", "64"])
def test_a_retired_process_of_jpeg_is_given_as_it_is_stored_and_decoded_for_nobody(
    web: TestClient, sending: Sending, process: str
) -> None:
    """Arithmetic and hierarchical processes (PS3.6 table A-1): no media type of PS3.18 table 8.7.3-5 is theirs."""
    retired = f"1.2.840.10008.1.2.4.{process}"
    ds = phantoms.in_syntax(phantoms.jpeg_multiframe(frames=1), retired)
    sending.store(ds)
    asked = {"/rendered": "image/jpeg", "/frames/1": "image/jpeg, image/jphc, image/jls"}

    given = get(web, path(ds), "application/dicom; transfer-syntax=*")
    refused = [get(web, path(ds) + resource, accept) for resource, accept in asked.items()]

    assert given.headers["content-type"] == f"application/dicom; transfer-syntax={retired}"
    assert [(each.status_code, retired in each.json()["detail"]) for each in refused] == [(406, True), (406, True)]


@pytest.mark.parametrize(
    ("accept", "level"),
    [
        pytest.param("text/html", "study", id="other type"),
        pytest.param('multipart/related; type="image/jpeg"', "study", id="other parts"),
        pytest.param(f"{PARTS}; transfer-syntax={IMPLICIT_LE}", "study", id="implicit"),
        pytest.param("application/dicom", "study", id="one part for two instances"),
        pytest.param("application/dicom; q=0", "instance", id="refused"),
    ],
)
def test_nothing_that_is_accepted_is_406(web: TestClient, sending: Sending, accept: str, level: str) -> None:
    for ds in phantoms.ct_series(2, size=16):
        sending.store(ds)

    answer = get(web, path(phantoms.ct_slice(size=16), level), accept)

    assert answer.status_code == 406
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_known_to_be_gone_and_what_is_not_known(web: TestClient, sending: Sending) -> None:
    ds = phantoms.ct_slice(size=16)
    sending.store(ds)

    assert get(web, "/dicom-web/studies/1.2.3").status_code == 404
    assert get(web, "/dicom-web/studies/1.2.x").status_code == 400
    assert get(web, path(ds) + "/frames/2").status_code == 404
    sending.archive.rejections.reject(
        Scope(StudyUID(ds.StudyInstanceUID)), RejectionReason.SAFETY, Statement("dupont", "of another patient")
    )
    for level in ("study", "series", "instance"):
        assert get(web, path(ds, level)).status_code == 410
    assert get(web, path(ds) + "/frames/1").status_code == 410


def test_an_instance_is_had_in_ranges(web: TestClient, sending: Sending) -> None:
    ds = phantoms.ct_slice(size=64)
    sending.store(ds)
    whole = get(web, path(ds), "application/dicom")

    piece = get(web, path(ds), "application/dicom", Range="bytes=100-5000")
    last = get(web, path(ds), "application/dicom", Range="bytes=-10", If_Range=whole.headers["etag"])
    changed = get(web, path(ds), "application/dicom", Range="bytes=-10", If_Range='"another"')

    assert whole.headers["accept-ranges"] == "bytes"
    assert (piece.status_code, piece.content) == (206, whole.content[100:5001])
    assert piece.headers["content-range"] == f"bytes 100-5000/{len(whole.content)}"
    assert (last.status_code, last.content) == (206, whole.content[-10:])
    assert (changed.status_code, len(changed.content)) == (200, len(whole.content))
    assert get(web, path(ds), "application/dicom", Range=f"bytes={len(whole.content)}-").status_code == 416


@pytest.mark.parametrize("where", ["", "/frames/1"])
def test_the_only_part_of_an_answer_is_had_in_ranges(web: TestClient, sending: Sending, where: str) -> None:
    ds = phantoms.ct_slice(size=64)
    sending.store(ds)
    whole = get(web, path(ds) + where, "*/*")

    pieces = [
        get(web, path(ds) + where, "*/*", Range=r).content for r in ("bytes=0-99", "bytes=100-7000", "bytes=7001-")
    ]

    assert int(whole.headers["content-length"]) == len(whole.content)
    assert b"".join(pieces) == whole.content


def test_the_bulk_values_of_a_study_are_octets(web: TestClient, sending: Sending) -> None:
    series = phantoms.ct_series(2, size=16)
    for ds in series:
        sending.store(ds)

    answer = get(web, path(series[0], "study"), 'multipart/related; type="application/octet-stream"')

    assert bodies(answer) == [ds.PixelData for ds in series]


@pytest.mark.parametrize("accept", ["application/dicom", AS_STORED, "application/zip"])
def test_who_holds_it_already_is_told_so(web: TestClient, sending: Sending, accept: str) -> None:
    ds = phantoms.ct_slice(size=16)
    sending.store(ds)
    first = get(web, path(ds), accept)

    again = get(web, path(ds), accept, If_None_Match=first.headers["etag"])
    ds.SeriesDescription = "sent again, corrected"
    sending.store(ds)
    corrected = get(web, path(ds), accept, If_None_Match=first.headers["etag"])

    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "private, no-cache"
    assert corrected.status_code == 200


def test_forms_have_etags_of_their_own(web: TestClient, sending: Sending) -> None:
    ds = phantoms.ct_slice(size=16)
    sending.store(ds)
    forms = ["application/dicom", AS_STORED, "application/zip", f"application/dicom; transfer-syntax={RLE}"]

    assert len({get(web, path(ds), accept).headers["etag"] for accept in forms}) == len(forms)


def test_the_head_of_an_answer(web: TestClient, sending: Sending) -> None:
    ds = phantoms.ct_slice(size=16)
    sending.store(ds)

    head = web.head(path(ds), headers={"Accept": "application/dicom"})

    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(get(web, path(ds), "application/dicom").content)


def test_frames_come_as_parts_in_the_order_asked_for(web: TestClient, sending: Sending) -> None:
    ds = phantoms.us_multiframe(frames=4)
    sending.store(ds)
    size = len(ds.PixelData) // 4

    answer = get(web, path(ds) + "/frames/3,1", "multipart/related; type=application/octet-stream; transfer-syntax=*")

    assert bodies(answer) == [ds.PixelData[2 * size : 3 * size], ds.PixelData[:size]]
    assert [part["Content-Location"] for part in parts_of(answer)] == [
        f"http://127.0.0.1{path(ds)}/frames/{n}" for n in (3, 1)
    ]
    assert {part["Content-Type"] for part in parts_of(answer)} == {
        f"application/octet-stream; transfer-syntax={EXPLICIT_LE}"
    }


def test_a_frame_alone(web: TestClient, sending: Sending) -> None:
    ds = phantoms.us_multiframe(frames=4)
    sending.store(ds)
    size = len(ds.PixelData) // 4
    octets = "application/octet-stream"

    answer = get(web, path(ds) + "/frames/2", octets)
    piece = get(web, path(ds) + "/frames/2", octets, Range="bytes=10-19")

    assert answer.content == ds.PixelData[size : 2 * size]
    assert (piece.status_code, piece.content) == (206, answer.content[10:20])
    assert get(web, path(ds) + "/frames/1,2", octets).status_code == 406
    assert get(web, path(ds) + "/frames/2", octets, If_None_Match=answer.headers["etag"]).status_code == 304


def test_a_form_that_turns_out_impossible_makes_way_for_the_next(web: TestClient, sending: Sending) -> None:
    ds = KINDS["grey-12-signed"].data_set()
    sending.store(ds)

    answer = get(web, path(ds) + "/frames/1", f"image/jxl; transfer-syntax={JPEG_XL}, image/jls; q=0.5")

    assert answer.headers["content-type"] == f"image/jls; transfer-syntax={JPEG_LS}"
    refused = get(web, path(ds) + "/frames/1", "image/jxl")
    assert refused.status_code == 406
    assert "signed" in refused.json()["detail"]


@pytest.mark.parametrize("numbers", ["0", "1,", "a", "1-2", "-1", "1.5", "9" * 40])
def test_what_is_no_list_of_frames_is_a_bad_request(web: TestClient, sending: Sending, numbers: str) -> None:
    ds = phantoms.ct_slice(size=16)
    sending.store(ds)

    assert get(web, f"{path(ds)}/frames/{numbers}").status_code == 400


def test_damage_is_an_answer_before_the_first_byte_and_a_cut_after_it(
    web: TestClient, sending: Sending, blobs: BlobStore
) -> None:
    series = phantoms.ct_series(4, size=64)
    for ds in series[:-1]:
        sending.store(ds)
    sound = set(blobs.backend.names())
    sending.store(series[-1])
    whole = get(web, path(series[0], "study"), AS_STORED)
    for name in set(blobs.backend.names()) - sound:
        damage(blobs, name)

    assert [get(web, path(ds), "application/dicom").status_code for ds in series] == [200, 200, 200, 500]
    cut = get(web, path(series[0], "study"), AS_STORED)
    assert len(cut.content) < len(whole.content)
    assert not cut.content.endswith(b"--\r\n")


def damage(blobs: BlobStore, name: str) -> None:
    """Change a byte of a stored blob."""
    data = bytearray(blobs.backend.read(name, 0, blobs.backend.size(name)))
    data[200] ^= 0xFF
    staged = blobs.backend.stage()
    staged.write(bytes(data))
    staged.commit(name)
