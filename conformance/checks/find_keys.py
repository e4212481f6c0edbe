"""Matching (PS3.4 C.2.2.2): each key of the models and each kind of matching, one query each."""

from collections.abc import Callable
from dataclasses import dataclass

from conformance.checks.asking import Keys, find, found
from conformance.checks.objects import STUDIES, TestObjects
from conformance.checks.registry import Check
from conformance.checks.session import PATIENT_FIND, STUDY_FIND, Session
from conformance.checks.verdicts import Failed, NotSupported

SINGLE, LIST, WILD, RANGE, SEQUENCE = (f"PS3.4 C.2.2.2.{n}" for n in (1, 2, 4, 5, 6))

Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One query at a level of Study Root: its keys, and the entities it must find.

    `section` is that of the kind of matching. Without support for an optional key its value is ignored: then
    `if_ignored` are found.
    """

    id: str
    title: str
    section: str
    level: str
    keys: Callable[[TestObjects], Keys]
    expected: tuple[Numbers, ...]
    if_ignored: tuple[Numbers, ...] = ()


def _patient_a(keys: Callable[[TestObjects], Keys]) -> Callable[[TestObjects], Keys]:
    """Add the Patient ID of patient A, and ask for the study's UID."""
    return lambda objects: {"PatientID": objects.patient_id(1), "StudyInstanceUID": ""} | dict(keys(objects))


def _study(keyword: str, value: str) -> Callable[[TestObjects], Keys]:
    return _patient_a(lambda objects: {keyword: value})


def _in_study_1(keys: Keys) -> Callable[[TestObjects], Keys]:
    return lambda objects: {"StudyInstanceUID": objects.uid(1), "SeriesInstanceUID": "", **keys}


def _in_series_1(keys: Keys) -> Callable[[TestObjects], Keys]:
    return lambda objects: {
        "StudyInstanceUID": objects.uid(1),
        "SeriesInstanceUID": objects.uid(1, 1),
        "SOPInstanceUID": "",
        **keys,
    }


_BOTH, _FIRST, _SECOND = ((1,), (2,)), ((1,),), ((2,),)
_BOTH_SERIES = ((1, 1), (1, 2))
_IMAGES = ((1, 1, 1), (1, 1, 2), (1, 1, 3))

_STUDY_CASES = (
    Case("uid", "Study Instance UID", SINGLE, "STUDY", lambda objects: {"StudyInstanceUID": objects.uid(2)}, _SECOND),
    Case("patient-id", "Patient ID", SINGLE, "STUDY", _patient_a(lambda objects: {}), _BOTH),
    Case("patient-name", "Patient's Name", SINGLE, "STUDY", _study("PatientName", "CONFORMANCE^CHECK"), _BOTH),
    Case(
        "patient-name-other", "another Patient's Name", SINGLE, "STUDY", _study("PatientName", "CONFORMANCE^OTHER"), ()
    ),
    Case("study-date", "Study Date", SINGLE, "STUDY", _study("StudyDate", "20240115"), _FIRST),
    Case("study-time", "Study Time", SINGLE, "STUDY", _study("StudyTime", "233000"), _SECOND),
    Case("study-id", "Study ID", SINGLE, "STUDY", _study("StudyID", "2"), _SECOND),
    Case(
        "accession-number",
        "Accession Number",
        SINGLE,
        "STUDY",
        lambda objects: {"AccessionNumber": objects.accession_number(2), "StudyInstanceUID": ""},
        _SECOND,
    ),
    Case(
        "uid-list",
        "a list of Study Instance UIDs",
        LIST,
        "STUDY",
        lambda objects: {"StudyInstanceUID": f"{objects.uid(1)}\\{objects.uid(3)}"},
        ((1,), (3,)),
    ),
    Case(
        "uid-list-unknown",
        "a list of UIDs of which one is unknown",
        LIST,
        "STUDY",
        lambda objects: {"StudyInstanceUID": f"{objects.uid(1)}\\{objects.uid(999)}"},
        _FIRST,
    ),
    Case("wild-star", "Patient's Name with * at the end", WILD, "STUDY", _study("PatientName", "CONFORM*"), _BOTH),
    Case("wild-star-front", "Patient's Name with * in front", WILD, "STUDY", _study("PatientName", "*CHECK"), _BOTH),
    Case("wild-star-middle", "Patient's Name with * within", WILD, "STUDY", _study("PatientName", "CON*^CH*K"), _BOTH),
    Case("wild-mark", "Patient's Name with ?", WILD, "STUDY", _study("PatientName", "CONF?RMANCE^CHEC?"), _BOTH),
    Case(
        "wild-mark-is-one",
        "? stands for one character, not for none",
        WILD,
        "STUDY",
        _study("PatientName", "CONFORMANCE^CHECK?"),
        (),
    ),
    Case("wild-none", "a wild card that nothing fits", WILD, "STUDY", _study("PatientName", "*^NOBODY*"), ()),
    Case("wild-study-id", "Study ID with a wild card", WILD, "STUDY", _study("StudyID", "?"), _BOTH),
    Case(
        "wild-patient-id",
        "Patient ID with *",
        WILD,
        "STUDY",
        lambda objects: {"PatientID": f"{objects.label}-?", "PatientName": "CONFORMANCE^OTHER", "StudyInstanceUID": ""},
        ((3,),),
    ),
    Case("date-range", "a range of dates", RANGE, "STUDY", _study("StudyDate", "20240101-20240131"), _FIRST),
    Case(
        "date-range-ends",
        "a range of dates includes its ends",
        RANGE,
        "STUDY",
        _study("StudyDate", "20240115-20240220"),
        _BOTH,
    ),
    Case("date-from", "dates from a day on", RANGE, "STUDY", _study("StudyDate", "20240116-"), _SECOND),
    Case("date-to", "dates up to a day", RANGE, "STUDY", _study("StudyDate", "-20240219"), _FIRST),
    Case("time-range", "a range of times", RANGE, "STUDY", _study("StudyTime", "100000-110000"), _FIRST),
    Case("time-from", "times from an hour on", RANGE, "STUDY", _study("StudyTime", "1200-"), _SECOND),
    Case(
        "date-and-time-apart",
        "ranges of date and of time, matched apart",
        "PS3.4 C.2.2.2.5.1",
        "STUDY",
        _patient_a(lambda objects: {"StudyDate": "20240101-20240229", "StudyTime": "090000-120000"}),
        _FIRST,
    ),
    Case(
        "several-keys",
        "several keys, all of which must match",
        "PS3.4 C.2.2.2",
        "STUDY",
        _patient_a(lambda objects: {"PatientName": "CONFORM*", "StudyDate": "20240220", "StudyID": "1"}),
        (),
    ),
)

_OPTIONAL_STUDY_CASES = tuple(
    Case(id_, title, section, "STUDY", _study(keyword, value), expected, _BOTH)
    for id_, title, section, keyword, value, expected in (
        ("modalities-in-study", "Modalities in Study", SINGLE, "ModalitiesInStudy", "MR", _SECOND),
        ("study-description", "Study Description", SINGLE, "StudyDescription", "CONFORMANCE CHECK 1", _FIRST),
        ("study-description-wild", "Study Description with *", WILD, "StudyDescription", "*CHECK 2", _SECOND),
        ("referring-physician", "Referring Physician's Name", SINGLE, "ReferringPhysicianName", "REFERRER^ONE", _FIRST),
        ("sop-classes-in-study", "SOP Classes in Study", SINGLE, "SOPClassesInStudy", "1.2.840.10008.5.1.4.1.1.2", ()),
        ("birth-date", "Patient's Birth Date", SINGLE, "PatientBirthDate", "19700102", ()),
        ("patient-sex", "Patient's Sex", SINGLE, "PatientSex", "F", ()),
    )
)

_SEQUENCE_CASES = (
    Case(
        "procedure-code",
        "Procedure Code Sequence by Code Value",
        SEQUENCE,
        "STUDY",
        _patient_a(lambda objects: {"ProcedureCodeSequence": {"CodeValue": "CHECK2"}}),
        _SECOND,
        _BOTH,
    ),
)

_SERIES_CASES = (
    Case(
        "uid",
        "Series Instance UID",
        SINGLE,
        "SERIES",
        lambda objects: {"StudyInstanceUID": objects.uid(1), "SeriesInstanceUID": objects.uid(1, 2)},
        ((1, 2),),
    ),
    Case("modality", "Modality", SINGLE, "SERIES", _in_study_1({"Modality": "CT"}), _BOTH_SERIES),
    Case("modality-other", "another Modality", SINGLE, "SERIES", _in_study_1({"Modality": "MR"}), ()),
    Case("series-number", "Series Number", SINGLE, "SERIES", _in_study_1({"SeriesNumber": "2"}), ((1, 2),)),
    Case(
        "uid-list",
        "a list of Series Instance UIDs",
        LIST,
        "SERIES",
        lambda objects: {
            "StudyInstanceUID": objects.uid(1),
            "SeriesInstanceUID": f"{objects.uid(1, 1)}\\{objects.uid(1, 2)}",
        },
        _BOTH_SERIES,
    ),
    Case(
        "series-description",
        "Series Description",
        SINGLE,
        "SERIES",
        _in_study_1({"SeriesDescription": "CHECK SERIES 1"}),
        ((1, 1),),
        _BOTH_SERIES,
    ),
    Case(
        "request-attributes",
        "Request Attributes Sequence by Requested Procedure ID",
        SEQUENCE,
        "SERIES",
        _in_study_1({"RequestAttributesSequence": {"RequestedProcedureID": "RP1-2"}}),
        ((1, 2),),
        _BOTH_SERIES,
    ),
)

_IMAGE_CASES = (
    Case(
        "uid",
        "SOP Instance UID",
        SINGLE,
        "IMAGE",
        lambda objects: {**_in_series_1({})(objects), "SOPInstanceUID": objects.uid(1, 1, 2)},
        ((1, 1, 2),),
    ),
    Case("instance-number", "Instance Number", SINGLE, "IMAGE", _in_series_1({"InstanceNumber": "3"}), ((1, 1, 3),)),
    Case(
        "uid-list",
        "a list of SOP Instance UIDs",
        LIST,
        "IMAGE",
        lambda objects: {
            **_in_series_1({})(objects),
            "SOPInstanceUID": f"{objects.uid(1, 1, 1)}\\{objects.uid(1, 1, 3)}",
        },
        ((1, 1, 1), (1, 1, 3)),
    ),
    Case(
        "sop-class",
        "SOP Class UID",
        SINGLE,
        "IMAGE",
        _in_series_1({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}),
        (),
        _IMAGES,
    ),
)


def _as_check(case: Case) -> Check:
    def run(session: Session) -> None:
        session.store_queried()
        objects = session.objects
        came = found(find(session, STUDY_FIND, case.level, case.keys(objects)), case.level)
        _judge(objects, case, came)

    return Check(f"find.{case.level.lower()}.{case.id}", f"C-FIND by {case.title}", case.section, run)


def _judge(objects: TestObjects, case: Case, came: list[str]) -> None:
    wanted = sorted(objects.uid(*numbers) for numbers in case.expected)
    if came == wanted:
        return
    if case.if_ignored and came == sorted(objects.uid(*numbers) for numbers in case.if_ignored):
        raise NotSupported("the optional key is not matched")
    named = ", ".join(uid or "an answer without a UID" for uid in came) or "nothing"
    raise Failed(
        f"it finds {named if len(came) <= 4 else f'{len(came)} entities'}, not {', '.join(wanted) or 'nothing'}"
    )


MATCHING = tuple(
    map(_as_check, (*_STUDY_CASES, *_OPTIONAL_STUDY_CASES, *_SEQUENCE_CASES, *_SERIES_CASES, *_IMAGE_CASES))
)


def _at_patient_level(id_: str, title: str, section: str, keys: Callable[[TestObjects], Keys], patients: str) -> Check:
    def run(session: Session) -> None:
        session.store_queried()
        objects = session.objects
        came = found(find(session, PATIENT_FIND, "PATIENT", keys(objects)), "PATIENT")
        wanted = [f"{objects.label}-{patient}" for patient in patients]
        if came != wanted:
            raise Failed(f"it finds {', '.join(came) or 'nobody'}, not {', '.join(wanted) or 'nobody'}")

    return Check(f"find.patient.{id_}", f"C-FIND by {title} (Patient Root)", section, run)


_EVERYBODY = "".join(sorted({facts.patient for facts in STUDIES.values()}))
PATIENTS = (
    _at_patient_level("patient-id", "Patient ID", SINGLE, lambda objects: {"PatientID": objects.patient_id(3)}, "B"),
    _at_patient_level(
        "patient-name",
        "Patient's Name",
        SINGLE,
        lambda objects: {"PatientID": f"{objects.label}-*", "PatientName": "CONFORMANCE^OTHER"},
        "B",
    ),
    _at_patient_level(
        "patient-name-wild",
        "Patient's Name with *",
        WILD,
        lambda objects: {"PatientID": f"{objects.label}-?", "PatientName": "CONFORMANCE^CHE*"},
        "A",
    ),
    _at_patient_level(
        "wild-patient-id",
        "Patient ID with *, each patient once",
        WILD,
        lambda objects: {"PatientID": f"{objects.label}-*", "PatientName": "CONFORM*"},
        _EVERYBODY,
    ),
)
