"""A large index made directly: the rows that storing synthetic studies would leave, in an empty database.

Storing a million studies over the wire takes hours, and replaying their events half an hour; this takes minutes. A test
holds that the rows are those the projection makes of the same events. Events, headers and blobs are left out, which
queries never look at: nothing of it can be retrieved, and nothing must be stored in it.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

import psycopg

from conformance.synthetic_studies import SyntheticStudy, synthetic_study
from vna.dicom.attributes import Level
from vna.dicom.describe import Value
from vna.dicom.recipe import Recipe
from vna.index import open_index, sqlite_path, tables
from vna.index.records import fingerprint_of, forms_of, record_columns

SOURCE = "SYNTHETIC"
SIZE = 526_000
"""The size that each instance is said to have, in bytes."""
SYNTAX = "1.2.840.10008.1.2.1"
RECIPE = Recipe(()).to_cbor()
SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
}
_BATCH = 10_000
TABLES = ("patient", "term", "term_form", "study", "study_record", "series", "series_record", "version")
"""The tables that are filled, each behind those it refers to."""

Row = Mapping[str, Any]


def build_index(url: str, studies: int, told: Callable[[int], None] = lambda _studies: None) -> None:
    """Make the index of an archive of so many studies in an empty database.

    Args:
        told: is told how many studies are in it, now and then.

    Raises:
        StartRefused: the database cannot be opened.
    """
    open_index(url).close()
    path = sqlite_path(url)
    with _SQLite(path) if path is not None else _PostgreSQL(url) as database:
        rows = _Rows()
        for number in range(studies):
            rows.add(synthetic_study(number, of=studies))
            if (number + 1) % _BATCH == 0 or number + 1 == studies:
                for table in TABLES:
                    database.insert(table, rows.taken(table))
                told(number + 1)


def study_values(study: SyntheticStudy) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return the attributes of the patient, and those of the study."""
    patient: dict[str, Value] = {
        "PatientID": study.patient_id,
        "PatientName": study.patient_name,
        "PatientBirthDate": study.birth_date,
        "PatientSex": study.sex,
    }
    return patient, {
        "StudyInstanceUID": study.uid,
        "StudyDate": study.date,
        "StudyTime": study.time,
        "AccessionNumber": study.accession_number,
        "StudyID": study.study_id,
        "StudyDescription": study.description,
        "ReferringPhysicianName": study.physician,
    }


def series_values(study: SyntheticStudy, number: int) -> dict[str, Value]:
    """Return the attributes of one series, counted from 1."""
    return {
        "SeriesInstanceUID": f"{study.uid}.{number}",
        "Modality": study.modality,
        "SeriesNumber": str(number),
        "SeriesDescription": f"{study.modality} SERIE {number}",
        "BodyPartExamined": "CHEST",
    }


def instance_values(number: int) -> dict[str, Value]:
    """Return the attributes of one instance, counted from 1 in its series."""
    return {"InstanceNumber": str(number), "Rows": "512", "Columns": "512"}


class _Rows:
    """Rows of studies, numbered as their events would be; `taken` gives those of a table since it was last asked."""

    def __init__(self) -> None:
        self._position = self._terms_made = 0
        self._patients: dict[str, int] = {}
        self._terms: dict[tuple[str, Value], int] = {}
        self._made: dict[str, list[Row]] = {table: [] for table in TABLES}

    def taken(self, table: str) -> Sequence[Row]:
        rows, self._made[table] = self._made[table], []
        return rows

    def add(self, study: SyntheticStudy) -> None:
        study_id = self._next()
        patient, attributes = study_values(study)
        values = patient | attributes
        record = {
            "id": study_id,
            "study_id": study_id,
            "patient_id": self._patient(study.patient_id),
            "fingerprint": fingerprint_of(values, SOURCE),
            **record_columns(values, (Level.PATIENT, Level.STUDY), term_id=self._term),
        }
        self._made["study"].append(
            {"id": study_id, "study_uid": study.uid, "record_id": study_id, "quality_record_id": study_id}
        )
        self._made["study_record"].append(record)
        for number, instances in enumerate(study.instances, start=1):
            series_id = study_id if number == 1 else self._next()
            self._series(study, study_id, series_id, number)
            for instance in range(1, instances + 1):
                position = series_id if instance == 1 else self._next()
                self._version(study, (study_id, series_id, position), f"{study.uid}.{number}.{instance}", instance)

    def _next(self) -> int:
        self._position += 1
        self._terms_made = 0
        return self._position

    def _patient(self, patient_id: str) -> int:
        found = self._patients.get(patient_id)
        if found is None:
            found = self._patients[patient_id] = self._position
            self._made["patient"].append({"id": found, "issuer": SOURCE, "patient_id": patient_id})
        return found

    def _term(self, keyword: str, value: Value | None) -> int | None:
        if not value or not isinstance(value, str):
            return None
        found = self._terms.get((keyword, value))
        if found is None:
            found = self._terms[keyword, value] = self._position * tables.TERMS_PER_EVENT + self._terms_made
            self._terms_made += 1
            self._made["term"].append({"id": found, "attribute": keyword, "value": value})
            for form in forms_of(keyword, value):
                self._made["term_form"].append({"attribute": keyword, "folded": form, "term_id": found})
        return found

    def _series(self, study: SyntheticStudy, study_id: int, series_id: int, number: int) -> None:
        values = series_values(study, number)
        row = {
            "id": series_id,
            "study_id": study_id,
            "series_uid": values["SeriesInstanceUID"],
            "record_id": series_id,
            "quality_record_id": series_id,
        }
        self._made["series"].append(row)
        record = {
            "id": series_id,
            "series_id": series_id,
            "fingerprint": fingerprint_of(values, ""),
            **record_columns(values, (Level.SERIES,), term_id=self._term),
        }
        self._made["series_record"].append(record)

    def _version(self, study: SyntheticStudy, ids: tuple[int, int, int], uid: str, number: int) -> None:
        study_id, series_id, position = ids
        row = {
            "id": position,
            "study_id": study_id,
            "series_id": series_id,
            "sop_instance_uid": uid,
            "sop_class_uid": SOP_CLASSES[study.modality],
            "number": 1,
            "state": "served",
            "digest": sha256(uid.encode()).digest(),
            "transfer_syntax": SYNTAX,
            "size": SIZE,
            "source": SOURCE,
            "recipe": RECIPE,
            "study_record_id": study_id,
            "series_record_id": series_id,
            **_instance_columns(number),
        }
        self._made["version"].append(row)


@lru_cache
def _instance_columns(number: int) -> Mapping[str, Any]:
    return record_columns(instance_values(number), (Level.IMAGE,), term_id=lambda _keyword, _value: None)


class _SQLite:
    """An empty SQLite index, written in one transaction, without waiting for the disk."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -2000000", "foreign_keys = OFF"):
            self._connection.execute(f"PRAGMA {pragma}")

    def __enter__(self) -> "_SQLite":
        self._connection.execute("BEGIN")
        return self

    def __exit__(self, failed: type[BaseException] | None, *_error: object) -> None:
        if failed is None:
            self._connection.execute("COMMIT")
            self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.close()

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            columns = list(rows[0])
            names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
            sql = f'INSERT INTO "{table}" ({names}) VALUES ({marks})'  # noqa: S608 - names of our own tables
            self._connection.executemany(sql, [tuple(row.values()) for row in rows])


class _PostgreSQL:
    """An empty PostgreSQL index, written in one transaction and analysed, as autovacuum would soon do."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url.replace("postgresql+psycopg", "postgresql", 1))

    def __enter__(self) -> "_PostgreSQL":
        return self

    def __exit__(self, failed: type[BaseException] | None, *_error: object) -> None:
        if failed is None:
            self._connection.execute("ANALYZE")
            self._connection.commit()
        self._connection.close()

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            names = ", ".join(f'"{name}"' for name in rows[0])
            copying = f'COPY "{table}" ({names}) FROM STDIN'
            with self._connection.cursor() as cursor, cursor.copy(copying.encode()) as copy:
                for row in rows:
                    copy.write_row(tuple(row.values()))
