"""What the study browser asks for and is given: a search as somebody typed it, and a page of studies."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

PAGE_SIZE: Final = 25
"""Studies on one page."""

_TEXTS: Final = {
    "patient": "patient",
    "modality": "modality",
    "description": "description",
    "id": "Patient ID",
    "issuer": "issuer",
}
"""The texts of a search by the names of their parameters, and what people call them."""
_MOST_CHARACTERS: Final = 64
_LAST_PAGE: Final = 1000
_PAGE: Final = re.compile(r"[1-9]\d{0,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class StudySearch:
    """What somebody looks for; empty texts and dates ask for nothing. `page` is counted from 1.

    `patient` is a name or an ID, in part or whole; `description` words in any order; `modality` one that a study holds.
    `patient_id` and `issuer` are one patient's, whole: with an ID, an empty issuer says that none was told.
    """

    patient: str = ""
    first_date: date | None = None
    last_date: date | None = None
    modality: str = ""
    description: str = ""
    page: int = 1
    patient_id: str = ""
    issuer: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it names neither patient nor date nor description: all studies would do."""
        patient = self.patient or self.patient_id or self.issuer
        return not (patient or self.description or self.first_date or self.last_date)


@dataclass(frozen=True, slots=True)
class Study:
    """One study as it is shown; texts are as the index has them (vna.dicom.describe)."""

    uid: str
    patient_name: str
    patient_id: str
    issuer: str
    birth_date: str
    sex: str
    date: str
    time: str
    description: str
    accession_number: str
    modalities: str
    series: str
    instances: str


@dataclass(frozen=True, slots=True)
class FoundStudies:
    """A page of studies, latest first, out of `count`; with `more` there are others that were not looked at.

    `within_days` says that only studies of so many days were looked for, None that all were.
    """

    studies: Sequence[Study]
    count: int
    more: bool
    within_days: int | None


FindStudies = Callable[[StudySearch], FoundStudies]
"""Finds studies; a ValueError says what of the search cannot be meant, in words for who typed it."""


def parse_study_search(parameters: Mapping[str, str]) -> StudySearch:
    """Read a search from the query parameters of the page.

    Raises:
        ValueError: one is no value of its kind; in words for who typed it.
    """
    texts = {name: parameters.get(name, "").strip() for name in _TEXTS}
    for name, text in texts.items():
        if len(text) > _MOST_CHARACTERS or not text.isprintable():
            raise ValueError(
                f"The {_TEXTS[name]} has more than {_MOST_CHARACTERS} characters, or characters nobody can read."
            )
    first, last = _date(parameters, "from"), _date(parameters, "to")
    if first and last and last < first:
        raise ValueError("The last date lies before the first one.")
    page = parameters.get("page") or "1"
    if not _PAGE.fullmatch(page) or int(page) > _LAST_PAGE:
        raise ValueError(f"Pages are counted from 1 to {_LAST_PAGE:,}.")
    return StudySearch(
        patient=texts["patient"],
        first_date=first,
        last_date=last,
        modality=texts["modality"].upper(),
        description=texts["description"],
        page=int(page),
        patient_id=texts["id"],
        issuer=texts["issuer"],
    )


def _date(parameters: Mapping[str, str], name: str) -> date | None:
    text = parameters.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError(f'The date "{name}" is none: write it as 2026-01-31.') from None
