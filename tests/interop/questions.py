"""The questions every querier puts, and which studies of the collection answer them (PS3.4 C.2.2.2)."""

from collections.abc import Mapping
from dataclasses import dataclass

from interop.collection import CT_SLICES, PEOPLE, series_keys, study
from interop.stacks.roles import Question

_LABEL = "held"
_RETURNED = {"PatientID": "", "StudyInstanceUID": ""}


@dataclass(frozen=True, slots=True)
class Expected:
    """A question; the attribute whose values are compared, and those values, one for each answer."""

    question: Question
    keyword: str
    values: frozenset[str]


def _people(question: Question, *names: str) -> Expected:
    return Expected(question, "PatientName", frozenset(PEOPLE[name].name for name in names))


def _by_study(charset: str = "", **keys: str) -> Question:
    return Question("STUDY", {"PatientName": "", **_RETURNED, **keys}, charset)


def _uid(name: str) -> str:
    return study(name, label=_LABEL).uid


_NAMES = ("latin-1", "utf-8", "iso-2022")

QUESTIONS: Mapping[str, Expected] = {
    "wild-card": _people(_by_study(PatientName="MARTIN*"), "images", "implicit"),
    "single-character": _people(_by_study(PatientName="D?PONT^CLAIRE"), "documents"),
    "date-range": _people(_by_study(StudyDate="20240201-20240331"), "implicit", "documents"),
    "open-range": _people(_by_study(StudyDate="20240301-"), "documents"),
    "uid-list": _people(_by_study(StudyInstanceUID=f"{_uid('rle')}\\{_uid('jpeg')}"), "rle", "jpeg"),
    "modality": _people(_by_study(ModalitiesInStudy="SR"), "documents"),
    "latin-1": _people(_by_study("ISO_IR 100", PatientName="Müller*"), "latin-1"),
    "utf-8": _people(_by_study("ISO_IR 192", PatientName="*王*"), "utf-8"),
    "ideographic": _people(_by_study("ISO_IR 192", PatientName="*山田*"), "iso-2022"),
    "ascii-question": _people(_by_study(PatientID="NAMES*"), *_NAMES),
    "nothing": _people(_by_study(AccessionNumber="NO SUCH NUMBER")),
    "series": Expected(
        Question("SERIES", {"StudyInstanceUID": _uid("images"), "Modality": "", "SeriesInstanceUID": ""}),
        "Modality",
        frozenset({"CT", "MR", "US"}),
    ),
    "image": Expected(
        Question("IMAGE", {**series_keys("images", "CT", label=_LABEL), "SOPInstanceUID": ""}),
        "SOPInstanceUID",
        frozenset(one.sop_instance_uid for one in study("images", label=_LABEL).instances[:CT_SLICES]),
    ),
    "patient-root": Expected(
        Question("PATIENT", {"PatientID": "INTEROP*", "PatientName": ""}, model="PATIENT"),
        "PatientID",
        frozenset({"INTEROP1", "INTEROP2", "INTEROP3"}),
    ),
}
"""The questions by the name of their case."""
