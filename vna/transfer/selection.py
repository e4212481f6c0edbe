"""Which instances an export is about: from what a person asks for to the versions that are held.

Keys are those of a query (PS3.4 C.2.2.2), of any level. They are looked up study by study, so that an
export of everything holds one study's list in memory.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Final

from vna.archive import Archive, HeldInstance
from vna.dicom.attributes import BY_KEYWORD, Attribute, Level, Model, Storage
from vna.dicom.describe import Value
from vna.dicom.keys import parse_key
from vna.dicom.matching import Matcher, SingleValue, Universal
from vna.dicom.query import Query

_OF_STUDY: Final = (Level.PATIENT, Level.STUDY)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for: `keys` by keyword; `versions` asks for all versions, not the served one alone.

    With `patients` it is only what is held of these: each an ID, and its issuer where that is said.
    """

    keys: Mapping[str, Matcher]
    versions: bool = False
    patients: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Selected:
    """One version of an instance, with the values of the attributes that its place in the export is made of."""

    held: HeldInstance
    served: bool
    values: Mapping[str, Value]


def parse_keys(keys: Sequence[tuple[str, str]]) -> dict[str, Matcher]:
    """Return the matchers of keys given as keyword and text; several for one keyword mean any of them.

    Raises:
        ValueError: no attribute that can be asked for, or no value of it; the message says which.
    """
    texts: dict[str, list[str]] = {}
    for keyword, text in keys:
        texts.setdefault(keyword, []).append(text)
    return {keyword: _matcher(keyword, "\\".join(values)) for keyword, values in texts.items()}


def known_attribute(keyword: str) -> Attribute:
    """Return the attribute of a keyword.

    Raises:
        ValueError: it is none the archive has one value of for each instance.
    """
    attribute = BY_KEYWORD.get(keyword)
    if attribute is None or attribute.items:
        raise ValueError(f"{keyword!r} is no attribute that the archive knows things by")
    return attribute


def selected(archive: Archive, selection: Selection, keywords: Sequence[str]) -> Iterator[list[Selected]]:
    """Yield what is selected, study by study in the order they came, each by series and instance number.

    Args:
        keywords: the attributes to give with each instance.

    Raises:
        Ambiguous: a patient's ID is known of several issuers, and none is said.
        NotFound: it is known of none.
    """
    of_study = {key: matcher for key, matcher in selection.keys.items() if BY_KEYWORD[key].level in _OF_STUDY}
    deeper = {key: matcher for key, matcher in selection.keys.items() if key not in of_study}
    wanted = Query(Level.STUDY, Model.STUDY_ROOT, {"StudyInstanceUID": Universal(), **of_study}, relational=True)
    asked = {keyword: Universal() for keyword in (*keywords, "SeriesInstanceUID", "SOPInstanceUID")}
    theirs = _of_patients(archive, selection.patients)
    for study in list(archive.find(wanted)):
        if theirs is not None and str(study["StudyInstanceUID"]) not in theirs:
            continue
        one = {"StudyInstanceUID": SingleValue(str(study["StudyInstanceUID"]))}
        instances = Query(Level.IMAGE, Model.STUDY_ROOT, {**asked, **deeper, **one}, relational=True)
        yield list(_of_study(archive, instances, one, versions=selection.versions))


def _of_patients(archive: Archive, patients: Sequence[tuple[str, str]]) -> Set[str] | None:
    """Return the studies of patients, as they are known by ID and issuer; None where nobody is named."""
    if not patients:
        return None
    named = ((archive.patients.named(patient_id, issuer), patient_id) for patient_id, issuer in patients)
    return {uid for issuer, patient_id in named for uid in archive.patients.studies(issuer, patient_id)}


def _of_study(
    archive: Archive, instances: Query, study: Mapping[str, Matcher], *, versions: bool
) -> Iterator[Selected]:
    values = {(each["SeriesInstanceUID"], each["SOPInstanceUID"]): each for each in archive.find(instances)}
    for served in archive.instances(replace(instances, keys=study)):
        found = values.get((served.key.series, served.key.instance))
        if found is None:
            continue
        if versions:
            for held in archive.versions(served.key):
                yield Selected(held, held.version_id == served.version_id, found)
        else:
            yield Selected(served, True, found)


def _matcher(keyword: str, text: str) -> Matcher:
    attribute = known_attribute(keyword)
    try:
        return parse_key(text, attribute.vr)
    except ValueError as exc:
        raise ValueError(f"{keyword}: {exc}") from exc


def check_given(attribute: Attribute) -> None:
    """Check that the archive keeps a value of an attribute.

    Raises:
        ValueError: it is counted, not kept.
    """
    if attribute.storage is Storage.COMPUTED:
        raise ValueError(f"{attribute.keyword!r} is counted, not kept")
