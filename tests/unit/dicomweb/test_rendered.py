"""Rendered and thumbnail resources over HTTP (PS3.18 8.3.5, 8.7.4, 10.4.1.1.3, 10.4.1.1.4)."""

from collections.abc import Iterator
from email import message_from_bytes
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, TwelveLeadECGWaveformStorage, VideoEndoscopicImageStorage
from starlette.testclient import TestClient

from conformance import oddities, phantoms
from pictures import decoded, image, items, state
from sending import Sending
from storage_backends import BlobStore, Memory
from vna.archive import Archive, Derived, Room, Spool
from vna.index import open_index
from web import ADDRESS, web_client

STUDY = 970
"""The study of all that is stored here, but for what is to be alone."""


CT_RESCALE = {"RescaleSlope": "1", "RescaleIntercept": "-1024", "RescaleType": "HU"}


def _ct() -> list[Dataset]:
    return [phantoms.ct_slice(study=STUDY, number=number, size=64) for number in (1, 2, 3)]


def _named(ds: Dataset, name: str) -> Dataset:
    ds.StudyInstanceUID = phantoms.uid("study", STUDY)
    ds.SOPInstanceUID, ds.SeriesInstanceUID = phantoms.uid("rendered", name), phantoms.uid("rendered series", name)
    return ds


def _video() -> Dataset:
    ds = image(np.zeros((4, 4), np.uint8), SOPClassUID=VideoEndoscopicImageStorage, Modality="ES", NumberOfFrames=25)
    ds.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.102")
    ds.PixelData = encapsulate([b"\0\0\0\x18ftypmp42 and so on"], has_bot=True)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return ds


def _everything() -> dict[str, Dataset]:
    ct = _ct()
    found = {
        "ct": ct[0],
        "us": phantoms.us_multiframe(study=STUDY, frames=5),
        "sr": oddities.structured_report(study=STUDY),
        "pdf": oddities.encapsulated_pdf(study=STUDY),
        "video": _video(),
        "ecg": phantoms.new_instance(TwelveLeadECGWaveformStorage, "ECG", study=STUDY, number=1),
        "state": state(ct[0], SoftcopyVOILUTSequence=items(WindowCenter="-1400", WindowWidth="900"), **CT_RESCALE),
        "lost": state(image(np.zeros((2, 2), np.uint8))),
        "named": image(np.full((512, 512), 7, np.uint8), BurnedInAnnotation="YES"),
        "broken": phantoms.jpeg_multiframe(frames=1),
    }
    found["broken"].PixelData = encapsulate([b"\xff\xd8\xff\xe0 no image"])
    found = {name: _named(ds, name) for name, ds in found.items()}
    for number, ds in enumerate(ct):
        ds.SeriesInstanceUID, ds.SOPInstanceUID = phantoms.uid("rendered ct"), phantoms.uid("rendered ct", number)
    found["state"].ReferencedSeriesSequence = state(ct[0]).ReferencedSeriesSequence
    return found | {"ct2": ct[1], "ct3": ct[2]}


SET = _everything()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder: Path = tmp_path_factory.mktemp("rendered")
    blobs = BlobStore(Memory())
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    opened = Archive(open_index(f"sqlite:///{folder / 'index.sqlite'}"), blobs, Spool(folder / "spool"), room)
    opened.keep_derived(Derived(folder / "derived", 2**20))
    sending = Sending(opened)
    for ds in SET.values():
        sending.store(ds)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def web(archive: Archive) -> TestClient:
    return web_client(archive)


def path(name: str, rest: str = "/rendered", level: str = "instance") -> str:
    ds = SET[name]
    found = f"/dicom-web/studies/{ds.StudyInstanceUID}"
    found += f"/series/{ds.SeriesInstanceUID}" if level != "study" else ""
    return found + (f"/instances/{ds.SOPInstanceUID}" if level == "instance" else "") + rest


def get(web: TestClient, where: str, accept: str = "", **headers: str):
    return web.get(where, headers=({"Accept": accept} if accept else {}) | headers)


def parts_of(answer) -> list[tuple[str, str, bytes]]:
    """Return media type, location and content of the parts, as mail programs read them."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + answer.content).get_payload()
    return [(part["Content-Type"], part["Content-Location"], part.get_payload(decode=True)) for part in parts]


def size_of(file: bytes) -> tuple[int, int]:
    with Image.open(BytesIO(file)) as opened:
        return opened.size


def test_an_image_is_a_jpeg_unless_something_else_is_accepted(web: TestClient) -> None:
    answer = web.get(path("ct"))

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert size_of(answer.content) == (64, 64)
    assert answer.headers["vary"] == "Accept"
    assert "no-cache" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("image/png", "image/png"),
        ("image/gif", "image/gif"),
        ("image/jp2", "image/jp2"),
        ("image/jxl", "image/jxl"),
        ("image/*", "image/jpeg"),
        ("image/jpeg;q=0.5, image/png", "image/png"),
        ("image/*, image/jpeg;q=0", "image/png"),
        ("text/html, image/png;q=0.1", "image/png"),
        ('multipart/related; type="image/png"', 'multipart/related; type="image/png"'),
        ("multipart/related; type=image/png, image/jpeg;q=0.5", 'multipart/related; type="image/png"'),
        ("application/dicom", None),
        ("application/pdf", None),
        ("image/bmp", None),
    ],
)
def test_the_media_type_is_negotiated(web: TestClient, accept: str, given: str | None) -> None:
    answer = get(web, path("ct"), accept)

    assert answer.status_code == (406 if given is None else 200)
    assert answer.headers["content-type"].split("; boundary")[0] == (given or "application/problem+json")


def test_the_query_parameter_accept_goes_before_the_header(web: TestClient) -> None:
    assert get(web, path("ct") + "?accept=image/png", "image/gif").headers["content-type"] == "image/png"


@pytest.mark.parametrize("rest", ["/rendered", "/thumbnail"])
def test_a_range_of_a_picture_is_given(web: TestClient, rest: str) -> None:
    whole = web.get(path("ct", rest=rest)).content

    answer = web.get(path("ct", rest=rest), headers={"Range": "bytes=5-24"})

    assert (answer.status_code, answer.content) == (206, whole[5:25])


def test_who_holds_a_picture_is_told_that_it_is_the_same(web: TestClient) -> None:
    etag = web.get(path("ct")).headers["etag"]

    again = get(web, path("ct"), **{"If-None-Match": etag})

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    others = [web.get(path("ct") + "?quality=10"), get(web, path("ct"), "image/png"), web.get(path("ct2"))]
    assert len({etag, *(other.headers["etag"] for other in others)}) == 4


def test_frames_of_an_image(web: TestClient) -> None:
    pixels = np.frombuffer(SET["us"].PixelData, np.uint8).reshape(5, 120, 160, 3)

    one = get(web, path("us", "/frames/4/rendered"), "image/png")
    three = get(web, path("us", "/frames/5,1,2/rendered"), 'multipart/related; type="image/png"')

    assert one.headers["content-type"] == "image/png"
    assert np.array_equal(decoded(one.content), pixels[3])
    parts = parts_of(three)
    assert [location for _, location, _ in parts] == [ADDRESS + path("us", f"/frames/{n}/rendered") for n in (5, 1, 2)]
    assert all(np.array_equal(decoded(data), pixels[n]) for (_, _, data), n in zip(parts, (4, 0, 1), strict=True))


def test_several_frames_come_in_parts_to_whom_names_their_type_alone(web: TestClient) -> None:
    answer = get(web, path("us", "/frames/1,2/rendered"), "image/png")

    assert [media_type for media_type, _, _ in parts_of(answer)] == ["image/png"] * 2


def test_an_image_of_several_frames_shows_its_first(web: TestClient) -> None:
    whole, first = get(web, path("us"), "image/png"), get(web, path("us", "/frames/1/rendered"), "image/png")

    assert whole.content == first.content


@pytest.mark.parametrize(
    ("name", "rest", "status"),
    [
        ("us", "/frames/6/rendered", 404),
        ("us", "/frames/1,6/rendered", 404),
        ("us", "/frames/0/rendered", 400),
        ("us", "/frames/one/rendered", 400),
        ("us", "/frames/6/thumbnail", 404),
        ("sr", "/frames/1/rendered", 406),
        ("ecg", "/rendered", 406),
        ("lost", "/rendered", 406),
        ("broken", "/rendered", 406),
    ],
)
def test_what_cannot_be_rendered(web: TestClient, name: str, rest: str, status: int) -> None:
    answer = web.get(path(name, rest))

    assert (answer.status_code, answer.json()["status"]) == (status, status)


@pytest.mark.parametrize(
    "query",
    [
        "viewport=100",
        "viewport=0,10",
        "viewport=10,-10",
        "viewport=1e9,1e9",
        "viewport=10,10,60,60,10,10",
        "viewport=10,10,-1,0,5,5",
        "viewport=10,10,a,0,5,5",
        "viewport=10,10,0,0,5,5,9",
        "window=100",
        "window=100,0,linear",
        "window=100,0.5,linear",
        "window=a,100,linear",
        "window=100,nan,linear",
        "window=100,10,cubic",
        "quality=0",
        "quality=101",
        "quality=best",
        "quality=1.5",
        "annotation=weather",
        "iccprofile=maybe",
        "overlays=perhaps",
        "accept=nothing",
    ],
)
def test_a_parameter_that_has_no_such_value_is_refused(web: TestClient, query: str) -> None:
    answer = web.get(path("ct") + "?" + query)

    assert answer.status_code == 400
    assert answer.json()["detail"]
    if "accept" not in query and ",60,60," not in query:
        assert web.get(path("ct", level="study") + "?" + query).status_code == 400


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("viewport=32,48", (32, 32)),
        ("viewport=32,48,,,,", (32, 32)),
        ("viewport=200,100,0,0,32,16", (200, 100)),
        ("viewport=64,64,32,,,", (32, 64)),
        ("viewport=40,40,0,0,-64,-64", (40, 40)),
        (
            "window=40,400,sigmoid&quality=1&annotation=patient,technique&iccprofile=srgb&overlays=true&colour=blue",
            (64, 64),
        ),
    ],
)
def test_parameters_are_followed(web: TestClient, query: str, size: tuple[int, int]) -> None:
    answer = web.get(path("ct") + "?" + query)

    assert (answer.status_code, size_of(answer.content)) == (200, size)


def test_windows_change_the_picture(web: TestClient) -> None:
    windows = ("-1400,900", "-1400,900,linear-exact", "-1400,900,sigmoid", "-1500,90,linear")

    assert len({get(web, f"{path('ct')}?window={window}", "image/png").content for window in windows}) == 4


@pytest.mark.parametrize("level", ["study", "series"])
def test_what_of_a_study_or_series_can_be_shown_comes_in_parts(web: TestClient, level: str) -> None:
    pictures = parts_of(get(web, path("ct", level=level), 'multipart/related; type="image/png"'))

    names = ("ct", "ct2", "ct3", "us", "named", "state") if level == "study" else ("ct", "ct2", "ct3")
    places = [ADDRESS + path("ct" if name == "state" else name) for name in names]
    places = [
        place.replace("/rendered", "/frames/1/rendered") if name == "us" else place
        for name, place in zip(names, places, strict=True)
    ]
    assert sorted(location for _, location, _ in pictures) == sorted(places)
    assert {media_type for media_type, _, _ in pictures} == {"image/png"}


def test_a_study_of_everything_accepted_has_documents_too(web: TestClient) -> None:
    given = [
        media_type for media_type, _, _ in parts_of(get(web, path("ct", level="study"), "multipart/related; type=*/*"))
    ]

    assert {"image/jpeg", "application/pdf", "text/html; charset=utf-8", "video/mp4"} == set(given)


def test_a_series_with_nothing_to_show(web: TestClient) -> None:
    assert web.get(path("ecg", level="series")).status_code == 406
    assert get(web, path("sr", level="series"), "image/jpeg").status_code == 406


def test_a_document_comes_as_it_was(web: TestClient) -> None:
    answer = web.get(path("pdf"))

    ds = SET["pdf"]
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.content == ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength]
    assert "'self'" in answer.headers["content-security-policy"]
    assert get(web, path("pdf"), "image/jpeg").status_code == 406


def test_a_video_comes_as_it_was(web: TestClient) -> None:
    answer = get(web, path("video"), "video/mp4")

    assert (answer.headers["content-type"], answer.content[:24]) == ("video/mp4", b"\0\0\0\x18ftypmp42 and so on"[:24])
    part = get(web, path("video"), "video/mp4", Range="bytes=4-11")
    assert (part.status_code, part.content, part.headers["accept-ranges"]) == (206, b"ftypmp42", "bytes")
    assert web.get(path("video", "/frames/1/rendered")).status_code == 406


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("*/*", "text/html; charset=utf-8"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/xml", "text/xml; charset=utf-8"),
    ],
)
def test_a_report_is_a_text(web: TestClient, accept: str, given: str) -> None:
    answer = get(web, path("sr"), accept)

    assert answer.headers["content-type"] == given
    assert "Nodule" in answer.text
    assert "12.5 mm" in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]


def test_the_character_set_of_a_text(web: TestClient) -> None:
    latin = web.get(path("sr") + "?charset=iso-8859-1")

    assert latin.headers["content-type"] == "text/html; charset=iso-8859-1"
    assert web.get(path("sr") + "?charset=klingon").status_code == 406


def test_a_presentation_state_shows_its_image(web: TestClient) -> None:
    seen_through = get(web, path("state"), "image/png")
    narrow = get(web, path("ct") + "?window=-1400,900,linear", "image/png")

    assert seen_through.status_code == 200
    assert np.array_equal(decoded(seen_through.content), decoded(narrow.content))


@pytest.mark.parametrize(
    ("name", "level", "rest"),
    [
        ("ct", "study", "/thumbnail"),
        ("ct", "series", "/thumbnail"),
        ("ct", "instance", "/thumbnail"),
        ("us", "instance", "/frames/3/thumbnail"),
        ("sr", "series", "/thumbnail"),
        ("pdf", "instance", "/thumbnail"),
        ("ecg", "instance", "/thumbnail"),
        ("video", "instance", "/thumbnail"),
        ("state", "instance", "/thumbnail"),
        ("lost", "instance", "/thumbnail"),
        ("broken", "instance", "/thumbnail"),
    ],
)
def test_everything_has_a_thumbnail(web: TestClient, name: str, level: str, rest: str) -> None:
    answer = web.get(path(name, rest, level))
    smaller = get(web, path(name, rest, level) + "?viewport=32,32", "image/png")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert max(size_of(answer.content)) == 128
    assert (smaller.headers["content-type"], max(size_of(smaller.content))) == ("image/png", 32)
    again = get(web, path(name, rest, level), **{"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_the_thumbnail_of_a_series_is_its_middle_and_that_of_a_loop_its_middle_frame(web: TestClient) -> None:
    def thumbnail(where: str) -> bytes:
        return get(web, where, "image/png").content

    assert thumbnail(path("ct", "/thumbnail", "series")) == thumbnail(path("ct2", "/thumbnail"))
    assert thumbnail(path("ct", "/thumbnail", "study")) == thumbnail(path("ct2", "/thumbnail"))
    assert thumbnail(path("us", "/thumbnail")) == thumbnail(path("us", "/frames/3/thumbnail"))


def test_a_thumbnail_shows_no_names(web: TestClient) -> None:
    """PS3.18 10.4.3.3.4: nothing is written on it, and what is burned in cannot be read."""
    where = path("ct", "/thumbnail")
    asked = get(web, where + "?annotation=patient", "image/png")

    assert asked.content == get(web, where, "image/png").content
    assert size_of(web.get(path("named", "/thumbnail") + "?viewport=500,500").content) == (64, 64)


def test_a_thumbnail_has_no_region(web: TestClient) -> None:
    assert web.get(path("ct", "/thumbnail") + "?viewport=10,10,0,0,5,5").status_code == 400
    assert get(web, path("ct", "/thumbnail"), "text/html").status_code == 406


def test_thumbnails_are_kept(web: TestClient, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    first = web.get(path("ct3", "/thumbnail") + "?viewport=77,77")
    monkeypatch.setattr(archive, "rendering", None)

    assert web.get(path("ct3", "/thumbnail") + "?viewport=77,77").content == first.content


def test_pictures_are_got_by_uri(web: TestClient) -> None:
    """PS3.18 9.5: region in parts of the image, rows and columns as limits."""

    def by_uri(name: str, more: str = "", accept: str = "*/*"):
        ds = SET[name]
        uids = f"studyUID={ds.StudyInstanceUID}&seriesUID={ds.SeriesInstanceUID}&objectUID={ds.SOPInstanceUID}"
        return get(web, f"/dicom-web/wado?requestType=WADO&{uids}&{more}", accept)

    def given(name: str, more: str = "", accept: str = "*/*") -> str:
        return by_uri(name, more, accept).headers["content-type"].split(";")[0]

    assert [given(name) for name in ("ct", "us", "sr", "pdf")] == [
        "image/jpeg",
        "application/dicom",
        "text/html",
        "application/dicom",
    ]
    assert given("us", "contentType=image/png&frameNumber=2") == "image/png"
    assert given("pdf", "contentType=application/pdf") == "application/pdf"
    assert given("ct", "contentType=text/html") == "application/problem+json"
    png = "contentType=image/png&"
    window = by_uri("ct", png + "windowCenter=-1400&windowWidth=900").content
    assert window == get(web, path("ct") + "?window=-1400,900,linear", "image/png").content
    assert size_of(by_uri("ct", png + "rows=20").content) == (20, 20)
    assert size_of(by_uri("ct", png + "rows=20&columns=10").content) == (10, 10)
    assert size_of(by_uri("ct", png + "region=0.5,0,1,0.25").content) == (32, 16)
    pr = SET["state"]
    through = by_uri("ct", png + f"presentationUID={pr.SOPInstanceUID}&presentationSeriesUID={pr.SeriesInstanceUID}")
    assert np.array_equal(decoded(through.content), decoded(window))
    wrong = (
        "frameNumber=0",
        "windowCenter=5",
        "region=0,0,2,1",
        "region=1,0,0,1",
        "rows=0",
        "imageQuality=0",
        "contentType=x",
    )
    assert {
        by_uri("ct", more + "&contentType=image/png"[: 0 if "contentType" in more else None]).status_code
        for more in wrong
    } == {400}
    assert by_uri("us", png + "frameNumber=9").status_code == 404
    assert by_uri("ct", png + "presentationUID=1.2&presentationSeriesUID=1.2").status_code == 404
