"""Names in every script, and IDs that overlap."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

NAMES = {
    "Lefèvre-Nuñez^Éloïse^^Mme": {"ISO_IR 100", "ISO_IR 192"},
    "LEFEVRE NUNEZ^ELOISE": {""},
    "Größmann^Jörg^^Dr.": {"ISO_IR 100", "ISO_IR 192"},
    "O'Brien^Siobhán^Mary": {"ISO_IR 100"},
    "Παπαδοπούλου^Ελένη": {"ISO_IR 126", "ISO_IR 192"},
    "Кузнецова^Ольга^Ивановна": {"ISO_IR 144"},
    "לוי^מרים": {"ISO_IR 138"},
    "قباني^ليلى": {"ISO_IR 127"},
    "Suzuki^Hanako=鈴木^花子=すずき^はなこ": {"\\ISO 2022 IR 87", "ISO_IR 192"},
    "Kim^Sujin=金^秀珍=김^수진": {"\\ISO 2022 IR 149"},
    "Li^Meihua=李^美华": {"GB18030", "ISO_IR 192"},
}
"""Every name as it must decode, and the character sets it is written in."""


def test_every_name_decodes_in_the_character_sets_it_is_written_in(files: dict[str, Dataset]) -> None:
    found: dict[str, set[str]] = {}
    for ds in files.values():
        charset = ds.get("SpecificCharacterSet", "") or ""
        written = charset if isinstance(charset, str) else "\\".join(charset)
        found.setdefault(str(ds.PatientName).rstrip("="), set()).add(written)

    assert found == NAMES


@pytest.mark.parametrize(
    ("patient", "raw"),
    [
        ("st-brannocs-infirmary/200417", "לוי".encode("iso8859-8")),
        ("st-brannocs-infirmary/4711/2020", "Παπα".encode("iso8859-7")),
        ("klinikum-seeberg/88120", "Ольга".encode("iso8859-5")),
        ("klinikum-seeberg/200417/2019", b"\x1b$B"),
        ("klinikum-seeberg/200417/2025", "鈴木".encode()),
        ("chu-val-de-brume/51602", b"\x1b$)C"),
        ("st-brannocs-infirmary/0101377/2023", "美华".encode("gb18030")),
    ],
    ids=["hebrew", "greek", "cyrillic", "iso-2022-jp", "utf-8", "iso-2022-kr", "gb18030"],
)
def test_names_are_in_the_files_in_these_bytes(folder: Path, patient: str, raw: bytes) -> None:
    paths = [path for path in folder.rglob("*.dcm") if str(path.relative_to(folder)).startswith(patient)]

    assert paths
    assert all(raw in path.read_bytes() for path in paths)


def test_the_same_id_is_another_person_in_every_institution(files: dict[str, Dataset]) -> None:
    assert _of("4711", files) == {
        ("CHU-VDB", "Lefèvre-Nuñez^Éloïse^^Mme"),
        (None, "Παπαδοπούλου^Ελένη"),
        ("KLINIKUM-SEEBERG", "Größmann^Jörg^^Dr."),
    }
    assert _of("200417", files) == {
        (None, "לוי^מרים"),
        ("KLINIKUM-SEEBERG", "Suzuki^Hanako=鈴木^花子=すずき^はなこ"),
    }


def test_one_person_has_two_ids(files: dict[str, Dataset]) -> None:
    same = {(ds.PatientID, str(ds.PatientName)) for ds in files.values() if ds.PatientBirthDate == "19580314"}

    assert same == {("4711", "Lefèvre-Nuñez^Éloïse^^Mme"), ("0093182", "LEFEVRE NUNEZ^ELOISE")}


def test_studies_are_spread_over_years_and_some_have_a_prior(files: dict[str, Dataset]) -> None:
    studies = {(ds.InstitutionName, ds.PatientID, ds.StudyDate) for ds in files.values()}
    patients = [study[:2] for study in studies]

    assert {date[:4] for _, _, date in studies} == {str(year) for year in range(2019, 2026)}
    assert sum(patients.count(patient) > 1 for patient in set(patients)) == 5
    assert len({ds.AccessionNumber for ds in files.values()}) == len(studies)


def _of(patient_id: str, files: dict[str, Dataset]) -> set[tuple[str | None, str]]:
    return {(ds.get("IssuerOfPatientID"), str(ds.PatientName)) for ds in files.values() if ds.PatientID == patient_id}
