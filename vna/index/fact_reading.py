"""Reading what is known of patients beside images, and which patients there are."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Engine, bindparam, select

from vna.events import PatientFact
from vna.index import tables
from vna.index.facts import RecordedFact, fact_at, facts_of, is_new_fact, owner_of
from vna.index.lifecycle_tables import patient_fact, subject
from vna.index.snapshots import Snapshots

_ISSUERS = (
    select(tables.patient.c.issuer)
    .where(tables.patient.c.patient_id == bindparam("whose_id"))
    .union(select(subject.c.issuer).where(subject.c.patient_id == bindparam("whose_id")))
)
_OWNER_AT = select(patient_fact.c.owner).where(patient_fact.c.id == bindparam("which"))
_HAS_IMAGES = (
    select(tables.study_record.c.id)
    .join(tables.patient, tables.patient.c.id == tables.study_record.c.patient_id)
    .where(tables.patient.c.patient_id == bindparam("whose_id"), tables.patient.c.issuer == bindparam("whose_issuer"))
    .limit(1)
)

_STUDIES = (
    select(tables.study.c.study_uid)
    .join(tables.study_record, tables.study_record.c.id == tables.study.c.record_id)
    .join(tables.patient, tables.patient.c.id == tables.study_record.c.patient_id)
    .where(tables.patient.c.patient_id == bindparam("whose_id"), tables.patient.c.issuer == bindparam("whose_issuer"))
)


class FactReader:
    """Answers from one database; close it when done."""

    def __init__(self, engine: Engine) -> None:
        self._snapshots = Snapshots(engine)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._snapshots.close()

    def of_patient(self, issuer: str, patient_id: str) -> list[RecordedFact]:
        """Return what is known of a patient, withdrawn facts too, in the order it was recorded."""
        with self._snapshots.reading() as cursor:
            return facts_of(cursor, issuer, patient_id)

    def would_add(self, fact: PatientFact, earlier: Sequence[PatientFact], today: date) -> bool:
        """Return whether a fact would be recorded, had some earlier ones been before it.

        Raises:
            NotPlausible: it contradicts what is known.
        """
        with self._snapshots.reading() as cursor:
            return is_new_fact(cursor, fact, earlier, today)

    def at(self, number: int) -> RecordedFact | None:
        """Return the fact of a number."""
        with self._snapshots.reading() as cursor:
            return fact_at(cursor, number)

    def owner(self, issuer: str, patient_id: str) -> str | None:
        """Return the name that the journal has for a patient, None while nothing is known of it."""
        with self._snapshots.reading() as cursor:
            return owner_of(cursor, issuer, patient_id)

    def owner_at(self, number: int) -> str | None:
        """Return what the payload of a fact can be erased with."""
        with self._snapshots.reading() as cursor:
            name: str | None = cursor.scalar(_OWNER_AT, {"which": number})
            return name

    def issuers(self, patient_id: str) -> list[str]:
        """Return the issuers that a Patient ID is known of, by images or facts, in order."""
        with self._snapshots.reading() as cursor:
            return sorted(row[0] for row in cursor.all(_ISSUERS, {"whose_id": patient_id}))

    def studies(self, issuer: str, patient_id: str) -> list[str]:
        """Return the UIDs of the studies that are shown of a patient."""
        with self._snapshots.reading() as cursor:
            return [row[0] for row in cursor.all(_STUDIES, {"whose_id": patient_id, "whose_issuer": issuer})]

    def has_images(self, issuer: str, patient_id: str) -> bool:
        """Return whether anything is held of a patient, shown or not."""
        with self._snapshots.reading() as cursor:
            return cursor.first(_HAS_IMAGES, {"whose_id": patient_id, "whose_issuer": issuer}) is not None
