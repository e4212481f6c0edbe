"""The parameters of a search, the headers of its answer, and what it refuses (QIDO-RS, PS3.18 8.3.4, 10.6)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.checks.registry import Check, check
from conformance.checks.session import Session
from conformance.checks.verdicts import NotSupported, expect, expect_equal
from conformance.checks.web import XML, expect_offered, get, offered
from conformance.checks.web_client import JSON, NATIVE, WebAnswer, value

_STUDY_UID, _INSTANCE_UID = "0020000D", "00080018"
_PATIENT_A = [(1,), (2,)]
_ADDITIONAL = re.compile(r"299 .*additional results", re.IGNORECASE)
_SELDOM = "00080064"
_PAGING = "PS3.18 8.3.4.4.1"


def _refused(id_: str, title: str, query: Mapping[str, str], *, optional: bool = True) -> Check:
    """Return the check that a search with a bad parameter is refused with 400."""

    def run(session: Session) -> str:
        expect_offered(session)
        answer = get(session, "/studies", query={"limit": "1", **query})
        if optional and answer.status in (200, 204):
            raise NotSupported(f"it is passed over, with {answer.status}")
        expect_equal(answer.status, 400, "the status")
        return answer.media_type

    return Check(f"web.query.refused.{id_}", title, "PS3.18 10.6.3.1", run)


REFUSED = (
    _refused("limit", "A limit that is no number is answered with 400", {"limit": "ten"}),
    _refused("limit-negative", "A limit below zero is answered with 400", {"limit": "-1"}),
    _refused("offset", "An offset that is no number is answered with 400", {"offset": "x"}),
    _refused("fuzzymatching", "fuzzymatching takes true and false", {"fuzzymatching": "perhaps"}),
    _refused("includefield", "An includefield that is no attribute is answered with 400", {"includefield": "NoSuch"}),
    _refused("date", "A date that is none is answered with 400", {"StudyDate": "last week"}),
    _refused("tag", "A tag that is none is answered with 400", {"0010GGGG": "1"}),
)
"""Searches that say what cannot be meant."""


def _warned(id_: str, title: str, section: str, parameter: str) -> Check:
    """Return the check that an option of matching is heeded, or that a warning says it was not."""

    def run(session: Session) -> str:
        expect_offered(session)
        session.store_queried()
        answer = get(session, "/studies", query={"PatientID": session.objects.patient_id(1), parameter: "true"})
        found = sorted(str(value(one, _STUDY_UID)) for one in answer.items())
        expect_equal(found, [session.objects.uid(1), session.objects.uid(2)], "what it finds")
        if "299" in answer.headers.get("warning", ""):
            raise NotSupported("it says so with Warning 299")
        return "without a warning: it is supported, or passed over"

    return Check(f"web.query.{id_}", title, section, run)


OPTIONS = (
    _warned(
        "fuzzymatching", "fuzzymatching is done, or a warning says that it was not", "PS3.18 8.3.4.2", "fuzzymatching"
    ),
    _warned(
        "emptyvaluematching",
        "emptyvaluematching is done, or a warning says that it was not",
        "PS3.18 8.3.4.5",
        "emptyvaluematching",
    ),
    _warned(
        "multiplevaluematching",
        "multiplevaluematching is done, or a warning says that it was not",
        "PS3.18 8.3.4.6",
        "multiplevaluematching",
    ),
)


@check(
    "web.query.fuzzy",
    "Fuzzy matching finds a name in lower case, or a warning says that it does not",
    "PS3.18 8.3.4.2",
)
def fuzzy(session: Session) -> None:
    """Look for CONFORMANCE^CHECK in lower case: the least that any way of fuzzy matching finds."""
    keys = {"PatientName": "conformance check", "fuzzymatching": "true"}
    _expect_or_warning(session, {"PatientID": session.objects.patient_id(1), **keys}, _PATIENT_A)


@check(
    "web.query.multiple-values",
    "Of several values each has to be there, or a warning says that multiple value matching is not done",
    "PS3.18 8.3.4.6",
)
def multiple_values(session: Session) -> None:
    """Look for studies of patient A with CT and MR in one: there is none (PS3.4 C.2.2.2.8)."""
    keys = {"PatientID": session.objects.patient_id(1), "multiplevaluematching": "true"}
    _expect_or_warning(session, {**keys, "ModalitiesInStudy": "CT"}, [(1,)])
    _expect_or_warning(session, {**keys, "ModalitiesInStudy": "CT\\MR"}, [])


@check(
    "web.query.empty-values",
    "Empty value matching finds what has no value, or a warning says that it does not",
    "PS3.18 8.3.4.5",
)
def empty_values(session: Session) -> None:
    """Look for the studies of patient A that have no Study Description: there are none."""
    keys = {"PatientID": session.objects.patient_id(1), "StudyDescription": '""', "emptyvaluematching": "true"}
    _expect_or_warning(session, keys, [])


@check("web.query.xml", "Matches come in XML", "PS3.18 10.6.4")
def xml(session: Session) -> None:
    """Look for study 1 in the Native DICOM Model."""
    answer = _study_1(session, accept=XML)
    models = answer.native_models()
    expect_equal(len(models), 1, "the number of models")
    uids = [
        found.text
        for attribute in models[0].iter(f"{NATIVE}DicomAttribute")
        if attribute.get("tag") == _STUDY_UID
        for found in attribute.iter(f"{NATIVE}Value")
    ]
    expect_equal(uids, [session.objects.uid(1)], "Study Instance UID")


@check(
    "web.query.json-forms",
    "JSON comes as application/dicom+json, and as application/json where that is asked for",
    "PS3.18 8.7.3.2",
)
def json_forms(session: Session) -> None:
    """Ask for both, and for anything."""
    for accept in (JSON, "*/*", ""):
        expect_equal(_study_1(session, accept=accept).media_type, JSON, f"the media type for Accept {accept!r}")


@check("web.query.json-form.plain", "application/json is another name of DICOM JSON", "PS3.18 8.7.3.2")
def plain_json(session: Session) -> None:
    """Ask for application/json."""
    answer = offered(_study_1(session, accept="application/json"), unless=(406,))
    expect(answer.media_type in (JSON, "application/json"), f"the media type is {answer.media_type!r}")


@check("web.query.no-content", "A search that nothing matches is answered with 204 and no body", "PS3.18 8.3.4.4.1")
def no_content(session: Session) -> None:
    """Look for what does not exist; 200 with an empty array is what older editions had."""
    expect_offered(session)
    answer = get(session, "/studies", query={"StudyInstanceUID": session.objects.uid(999)})
    if answer.status == 200:
        raise NotSupported("answered with 200 and an empty array, as editions before 2019 had it")
    expect_equal((answer.status, answer.body), (204, b""), "the status and the body")


@check("web.query.offset-beyond", "An offset beyond the last match is answered with 204", _PAGING)
def offset_beyond(session: Session) -> str:
    """Skip more than there is."""
    expect_offered(session)
    session.store_queried()
    answer = get(session, "/studies", query={"PatientID": session.objects.patient_id(1), "offset": "50"})
    expect_equal(answer.items(), [], "the matches")
    return str(answer.status)


@check("web.query.additional", "What was left out is told with Warning 299", _PAGING)
def additional(session: Session) -> None:
    """Ask for one of the two studies of patient A."""
    expect_offered(session)
    session.store_queried()
    answer = get(session, "/studies", query={"PatientID": session.objects.patient_id(1), "limit": "1"})
    expect_equal(len(answer.items()), 1, "the number of matches")
    warning = answer.headers.get("warning", "")
    expect(_ADDITIONAL.search(warning), f"the Warning is {warning!r}")


@check("web.query.all-told", "Where nothing was left out there is no such warning", _PAGING)
def all_told(session: Session) -> None:
    """Ask for both studies of patient A."""
    expect_offered(session)
    session.store_queried()
    answer = get(session, "/studies", query={"PatientID": session.objects.patient_id(1), "limit": "2"})
    expect_equal(len(answer.items()), 2, "the number of matches")
    expect(not _ADDITIONAL.search(answer.headers.get("warning", "")), "there is one")


@check("web.query.stable", "The same search gives the same order, page by page too", _PAGING)
def stable(session: Session) -> None:
    """Ask for the instances of study 1 whole, again, and one by one."""
    expect_offered(session)
    session.store_queried()
    path = f"/studies/{session.objects.uid(1)}/instances"
    whole = _uids(get(session, path), _INSTANCE_UID)
    expect_equal(_uids(get(session, path), _INSTANCE_UID), whole, "the order of the second answer")
    pages = [get(session, path, query={"limit": "2", "offset": str(n)}) for n in (0, 2, 4)]
    expect_equal([uid for page in pages for uid in _uids(page, _INSTANCE_UID)], whole, "the order page by page")


@check("web.query.include-all", "includefield=all returns more than comes without it", "PS3.18 8.3.4.3")
def include_all(session: Session) -> str:
    """Look for study 1 both ways."""
    expect_offered(session)
    (few,) = _study_1(session).items()
    (many,) = _study_1(session, includefield="all").items()
    expect(few.keys() <= many.keys(), f"{sorted(few.keys() - many.keys())} are missing with it")
    if "00081030" not in many:
        raise NotSupported("Study Description does not come with it")
    return f"{len(many)} attributes instead of {len(few)}"


@check(
    "web.query.include-several", "includefield may be repeated, and hold a list of keywords and tags", "PS3.18 8.3.4.3"
)
def include_several(session: Session) -> None:
    """Ask for three attributes."""
    expect_offered(session)
    session.store_queried()
    client = session.target.web
    assert client is not None
    query = f"StudyInstanceUID={session.objects.uid(1)}&includefield=00081030,StudyID&includefield=PatientSex"
    (found,) = client.request("GET", "/studies", headers={"Accept": JSON}, query=query).items()
    missing = [tag for tag in ("00081030", "00200010", "00100040") if tag not in found]
    expect(not missing, f"the answer lacks {', '.join(missing)}")


@check(
    "web.query.include-any", "An attribute that few index comes with a match, or a warning says not", "PS3.18 8.3.4.3"
)
def include_any(session: Session) -> str:
    """Ask for Conversion Type of study 1: of an instance, a series, and of the study."""
    expect_offered(session)
    session.store_queried()
    query, said = {"StudyInstanceUID": session.objects.uid(1), "includefield": _SELDOM, "limit": "1"}, []
    for resource in ("instances", "series", "studies"):
        answer = get(session, f"/{resource}", query=query)
        (found,) = answer.items()
        if _SELDOM in found:
            said.append(resource)
        elif "299" not in answer.headers.get("warning", ""):
            raise NotSupported(f"of {resource} neither the attribute comes nor a warning")
    return f"returned of {', '.join(said) or 'nothing'}"


@check("web.query.series-attributes", "A match at the level of series has what it must have", "PS3.18 10.6.3.3.2")
def series_attributes(session: Session) -> None:
    """Look for a series of study 1."""
    _expect_attributes(session, "/series", ("00080060", "0020000E", "00200011", "00201209"))


@check("web.query.instance-attributes", "A match at the level of instances has what it must have", "PS3.18 10.6.3.3.3")
def instance_attributes(session: Session) -> None:
    """Look for an instance of study 1."""
    _expect_attributes(session, "/instances", ("00080016", "00080018", "00200013", "00280010", "00280011"))


@check("web.query.retrieve-url", "Retrieve URL in a match leads to the study", "PS3.18 10.6.3.3.1")
def retrieve_url(session: Session) -> None:
    """Follow it to the metadata."""
    (found,) = _study_1(session, includefield="00081190").items()
    url = value(found, "00081190")
    if not url:
        raise NotSupported("the match has none")
    answer = get(session, f"{url}/metadata" if str(url).startswith("http") else f"/{url}/metadata")
    expect_equal(len(answer.items()), 5, "the number of instances it leads to")


def _study_1(session: Session, *, accept: str = JSON, **more: str) -> WebAnswer:
    expect_offered(session)
    session.store_queried()
    return get(session, "/studies", accept=accept, query={"StudyInstanceUID": session.objects.uid(1), **more})


def _expect_attributes(session: Session, level: str, tags: tuple[str, ...]) -> None:
    expect_offered(session)
    session.store_queried()
    found = get(session, f"/studies/{session.objects.uid(1)}{level}", query={"limit": "1"}).items()
    expect_equal(len(found), 1, "the number of matches")
    missing = [tag for tag in tags if tag not in found[0]]
    expect(not missing, f"the match lacks {', '.join(missing)}")


def _expect_or_warning(session: Session, keys: Mapping[str, str], wanted: Sequence[tuple[int, ...]]) -> None:
    expect_offered(session)
    session.store_queried()
    answer = get(session, "/studies", query=keys)
    if "299" in answer.headers.get("warning", ""):
        raise NotSupported("it says so with Warning 299")
    found = sorted(_uids(answer, _STUDY_UID))
    expect_equal(found, sorted(session.objects.uid(*one) for one in wanted), "what it finds, without a warning")


def _uids(answer: WebAnswer, tag: str) -> list[Any]:
    return [value(one, tag) for one in answer.items()]
