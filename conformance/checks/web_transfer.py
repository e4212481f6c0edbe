"""Retrieving and storing over DICOMweb (WADO-RS and STOW-RS, PS3.18 10.4, 10.5)."""

import json

from conformance import oddities, phantoms
from conformance.checks.comparing import compare
from conformance.checks.registry import check
from conformance.checks.session import Session
from conformance.checks.verdicts import NotSupported, expect, expect_equal
from conformance.checks.web import WebAnswer, expect_offered, get, post, post_instances, value
from conformance.corpus import Instance
from conformance.sources import read_part10

_DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_OCTETS = 'multipart/related; type="application/octet-stream"'
_NOT_FOUND, _NOT_ACCEPTABLE, _UNSUPPORTED_MEDIA_TYPE = 404, 406, 415
_STUDY_1 = ("query-1-1-1", "query-1-1-2", "query-1-1-3", "query-1-2-1", "query-1-2-2")
_STOWED = 13


@check("web.retrieve.instance", "An instance comes as it was stored", "PS3.18 10.4.1.1.1")
def instance(session: Session) -> str:
    """Retrieve the MR phantom as a Part 10 file, in whatever syntax the node holds it."""
    sent = _ready(session, "mr")
    (file,) = _expect_parts(get(session, _path(session, "mr"), accept=_DICOM), 1)
    return compare(sent, read_part10(file))


@check("web.retrieve.study", "A study comes whole", "PS3.18 10.4.1.1.1")
def study(session: Session) -> None:
    """Retrieve study 1."""
    sent = {one.sop_instance_uid: one for one in (_ready(session, name) for name in _STUDY_1)}
    files = _expect_parts(get(session, f"/studies/{session.objects.uid(1)}", accept=_DICOM), len(sent))
    came = {one.sop_instance_uid: one for one in map(read_part10, files)}
    expect_equal(came.keys(), sent.keys(), "the instances that came")
    for uid, one in came.items():
        compare(sent[uid], one)


@check("web.retrieve.metadata", "The metadata of a study come without its pixels", "PS3.18 10.4.1.1.2")
def metadata(session: Session) -> None:
    """Retrieve the metadata of study 1."""
    for name in _STUDY_1:
        _ready(session, name)
    found = _offered(get(session, f"/studies/{session.objects.uid(1)}/metadata")).items()
    expect_equal(len(found), len(_STUDY_1), "the number of data sets")
    pixels = [one.get("7FE00010", {}) for one in found]
    expect(not any("InlineBinary" in one for one in pixels), "the pixels are there")
    expect(all(value(one, "0020000D") == session.objects.uid(1) for one in found), "one is of another study")


@check("web.retrieve.frame", "A frame comes as its bytes", "PS3.18 10.4.1.1.6")
def frame(session: Session) -> None:
    """Retrieve the one frame of the MR phantom."""
    _ready(session, "mr")
    (pixels,) = _expect_parts(get(session, f"{_path(session, 'mr')}/frames/1", accept=_OCTETS), 1)
    expect(pixels == phantoms.mr_slice().PixelData, f"{len(pixels)} other bytes came")


@check("web.retrieve.rendered", "A rendered picture of an instance is offered", "PS3.18 10.4.1.1.3")
def rendered(session: Session) -> str:
    """Retrieve the MR phantom as a JPEG picture."""
    _ready(session, "mr")
    answer = get(session, f"{_path(session, 'mr')}/rendered", accept="image/jpeg")
    if answer.status in (_NOT_FOUND, _NOT_ACCEPTABLE, 501):
        raise NotSupported(f"answered with {answer.status}")
    expect_equal((answer.status, answer.media_type), (200, "image/jpeg"), "status and media type")
    expect(answer.body.startswith(b"\xff\xd8"), "it is no JPEG picture")
    return f"{answer.media_type}"


@check("web.retrieve.unknown", "A study that does not exist is answered with 404", "PS3.18 10.4.3")
def unknown(session: Session) -> None:
    """Retrieve it."""
    expect_offered(session)
    answer = get(session, f"/studies/{session.objects.uid(999)}", accept=_DICOM)
    expect_equal(answer.status, _NOT_FOUND, "the status")


@check(
    "web.retrieve.not-acceptable", "A media type that an instance does not have is answered with 406", "PS3.18 8.7.8"
)
def not_acceptable(session: Session) -> None:
    """Retrieve an image as a spreadsheet."""
    _ready(session, "mr")
    expect_equal(get(session, _path(session, "mr"), accept="text/csv").status, _NOT_ACCEPTABLE, "the status")


@check("web.store.instance", "An instance that is stored is found and named in the answer", "PS3.18 10.5.3")
def store(session: Session) -> None:
    """Store one by STOW-RS, and look for it."""
    expect_offered(session)
    ds = oddities.secondary_capture(study=_STOWED)
    ds.PatientName, ds.PatientID = "CONFORMANCE^STOW", f"{session.objects.label}W"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = session.objects.uid(_STOWED), session.objects.uid(_STOWED, 1)
    ds.SOPInstanceUID = session.objects.uid(_STOWED, 1, 1)
    answer = _offered(post_instances(session, phantoms.part10(ds)))
    expect_equal(answer.status, 200, "the status")
    session.taken.add(_STOWED)
    referenced = value(json.loads(answer.body), "00081199") or {}
    expect_equal(value(referenced, "00081155"), session.objects.uid(_STOWED, 1, 1), "the instance named in the answer")
    found = get(session, "/studies", query={"StudyInstanceUID": session.objects.uid(_STOWED)}).items()
    expect_equal(len(found), 1, "the number of studies found")


@check("web.store.media-type", "A body of another media type is answered with 415", "PS3.18 10.5.3")
def store_other_media_type(session: Session) -> None:
    """Post plain text."""
    expect_offered(session)
    answer = _offered(post(session, "/studies", b"a text", media_type="text/plain"))
    expect_equal(answer.status, _UNSUPPORTED_MEDIA_TYPE, "the status")


@check("web.store.garbage", "A part that is no DICOM file is refused", "PS3.18 10.5.3")
def store_garbage(session: Session) -> str:
    """Post bytes as a file."""
    expect_offered(session)
    answer = _offered(post_instances(session, b"\xff\xfe\xfd" * 100))
    expect(400 <= answer.status < 500, f"the status is {answer.status}")
    return str(answer.status)


def _ready(session: Session, name: str) -> Instance:
    expect_offered(session)
    return session.stored(name)


def _path(session: Session, name: str) -> str:
    study, series, number = session.objects.numbers(name)
    uid = session.objects.uid
    return f"/studies/{uid(study)}/series/{uid(study, series)}/instances/{uid(study, series, number)}"


def _offered(answer: WebAnswer) -> WebAnswer:
    if answer.status in (405, 501):
        raise NotSupported(f"answered with {answer.status}")
    return answer


def _expect_parts(answer: WebAnswer, count: int) -> list[bytes]:
    parts = _offered(answer).parts()
    expect_equal(len(parts), count, "the number of parts")
    return parts
