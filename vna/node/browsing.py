"""The search of the study browser, as queries to the archive."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from operator import attrgetter
from typing import Final

from vna.archive import Archive
from vna.console import PAGE_SIZE, FindStudies, FoundStudies, Study, StudySearch
from vna.dicom.attributes import Level, Model
from vna.dicom.describe import Value
from vna.dicom.fuzzy_names import key_words
from vna.dicom.keys import Rules, parse_key
from vna.dicom.matching import Empty, FuzzyName, Matcher, Range, SingleValue, Universal
from vna.dicom.query import Query
from vna.index import Page

MOST: Final = 1000
"""So many matches are looked at, to show the latest of them first."""

_WINDOWS_DAYS: Final = (0, 1, 7, 31, 366)
"""Where all studies would do, or more match than are looked at, the latest ones are looked for: of so many days, until
there are enough for a page."""
_AHEAD: Final = timedelta(days=1)
"""Clocks of other machines go before ours."""
_SHOWN: Final = (
    "StudyInstanceUID",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "AccessionNumber",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
)


Today = Callable[[], date]


def study_search(archive: Archive, today: Today = date.today) -> FindStudies:
    """Return the search over an archive; `today` gives the date."""

    def find(asked: StudySearch) -> FoundStudies:
        every = None
        if not asked.is_open:
            every = _find(archive, asked, Range(_text(asked.first_date), _text(asked.last_date)), None)
            if not every.more:
                return every
        end = asked.last_date or today()
        for days in _WINDOWS_DAYS:
            first = max(end - timedelta(days=days), asked.first_date or date.min)
            last = asked.last_date or end + _AHEAD
            found = _find(archive, asked, Range(_text(first), _text(last)), days)
            if found.count >= PAGE_SIZE:
                return found
        return every or _find(archive, asked, Range(None, None), None)

    return find


def _find(archive: Archive, asked: StudySearch, dates: Range, days: int | None) -> FoundStudies:
    keys = dict[str, Matcher](dict.fromkeys(_SHOWN, Universal()))
    if dates.low or dates.high:
        keys["StudyDate"] = dates
    if asked.modality:
        keys["ModalitiesInStudy"] = _key(asked.modality, "CS")
    if asked.description:
        keys["StudyDescription"] = _containing(asked.description)
    queries = (Query(Level.STUDY, Model.STUDY_ROOT, keys | way, relational=True) for way in _patients(asked))
    pages = (archive.find_page(query, offset=0, limit=MOST) for query in queries)
    page = next((page for page in pages if page.matches), Page((), 0, exact=True))
    studies = sorted(map(_study, page.matches), key=attrgetter("date", "time"), reverse=True)
    start = (asked.page - 1) * PAGE_SIZE
    more = page.behind > 0 or not page.exact
    return FoundStudies(studies[start : start + PAGE_SIZE], len(studies), more, days)


def _patients(asked: StudySearch) -> list[dict[str, Matcher]]:
    """Return what may be meant: a name and else an ID, the other way round where there are digits in it."""
    text, one = asked.patient, _one_patient(asked)
    if not text:
        return [one]
    ways: list[dict[str, Matcher]] = [] if "PatientID" in one else [{"PatientID": _key(f"{text}*", "LO")}]
    if key_words(text.replace("=", " ")):
        ways.append({"PatientName": _key(text, "PN")})
    return [way | one for way in (ways if any(map(str.isdecimal, text)) else ways[::-1])]


def _one_patient(asked: StudySearch) -> dict[str, Matcher]:
    """Return the keys of one patient: an ID is that of its issuer, and nobody else's."""
    keys: dict[str, Matcher] = {}
    if asked.patient_id:
        keys = {"PatientID": SingleValue(asked.patient_id), "IssuerOfPatientID": Empty()}
    return keys | {"IssuerOfPatientID": SingleValue(asked.issuer)} if asked.issuer else keys


def _key(text: str, vr: str) -> Matcher:
    """Return a key; a backslash, which separates values, is nothing that anybody types here."""
    return parse_key(text.replace("\\", " "), vr, Rules(fuzzy_names=True))


def _containing(text: str) -> Matcher:
    """Return the key of texts in which all of these words are, in any order, without case and accents."""
    words = key_words(text.replace("=", " "))
    return FuzzyName(" ".join(f"*{word}*" for word in words)) if words else Universal()


def _study(values: Mapping[str, Value]) -> Study:
    texts = (value if isinstance(value, str) else "" for value in (values.get(keyword, "") for keyword in _SHOWN))
    uid, name, patient_id, issuer, birth_date, sex, day, time, description, accession, modalities, *counts = texts
    return Study(
        uid=uid,
        patient_name=name,
        patient_id=patient_id,
        issuer=issuer,
        birth_date=birth_date,
        sex=sex,
        date=day,
        time=time,
        description=description,
        accession_number=accession,
        modalities=modalities,
        series=counts[0],
        instances=counts[1],
    )


def _text(day: date | None) -> str | None:
    return None if day is None else f"{day:%Y%m%d}"
