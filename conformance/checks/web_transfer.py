"""Retrieving over DICOMweb: what every server has (WADO-RS, PS3.18 10.4)."""

from conformance import phantoms
from conformance.checks.comparing import compare
from conformance.checks.registry import check
from conformance.checks.session import Session
from conformance.checks.verdicts import NotSupported, expect, expect_equal
from conformance.checks.web import AS_STORED, OCTETS, expect_offered, get, offered, ready
from conformance.checks.web_client import WebAnswer, value
from conformance.sources import read_part10

_NOT_FOUND, _NOT_ACCEPTABLE = 404, 406
_STUDY_1 = ("query-1-1-1", "query-1-1-2", "query-1-1-3", "query-1-2-1", "query-1-2-2")


@check("web.retrieve.instance", "An instance comes as it was stored", "PS3.18 10.4.1.1.1")
def instance(session: Session) -> str:
    """Retrieve the MR phantom as a Part 10 file, in whatever syntax the node holds it."""
    sent = ready(session, "mr")
    (file,) = _expect_parts(get(session, _path(session, "mr"), accept=AS_STORED), 1)
    return compare(sent, read_part10(file))


@check("web.retrieve.study", "A study comes whole", "PS3.18 10.4.1.1.1")
def study(session: Session) -> None:
    """Retrieve study 1."""
    sent = {one.sop_instance_uid: one for one in (ready(session, name) for name in _STUDY_1)}
    files = _expect_parts(get(session, f"/studies/{session.objects.uid(1)}", accept=AS_STORED), len(sent))
    came = {one.sop_instance_uid: one for one in map(read_part10, files)}
    expect_equal(came.keys(), sent.keys(), "the instances that came")
    for uid, one in came.items():
        compare(sent[uid], one)


@check("web.retrieve.metadata", "The metadata of a study come without its pixels", "PS3.18 10.4.1.1.2")
def metadata(session: Session) -> None:
    """Retrieve the metadata of study 1."""
    for name in _STUDY_1:
        ready(session, name)
    found = offered(get(session, f"/studies/{session.objects.uid(1)}/metadata")).items()
    expect_equal(len(found), len(_STUDY_1), "the number of data sets")
    pixels = [one.get("7FE00010", {}) for one in found]
    expect(not any("InlineBinary" in one for one in pixels), "the pixels are there")
    expect(all(value(one, "0020000D") == session.objects.uid(1) for one in found), "one is of another study")


@check("web.retrieve.frame", "A frame comes as its bytes", "PS3.18 10.4.1.1.6")
def frame(session: Session) -> None:
    """Retrieve the one frame of the MR phantom."""
    ready(session, "mr")
    (pixels,) = _expect_parts(get(session, f"{_path(session, 'mr')}/frames/1", accept=OCTETS), 1)
    expect(pixels == phantoms.mr_slice().PixelData, f"{len(pixels)} other bytes came")


@check("web.retrieve.rendered", "A rendered picture of an instance is offered", "PS3.18 10.4.1.1.3")
def rendered(session: Session) -> str:
    """Retrieve the MR phantom as a JPEG picture."""
    ready(session, "mr")
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
    answer = get(session, f"/studies/{session.objects.uid(999)}", accept=AS_STORED)
    expect_equal(answer.status, _NOT_FOUND, "the status")


@check(
    "web.retrieve.not-acceptable", "A media type that an instance does not have is answered with 406", "PS3.18 8.7.8"
)
def not_acceptable(session: Session) -> None:
    """Retrieve an image as a spreadsheet."""
    ready(session, "mr")
    expect_equal(get(session, _path(session, "mr"), accept="text/csv").status, _NOT_ACCEPTABLE, "the status")


def _path(session: Session, name: str) -> str:
    study, series, number = session.objects.numbers(name)
    uid = session.objects.uid
    return f"/studies/{uid(study)}/series/{uid(study, series)}/instances/{uid(study, series, number)}"


def _expect_parts(answer: WebAnswer, count: int) -> list[bytes]:
    parts = offered(answer).parts()
    expect_equal(len(parts), count, "the number of parts")
    return parts
