"""Searches by every key that a server has to match, and what each must find (QIDO-RS, PS3.18 10.6.1)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.checks.objects import STUDIES
from conformance.checks.registry import Check
from conformance.checks.session import Session
from conformance.checks.verdicts import NotSupported, expect_equal
from conformance.checks.web import NOT_OFFERED, expect_offered, get, offered
from conformance.checks.web_client import value

_STUDY_UID, _SERIES_UID, _INSTANCE_UID = "0020000D", "0020000E", "00080018"
_PATIENT_A = [(1,), (2,)]
_SERIES_OF_1 = [(1, 1), (1, 2)]
_INSTANCES_OF_1 = [(1, 1, 1), (1, 1, 2), (1, 1, 3), (1, 2, 1), (1, 2, 2)]
_MATCHING = "PS3.18 8.3.4.1"

Entities = Sequence[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Search:
    """A search and what it must find.

    {1} in path and keys is the UID of study 1, {1-2} that of its series 2, {A} the Patient ID A, {run} the run's label.
    Where the section leaves the kind of matching open (`optional`), nothing found means that it is not supported.
    """

    id: str
    title: str
    path: str
    keys: str
    finds: Entities
    optional: bool = False


def _finds(search: Search) -> Check:
    def run(session: Session) -> None:
        expect_offered(session)
        session.store_queried()
        keys = dict(pair.split("=", 1) for pair in _filled(session, search.keys).split("&") if pair)
        answer = get(session, _filled(session, search.path), query=keys)
        if search.optional:
            offered(answer, unless=(400, *NOT_OFFERED))
        tag = (_STUDY_UID, _SERIES_UID, _INSTANCE_UID)[len(search.finds[0]) - 1]
        found = sorted(str(value(one, tag)) for one in answer.items())
        if search.optional and not found:
            raise NotSupported("it finds nothing")
        expect_equal(found, sorted(session.objects.uid(*one) for one in search.finds), "what it finds")

    return Check(f"web.query.{search.id}", search.title, _MATCHING, run)


_STUDIES, _SERIES, _INSTANCES = "/studies", "/studies/{1}/series", "/studies/{1}/instances"

FOUND = tuple(
    _finds(search)
    for search in (
        Search(
            "accession-number", "Studies are found by Accession Number", _STUDIES, "AccessionNumber={run}-2", [(2,)]
        ),
        Search("study-id", "Studies are found by Study ID", _STUDIES, "PatientID={A}&StudyID=2", [(2,)]),
        Search(
            "encoded",
            "Characters may be percent-encoded",
            _STUDIES,
            "PatientID={A}&PatientName=CONFORMANCE^CHECK",
            _PATIENT_A,
        ),
        Search(
            "case",
            "A name is matched without regard to case",
            _STUDIES,
            "PatientID={A}&PatientName=conformance*",
            _PATIENT_A,
            optional=True,
        ),
        Search(
            "question-mark",
            "A question mark stands for one character",
            _STUDIES,
            "PatientID={run}-?&StudyDate=20240115",
            [(1,)],
        ),
        Search("date", "Studies are found by a day", _STUDIES, "PatientID={A}&StudyDate=20240220", [(2,)]),
        Search("date-from", "Studies are found from a day on", _STUDIES, "PatientID={A}&StudyDate=20240201-", [(2,)]),
        Search("date-to", "Studies are found up to a day", _STUDIES, "PatientID={A}&StudyDate=-20240131", [(1,)]),
        Search("time", "Studies are found by a range of times", _STUDIES, "PatientID={A}&StudyTime=2200-2359", [(2,)]),
        Search(
            "referrer",
            "Studies are found by the referring physician",
            _STUDIES,
            "PatientID={A}&ReferringPhysicianName=REFERRER*ONE",
            [(1,)],
        ),
        Search(
            "modality",
            "Studies are found by a modality in them",
            _STUDIES,
            "PatientID={A}&ModalitiesInStudy=MR",
            [(2,)],
        ),
        Search(
            "uid-list",
            "Several studies are found by a list of UIDs",
            _STUDIES,
            "StudyInstanceUID={1},{3}",
            [(1,), (3,)],
        ),
        Search(
            "uid-list-backslash",
            "A list of UIDs may be joined by backslashes",
            _STUDIES,
            "StudyInstanceUID={1}\\{3}",
            [(1,), (3,)],
            optional=True,
        ),
        Search(
            "all-series",
            "Series are found without naming a study",
            "/series",
            "PatientID={A}&Modality=CT",
            _SERIES_OF_1,
            optional=True,
        ),
        Search(
            "all-instances",
            "Instances are found without naming a study",
            "/instances",
            "PatientID={A}&Modality=CT",
            _INSTANCES_OF_1,
            optional=True,
        ),
        Search("study-instances", "The instances of a study are found", _INSTANCES, "", _INSTANCES_OF_1),
        Search("series-modality", "Series are found by Modality", _SERIES, "Modality=CT", _SERIES_OF_1),
        Search("series-number", "Series are found by Series Number", _SERIES, "SeriesNumber=2", [(1, 2)]),
        Search("series-uid", "A series is found by its UID", _SERIES, "SeriesInstanceUID={1-2}", [(1, 2)]),
        Search(
            "instance-number",
            "Instances are found by Instance Number",
            "/studies/{1}/series/{1-1}/instances",
            "InstanceNumber=3",
            [(1, 1, 3)],
        ),
        Search(
            "sop-class",
            "Instances are found by SOP Class",
            _INSTANCES,
            "SOPClassUID=1.2.840.10008.5.1.4.1.1.7",
            _INSTANCES_OF_1,
        ),
        Search(
            "request",
            "Series are found by an attribute of the request in them",
            _SERIES,
            "RequestAttributesSequence.ScheduledProcedureStepID=SPS1-2",
            [(1, 2)],
        ),
        Search(
            "empty-key",
            "A key without a value matches everything",
            _STUDIES,
            "PatientID={A}&StudyDescription=",
            _PATIENT_A,
        ),
    )
)
"""Searches and what each must find."""


def _filled(session: Session, text: str) -> str:
    objects = session.objects
    names = {"A": objects.patient_id(1), "run": objects.label}
    names |= {f"{n}": objects.uid(n) for n in STUDIES} | {f"1-{n}": objects.uid(1, n) for n in (1, 2)}
    return re.sub(r"\{([\w-]+)\}", lambda match: names[match[1]], text)
