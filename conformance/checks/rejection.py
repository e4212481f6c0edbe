"""Rejection notes (IHE RAD TF-3 4.66, Imaging Object Change Management), where the node acts on them."""

from conformance.checks.asking import UNIQUE_KEYS, find, found
from conformance.checks.objects import REJECTED
from conformance.checks.registry import check
from conformance.checks.session import STUDY_FIND, Session
from conformance.checks.verdicts import NotSupported, expect, expect_equal
from conformance.checks.web import expect_offered, get
from conformance.checks.web_client import value

_INSTANCE_UID = "00080018"
_GONE = (404, 410)
_STUDY, _SERIES = REJECTED["rejected"][:1], REJECTED["rejected"][:2]


@check("rejection.find", "C-FIND finds no more what a rejection note names", "IHE RAD TF-3 4.66.4.1.3")
def by_find(session: Session) -> None:
    """Reject one of two images, and look for both and for the series of the note."""
    _reject(session)
    uid = session.objects.uid
    keys = {"StudyInstanceUID": uid(*_STUDY), "SeriesInstanceUID": uid(*_SERIES), UNIQUE_KEYS["IMAGE"]: ""}
    instances = found(find(session, STUDY_FIND, "IMAGE", keys), "IMAGE")
    _expect_left(session, instances)
    keys = {"StudyInstanceUID": uid(*_STUDY), UNIQUE_KEYS["SERIES"]: ""}
    expect_equal(found(find(session, STUDY_FIND, "SERIES", keys), "SERIES"), [uid(*_SERIES)], "the series found")


@check("web.rejected", "DICOMweb shows no more what a rejection note names", "IHE RAD TF-3 4.66.4.1.3")
def by_web(session: Session) -> None:
    """Reject one of two images, search for both, and retrieve the one that was rejected."""
    expect_offered(session)
    _reject(session)
    uid = session.objects.uid
    results = get(session, f"/studies/{uid(*_STUDY)}/series/{uid(*_SERIES)}/instances").items()
    _expect_left(session, sorted(str(value(one, _INSTANCE_UID)) for one in results))
    path = f"/studies/{uid(*_STUDY)}/series/{uid(*_SERIES)}/instances/{uid(*REJECTED['rejected'])}/metadata"
    answer = get(session, path)
    expect(answer.status in _GONE, f"its metadata is answered with {answer.status}")


def _reject(session: Session) -> None:
    for name in REJECTED:
        session.stored(name)


def _expect_left(session: Session, instances: list[str]) -> None:
    rejected, other = (session.objects.uid(*REJECTED[name]) for name in ("rejected", "not-rejected"))
    if rejected in instances:
        raise NotSupported("rejection notes are stored, and not acted on")
    expect_equal(instances, [other], "the instances found")
