"""What becomes known of patients beside images: visits, death, claims and so on, recorded and withdrawn, never changed.

A patient is an ID and its issuer. It need not have images: what is known may come before them. The same fact once more
adds nothing; one that contradicts what is known is refused (vna.events.plausibility).
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vna.archive.comments import Comments
from vna.archive.holds import today_utc
from vna.archive.recording import person, record_if_due, time_stamp
from vna.errors import Ambiguous, NotFound, NotPlausible
from vna.events import PatientFact, PatientFactRecorded, PatientFactWithdrawn
from vna.index import EventEntry, Index, Recorded, RecordedFact, index_errors

_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a fact that was told: its number, None where it was known already."""

    number: int | None
    has_images: bool
    """Whether anything is held of the patient."""


class Patients:
    """The patients of one archive."""

    def __init__(self, index: Index, comments: Comments) -> None:
        self._index, self._comments = index, comments

    def named(self, patient_id: str, issuer: str = "") -> str:
        """Return the issuer that is meant: the one that is said, else the only one the ID is known of.

        Raises:
            NotFound: without an issuer, and the ID is not known.
            Ambiguous: the ID is known of several.
        """
        if issuer:
            return issuer
        with index_errors():
            found = self._index.facts.issuers(patient_id)
        if not found:
            raise NotFound("no patient of this ID is known: say the issuer of the ID")
        if len(found) > 1:
            more = ", ..." if len(found) > _NAMED_AT_MOST else ""
            raise Ambiguous(
                f"this ID is known of several issuers, say which: {', '.join(found[:_NAMED_AT_MOST])}{more}"
            )
        return found[0]

    def add(self, fact: PatientFact, by: str) -> Told:
        """Record a fact.

        Raises:
            NotPlausible: it cannot be, in itself or beside what is known.
        """
        outcome = self.add_all([fact], by, {})[0]
        if isinstance(outcome, NotPlausible):
            raise outcome
        with index_errors():
            return Told(outcome, self._index.facts.has_images(fact.issuer, fact.patient_id))

    def add_all(
        self, facts: Sequence[PatientFact], by: str, owners: dict[tuple[str, str], str]
    ) -> list[int | NotPlausible | None]:
        """Record facts in one transaction, in order.

        Args:
            owners: names of patients that are found or drawn meanwhile, for the next call.

        Returns:
            For each its number, None where it was known already, or why it cannot be: then it alone is not recorded.

        Raises:
            OutOfResources: the index cannot record now; nothing was recorded.
        """
        actor = person(by)
        entries = [self._entry(fact, actor, owners) for fact in facts]
        return [_said(outcome) for outcome in self._index.committer.submit_all(entries)]

    def would_add(self, fact: PatientFact, earlier: Sequence[PatientFact]) -> bool:
        """Return whether a fact would be recorded now, had these been before it.

        Raises:
            NotPlausible: it cannot be.
        """
        with index_errors():
            return self._index.facts.would_add(fact, earlier, today_utc())

    def events(self, issuer: str, patient_id: str) -> list[RecordedFact]:
        """Return what is known of a patient, withdrawn facts too, in the order it was recorded."""
        with index_errors():
            return self._index.facts.of_patient(issuer, patient_id)

    def studies(self, issuer: str, patient_id: str) -> list[str]:
        """Return the UIDs of the studies that are shown of a patient."""
        with index_errors():
            return self._index.facts.studies(issuer, patient_id)

    def has_images(self, issuer: str, patient_id: str) -> bool:
        """Return whether anything is held of a patient, shown or not."""
        with index_errors():
            return self._index.facts.has_images(issuer, patient_id)

    def withdraw(self, number: int, by: str, reason: str) -> RecordedFact:
        """Say that a fact is not true; it is kept, and counts no longer. Returns what it was.

        Raises:
            NotFound: there is none of this number that stands.
            NotPlausible: name or reason is missing, or what would stay cannot be.
        """
        if not reason.strip() or not by.strip():
            raise NotPlausible("to withdraw something say who does it and why")
        with index_errors():
            found = self._index.facts.at(number)
            owner = self._index.facts.owner_at(number)
        if found is None or owner is None:
            raise NotFound(f"there is no patient event {number}")
        comment = self._comments.pack(owner, reason.strip())
        if record_if_due(self._index, PatientFactWithdrawn(number), person(by), comment) is None:
            raise NotFound(f"patient event {number} was withdrawn before")
        return found

    def _entry(self, fact: PatientFact, by: str, owners: dict[tuple[str, str], str]) -> EventEntry:
        patient = fact.issuer, fact.patient_id
        if patient not in owners:
            with index_errors():
                known = self._index.facts.owner(*patient)
            owners[patient] = known or f"patient-{secrets.token_hex(16)}"
        event, detail = PatientFactRecorded(owners[patient]), fact.detail()
        payload = self._comments.pack_detail(event.owner, detail)
        return EventEntry(self._index.committer.next_sequence(), time_stamp(), by, event, payload, detail)


def told_fact(each: RecordedFact) -> dict[str, Any]:
    """Return a fact as JSON tells it."""
    told = {"number": each.number, **asdict(each.fact), "time": each.time, "actor": each.actor}
    return {**told, "withdrawn": each.withdrawn_at is not None}


def _said(outcome: object) -> int | NotPlausible | None:
    if isinstance(outcome, NotPlausible):
        return outcome
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome.position if isinstance(outcome, Recorded) else None
