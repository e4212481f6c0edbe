"""Searching over DICOMweb (QIDO-RS, PS3.18 10.6)."""

from collections.abc import Mapping

from conformance.checks.objects import NAMES
from conformance.checks.registry import check
from conformance.checks.session import Session
from conformance.checks.verdicts import NotSupported, expect, expect_equal
from conformance.checks.web import expect_offered, get
from conformance.checks.web_client import value

_STUDY_UID, _SERIES_UID, _INSTANCE_UID = "0020000D", "0020000E", "00080018"
_STUDY_ATTRIBUTES = ("00080020", "00080030", "00080050", "00080061", "00100010", "00100020", "00201206", "00201208")
_BAD_REQUEST, _NOT_ACCEPTABLE, _NO_CONTENT = 400, 406, 204


@check("web.search.studies", "Searching for studies is offered", "PS3.18 10.6.1")
def studies(session: Session) -> str:
    """Ask for one study, whichever."""
    expect_offered(session)
    found = get(session, "/studies", query={"limit": "1"}).items()
    expect(len(found) <= 1, f"{len(found)} studies came with limit=1")
    return ""


@check("web.search.by-uid", "A study is found by its UID, with what every answer must have", "PS3.18 10.6.3.3.1")
def by_uid(session: Session) -> None:
    """Look for study 1."""
    (found,) = _expect(session, "/studies", {"StudyInstanceUID": session.objects.uid(1)}, _STUDY_UID, [(1,)])
    missing = [tag for tag in _STUDY_ATTRIBUTES if tag not in found]
    expect(not missing, f"the answer lacks {', '.join(missing)}")
    expect_equal((value(found, "00201206"), value(found, "00201208")), (2, 5), "numbers of series and instances")


@check("web.search.patient-id", "Studies are found by Patient ID", "PS3.18 8.3.4.1")
def by_patient_id(session: Session) -> None:
    """Look for patient A by the tag of the attribute."""
    _expect(session, "/studies", {"00100020": session.objects.patient_id(1)}, _STUDY_UID, [(1,), (2,)])


@check("web.search.wild-card", "Studies are found by a wild card", "PS3.18 8.3.4.1.1")
def by_wild_card(session: Session) -> None:
    """Look for the studies of patient A by the beginning of the name."""
    keys = {"PatientID": session.objects.patient_id(1), "PatientName": "CONFORM*"}
    _expect(session, "/studies", keys, _STUDY_UID, [(1,), (2,)])


@check("web.search.date-range", "Studies are found by a range of dates", "PS3.18 8.3.4.1.1")
def by_date_range(session: Session) -> None:
    """Look for patient A in January."""
    keys = {"PatientID": session.objects.patient_id(1), "StudyDate": "20240101-20240131"}
    _expect(session, "/studies", keys, _STUDY_UID, [(1,)])


@check("web.search.series", "The series of a study are found", "PS3.18 10.6.1.1")
def series(session: Session) -> None:
    """Look below study 1."""
    _expect(session, f"/studies/{session.objects.uid(1)}/series", {}, _SERIES_UID, [(1, 1), (1, 2)])


@check("web.search.instances", "The instances of a series are found", "PS3.18 10.6.1.1")
def instances(session: Session) -> None:
    """Look below series 1 of study 1."""
    path = f"/studies/{session.objects.uid(1)}/series/{session.objects.uid(1, 1)}/instances"
    _expect(session, path, {}, _INSTANCE_UID, [(1, 1, number) for number in (1, 2, 3)])


@check("web.search.paging", "limit and offset give one answer after the other", "PS3.18 8.3.4.4")
def paging(session: Session) -> None:
    """Page through the two studies of patient A."""
    expect_offered(session)
    session.store_queried()
    keys = {"PatientID": session.objects.patient_id(1), "limit": "1"}
    pages = [get(session, "/studies", query={**keys, "offset": offset}).items() for offset in ("0", "1", "2")]
    expect_equal([len(page) for page in pages], [1, 1, 0], "the numbers of answers")
    uids = sorted(str(value(page[0], _STUDY_UID)) for page in pages[:2])
    expect_equal(uids, [session.objects.uid(1), session.objects.uid(2)], "the studies")


@check("web.search.include-field", "An attribute asked for with includefield is returned", "PS3.18 8.3.4.3")
def include_field(session: Session) -> None:
    """Ask for the description of study 1."""
    keys = {"StudyInstanceUID": session.objects.uid(1), "includefield": "00081030"}
    (found,) = _expect(session, "/studies", keys, _STUDY_UID, [(1,)])
    expect_equal(value(found, "00081030"), "CONFORMANCE CHECK 1", "Study Description")


@check("web.search.character-set", "Names come in UTF-8, whatever they were sent in", "PS3.18 F.2.2")
def character_set(session: Session) -> None:
    """Look for the patients whose names are beyond ASCII."""
    expect_offered(session)
    session.store_queried()
    for study, name in enumerate(NAMES.values(), start=4):
        (found,) = get(session, "/studies", query={"StudyInstanceUID": session.objects.uid(study)}).items()
        groups = value(found, "00100010") or {}
        came = "=".join(filter(None, (groups.get(group) for group in ("Alphabetic", "Ideographic", "Phonetic"))))
        expect_equal(came, name, "the name")


@check(
    "web.search.no-match",
    "A search that nothing matches is answered with 204, or 200 and an empty array",
    "PS3.18 10.6.3",
)
def no_match(session: Session) -> str:
    """Look for a study that does not exist."""
    expect_offered(session)
    answer = get(session, "/studies", query={"StudyInstanceUID": session.objects.uid(999)})
    expect_equal(answer.items(), [], "the answer")
    return str(answer.status)


@check("web.search.not-acceptable", "A media type that searching does not have is answered with 406", "PS3.18 8.7.8")
def not_acceptable(session: Session) -> None:
    """Ask for studies as a picture."""
    expect_offered(session)
    expect_equal(
        get(session, "/studies", accept="image/png", query={"limit": "1"}).status, _NOT_ACCEPTABLE, "the status"
    )


@check("web.search.unknown-key", "A key that is no attribute is answered with 400", "PS3.18 8.3.4.1")
def unknown_key(session: Session) -> None:
    """Look by NoSuchAttribute."""
    expect_offered(session)
    answer = get(session, "/studies", query={"NoSuchAttribute": "1", "limit": "1"})
    if answer.status in (200, _NO_CONTENT):
        raise NotSupported(f"it is passed over, with {answer.status}")
    expect_equal(answer.status, _BAD_REQUEST, "the status")


def _expect(
    session: Session, path: str, keys: Mapping[str, str], tag: str, wanted: list[tuple[int, ...]]
) -> list[dict[str, object]]:
    """See that a search finds exactly these entities, and return the answers."""
    expect_offered(session)
    session.store_queried()
    found = get(session, path, query=keys).items()
    expect_equal(
        sorted(str(value(one, tag)) for one in found), [session.objects.uid(*one) for one in wanted], "what it finds"
    )
    return found
