"""The levels of the information models (PS3.4 C.6.1, C.6.2), what answers hold, and counts."""

from pydicom.dataset import Dataset

from conformance.checks.asking import Answers, Keys, ask, find, found, identifier, is_failure, said
from conformance.checks.objects import TestObjects
from conformance.checks.registry import Check, check
from conformance.checks.session import EXPLICIT, PATIENT_FIND, STUDY_FIND, Session
from conformance.checks.verdicts import NotSupported, expect, expect_equal
from conformance.requests import parse_identifier
from conformance.upper_layer import Proposal

_LEVELS = ("PATIENT", "STUDY", "SERIES", "IMAGE")
_ROOTS = {"patient-root": (PATIENT_FIND, _LEVELS), "study-root": (STUDY_FIND, _LEVELS[1:])}


def _above(objects: TestObjects, level: str, *, patient_root: bool) -> dict[str, str]:
    """Return the unique keys above a level in study 1, series 1, and the level's own, empty."""
    keys = {"PatientID": objects.patient_id(1)} if patient_root else {}
    for at, keyword, value in (
        ("STUDY", "StudyInstanceUID", objects.uid(1)),
        ("SERIES", "SeriesInstanceUID", objects.uid(1, 1)),
        ("IMAGE", "SOPInstanceUID", ""),
    ):
        if _LEVELS.index(at) < _LEVELS.index(level):
            keys[keyword] = value
        elif at == level:
            keys[keyword] = ""
    return keys


def _level_check(root: str, level: str) -> Check:
    sop_class, _levels = _ROOTS[root]
    section = "PS3.4 C.6.1.1" if root == "patient-root" else "PS3.4 C.6.2.1"

    def run(session: Session) -> None:
        session.store_queried()
        objects = session.objects
        keys = _above(objects, level, patient_root=root == "patient-root")
        if root == "study-root" and level == "STUDY":
            keys["PatientID"] = objects.patient_id(1)
        wanted = {
            "PATIENT": [objects.patient_id(1)],
            "STUDY": [objects.uid(1), objects.uid(2)],
            "SERIES": [objects.uid(1, 1), objects.uid(1, 2)],
            "IMAGE": [objects.uid(1, 1, number) for number in (1, 2, 3)],
        }[level]
        expect_equal(found(find(session, sop_class, level, keys), level), wanted, "what it finds")

    title = f"C-FIND at {level} level in {root.replace('-', ' ').title()}"
    return Check(f"find.level.{root}.{level.lower()}", title, section, run)


LEVELS = tuple(_level_check(root, level) for root, (_sop_class, levels) in _ROOTS.items() for level in levels)


@check("find.level.study-root.wrong", "PATIENT level in Study Root is refused", "PS3.4 C.4.1.1.4")
def patient_in_study_root(session: Session) -> str:
    """Ask at a level that the model does not have."""
    return _refused(session, "PATIENT", {"PatientID": session.objects.patient_id(1)})


@check("find.level.unknown", "A Query/Retrieve Level that does not exist is refused", "PS3.4 C.4.1.1.4")
def unknown_level(session: Session) -> str:
    """Ask at level PICTURE."""
    return _refused(session, "PICTURE", {"StudyInstanceUID": session.objects.uid(1)})


@check("find.level.missing", "An identifier without Query/Retrieve Level is refused", "PS3.4 C.4.1.1.3.1")
def missing_level(session: Session) -> str:
    """Leave out what every identifier shall contain."""
    return _refused(session, None, {"StudyInstanceUID": session.objects.uid(1)})


@check("find.hierarchy.series-without-study", "SERIES level without Study Instance UID is refused", "PS3.4 C.4.1.3.1.1")
def series_without_study(session: Session) -> str:
    """Ask by Modality alone, without relational queries negotiated."""
    return _hierarchical(session, "SERIES", {"SeriesInstanceUID": session.objects.uid(1, 1)})


@check("find.hierarchy.image-without-series", "IMAGE level without Series Instance UID is refused", "PS3.4 C.4.1.3.1.1")
def image_without_series(session: Session) -> str:
    """Give the study alone, without relational queries negotiated."""
    return _hierarchical(session, "IMAGE", {"StudyInstanceUID": session.objects.uid(1), "SOPInstanceUID": ""})


@check("find.hierarchy.other-parent", "A series of another study than the one given is not found", "PS3.4 C.4.1.3.1.1")
def other_parent(session: Session) -> None:
    """Give study 2 and a series of study 1."""
    session.store_queried()
    keys = {"StudyInstanceUID": session.objects.uid(2), "SeriesInstanceUID": session.objects.uid(1, 1)}
    expect_equal(found(find(session, STUDY_FIND, "SERIES", keys), "SERIES"), [], "what it finds")


@check("find.answer.keys", "Answers hold the keys that were asked for, with their values", "PS3.4 C.4.1.1.3.2")
def answer_keys(session: Session) -> None:
    """Ask for every required key of the STUDY level."""
    wanted = {
        "StudyDate": "20240115",
        "StudyTime": "101530",
        "AccessionNumber": session.objects.accession_number(1),
        "StudyID": "1",
        "PatientName": "CONFORMANCE^CHECK",
        "PatientID": session.objects.patient_id(1),
    }
    answer = _study_1(session, dict.fromkeys(wanted, ""))
    wrong = [keyword for keyword, value in wanted.items() if str(answer.get(keyword, "")) != value]
    expect(not wrong, f"{', '.join(wrong)} missing or with another value")


@check("find.answer.only-asked", "Answers hold no keys that were not asked for", "PS3.4 C.4.1.3.1.1")
def only_what_was_asked(session: Session) -> None:
    """Ask for nothing but the UID; character set, level and where to retrieve from may be there unasked."""
    allowed = {
        "SpecificCharacterSet",
        "QueryRetrieveLevel",
        "RetrieveAETitle",
        "StorageMediaFileSetID",
        "StorageMediaFileSetUID",
        "InstanceAvailability",
        "StudyInstanceUID",
        "TimezoneOffsetFromUTC",
    }
    more = [each.keyword or str(each.tag) for each in _study_1(session, {}) if each.keyword not in allowed]
    expect(not more, f"it also holds {', '.join(more)}")


@check("find.answer.level", "Answers repeat the Query/Retrieve Level", "PS3.4 C.4.1.1.3.2")
def answer_level(session: Session) -> None:
    """Look into an answer."""
    expect_equal(str(_study_1(session, {}).get("QueryRetrieveLevel", "")), "STUDY", "Query/Retrieve Level")


@check(
    "find.answer.retrieve-from", "Answers say where to retrieve from: an AE title or a file-set", "PS3.4 C.4.1.1.3.2"
)
def answer_origin(session: Session) -> None:
    """Look into an answer."""
    answer = _study_1(session, {})
    expect(
        answer.get("RetrieveAETitle") or answer.get("StorageMediaFileSetID"),
        "neither Retrieve AE Title nor Storage Media File-Set ID has a value",
    )


@check("find.answer.statuses", "Answers are pending with an identifier, the last is success without", "PS3.7 9.3.2.2")
def answer_statuses(session: Session) -> None:
    """Look at the responses to a query that finds one study."""
    session.store_queried()
    answers = find(session, STUDY_FIND, "STUDY", {"StudyInstanceUID": session.objects.uid(1)})
    expect_equal([message.status for message in answers.pending], [0xFF00], "the pending statuses")
    expect(all(message.data for message in answers.pending), "a pending response has no identifier")
    expect_equal((answers.status, answers.final.data), (0, b""), "the final status and identifier")


@check("find.no-match", "A query that nothing matches is answered with success alone", "PS3.4 C.4.1.3")
def no_match(session: Session) -> None:
    """Ask for a study that does not exist."""
    answers = find(session, STUDY_FIND, "STUDY", {"StudyInstanceUID": session.objects.uid(999)})
    expect_equal((len(answers.pending), answers.status), (0, 0), "the number of answers and the status")


@check("find.explicit-vr", "Identifiers in Explicit VR Little Endian are understood, and given", "PS3.5 10.1")
def explicit_identifiers(session: Session) -> None:
    """Propose that syntax alone."""
    session.store_queried()
    uid = session.objects.uid(1)
    value = uid.encode() + b"\0" * (len(uid) % 2)
    data = b"\x08\0\x52\0CS\x06\0STUDY \x20\0\x0d\0UI" + len(value).to_bytes(2, "little") + value
    with session.open(Proposal(STUDY_FIND, (EXPLICIT,))) as association:
        if not association.accepted:
            raise NotSupported("Explicit VR Little Endian is not accepted for queries")
        answers = ask(association, STUDY_FIND, data)
    expect_equal((len(answers.pending), answers.status), (1, 0), "the number of answers and the status")
    expect(b"UI" + len(value).to_bytes(2, "little") + value in answers.pending[0].data, "the answer has no explicit VR")


def _counted(id_: str, keyword: str, level: str, wanted: str) -> Check:
    def run(session: Session) -> None:
        session.store_queried()
        objects = session.objects
        own = {"PATIENT": "PatientID", "STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID"}[level]
        value = {"PATIENT": objects.patient_id(1), "STUDY": objects.uid(1), "SERIES": objects.uid(1, 1)}[level]
        keys = _above(objects, level, patient_root=level == "PATIENT") | {own: value, keyword: ""}
        answers = find(session, PATIENT_FIND if level == "PATIENT" else STUDY_FIND, level, keys)
        count = str(_only(answers).get(keyword) or "")
        if not count:
            raise NotSupported(f"{keyword} is not returned")
        expect_equal(count, wanted, keyword)

    return Check(f"find.count.{id_}", f"{keyword} is right", "PS3.4 C.6.1.1", run)


COUNTS = (
    _counted("patient-studies", "NumberOfPatientRelatedStudies", "PATIENT", "2"),
    _counted("patient-series", "NumberOfPatientRelatedSeries", "PATIENT", "3"),
    _counted("patient-instances", "NumberOfPatientRelatedInstances", "PATIENT", "6"),
    _counted("study-series", "NumberOfStudyRelatedSeries", "STUDY", "2"),
    _counted("study-instances", "NumberOfStudyRelatedInstances", "STUDY", "5"),
    _counted("series-instances", "NumberOfSeriesRelatedInstances", "SERIES", "3"),
)


def _study_1(session: Session, more: Keys) -> Dataset:
    session.store_queried()
    return _only(find(session, STUDY_FIND, "STUDY", {"StudyInstanceUID": session.objects.uid(1), **more}))


def _only(answers: Answers) -> Dataset:
    expect(answers.status == 0, f"the query was answered with status {said(answers.final)}")
    expect_equal(len(answers.pending), 1, "the number of answers")
    return parse_identifier(answers.pending[0].data)


def _ask_study_root(session: Session, level: str | None, keys: Keys) -> Answers:
    with session.open_for(STUDY_FIND) as association:
        return ask(association, STUDY_FIND, identifier(level, keys))


def _refused(session: Session, level: str | None, keys: Keys) -> str:
    """See that a query fails."""
    answers = _ask_study_root(session, level, keys)
    expect(is_failure(answers.status), f"answered with status {said(answers.final)} and {len(answers.pending)} matches")
    return f"refused with status {answers.status:04X}"


def _hierarchical(session: Session, level: str, keys: Keys) -> str:
    """See that a query which only a relational one may be is refused.

    Raises:
        NotSupported: it is carried out, as if relational queries had been negotiated.
    """
    session.store_queried()
    answers = _ask_study_root(session, level, keys)
    if is_failure(answers.status):
        return f"refused with status {answers.status:04X}"
    raise NotSupported(
        f"it is answered with {len(answers.pending)} matches, though relational queries were not negotiated"
    )
