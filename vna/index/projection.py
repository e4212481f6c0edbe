"""The fold of the journal into tables: `apply` puts one event's effect into the projection.

It is pure with respect to the tables: no clock, no configuration, no arrival order beyond the
position. Row numbers derive from positions (see tables.py), so applying the same events to empty
tables gives the same rows.

The caches hold ids of rows; `forget` empties them when a transaction or savepoint is rolled back, and `see` when rows
went, in whatever process.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Column, Update, bindparam, select, update

from vna.dicom.attributes import Level
from vna.dicom.describe import Description, Value
from vna.events import (
    BlobDamaged,
    BlobHealed,
    BlobsEntered,
    BlobsRetaken,
    CommitmentAnswered,
    CommitmentRequested,
    CommitmentSettled,
    Eliminated,
    EventRecord,
    InstanceRestored,
    InstanceStored,
    LimitationLifted,
    Limited,
    NoteRejected,
    PayloadsErased,
    PeerRegistered,
    PeerRemoved,
    ReceivedAgain,
    Rejected,
    Restored,
    StudyQuiet,
    SweepBegan,
    SweepEnded,
)
from vna.index import tables
from vna.index.blobs import apply_blob_event, blob_row
from vna.index.commitments import apply_commitment_event, note_resent
from vna.index.facts import forget_details
from vna.index.flags import (
    CONFLICT,
    ELIMINATED_AGAIN,
    TWO_PATIENTS,
    flag_instance_elsewhere,
    flag_series_elsewhere,
    flag_study,
)
from vna.index.hiding import Hiding
from vna.index.intake import add_instance, hour_of, make_row
from vna.index.lifecycle import apply_lifecycle_event
from vna.index.peers import apply_peer_event
from vna.index.quiet import note_quiet
from vna.index.records import fingerprint_of, forms_of, record_columns, with_issuer
from vna.index.shown import show_earliest
from vna.index.statements import Cursor
from vna.index.tombstones import Tombstones
from vna.model import Outcome, VersionState

_CACHE_LIMIT = 20_000
NOTHING_SAID: Final = Description({}, {}, {}, {})
"""What is known of an instance whose header is erased."""

_STATE = {
    Outcome.STORED: VersionState.SERVED,
    Outcome.NEW_VERSION: VersionState.SERVED,
    Outcome.ASIDE: VersionState.ASIDE,
    Outcome.RENDITION: VersionState.RENDITION,
}

_FIND_STUDY = select(tables.study.c.id).where(tables.study.c.study_uid == bindparam("uid"))
_FIND_PATIENT = select(tables.patient.c.id).where(
    tables.patient.c.patient_id == bindparam("patient_id"), tables.patient.c.issuer == bindparam("issuer")
)
_FIND_SERIES = select(tables.series.c.id).where(
    tables.series.c.series_uid == bindparam("uid"), tables.series.c.study_id == bindparam("study_id")
)
_FIND_TERM = select(tables.term.c.id).where(
    tables.term.c.attribute == bindparam("attribute"), tables.term.c.value == bindparam("value")
)
_FIND_STUDY_RECORD = select(tables.study_record.c.id).where(
    tables.study_record.c.study_id == bindparam("owner"), tables.study_record.c.fingerprint == bindparam("fingerprint")
)
_FIND_SERIES_RECORD = select(tables.series_record.c.id).where(
    tables.series_record.c.series_id == bindparam("owner"),
    tables.series_record.c.fingerprint == bindparam("fingerprint"),
)
_SHOWN_PATIENT = (
    select(tables.study_record.c.patient_id)
    .join(tables.study, tables.study.c.record_id == tables.study_record.c.id)
    .where(tables.study.c.id == bindparam("study_id"))
)


def _superseding(state: Column[str]) -> Update:
    """Return what takes the served version of a key out of service; `state` is the column that says it is served."""
    return (
        update(tables.version)
        .where(
            tables.version.c.sop_instance_uid == bindparam("instance"),
            tables.version.c.series_id == bindparam("series_id"),
            state == VersionState.SERVED.value,
        )
        .values({state: VersionState.SUPERSEDED.value, tables.version.c.to_position: bindparam("upto")})
    )


_SUPERSEDE = _superseding(tables.version.c.state)
_SUPERSEDE_HIDDEN = _superseding(tables.version.c.state_before)


class Projection:
    """Applies events to the tables of one database, through one connection at a time."""

    def __init__(self) -> None:
        self._ids: dict[tuple[Any, ...], int] = {}
        self.hiding, self.tombstones = Hiding(), Tombstones()
        self._eliminated_at = 0

    def forget(self) -> None:
        """Drop what is remembered of rows that a rollback may have undone, or that went."""
        self._ids.clear()
        self.hiding.forget()
        self.tombstones.forget()

    def see(self, eliminated_at: int) -> None:
        """Be told in each transaction when rows went last."""
        if eliminated_at != self._eliminated_at:
            self.forget()
            self._eliminated_at = eliminated_at

    def apply(
        self,
        cursor: Cursor,
        record: EventRecord,
        description: Description | None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Put the effect of one event into the tables.

        Args:
            description: of the header in the event's payload, of `InstanceStored` alone; None where it is erased.
            detail: the map in the payload of other events, None where it is erased.
        """
        match record.event:
            case InstanceStored() as event:
                self._store(cursor, record, event, description)
            case PeerRegistered() | PeerRemoved() as event:
                apply_peer_event(cursor, event)
            case Rejected() as rejected:
                self.hiding.reject(cursor, record, rejected)
            case NoteRejected() as rejected:
                self.hiding.reject_noted(cursor, record, rejected)
            case Limited() as limited:
                self.hiding.limit(cursor, record, limited)
            case LimitationLifted() as lifted:
                self.hiding.lift(cursor, record.position, lifted)
            case Restored() as restored:
                self.hiding.restore(cursor, record.position, restored)
            case InstanceRestored() as restored:
                self.hiding.readmit(cursor, record.position, restored)
                note_resent(cursor, restored.key.study, restored.source)
            case BlobsEntered() | BlobDamaged() | BlobHealed() | SweepBegan() | SweepEnded() | BlobsRetaken() as event:
                apply_blob_event(cursor, event)
            case CommitmentRequested() | CommitmentAnswered() | CommitmentSettled() as event:
                apply_commitment_event(cursor, record, event)
            case StudyQuiet() as quiet:
                note_quiet(cursor, quiet)
            case ReceivedAgain(study=study, source=source):
                note_resent(cursor, study, source)
            case PayloadsErased(owner=owner):
                forget_details(cursor, owner, record.position)
            case _:
                apply_lifecycle_event(cursor, record, detail)
                if isinstance(record.event, Eliminated):
                    self.forget()

    def _store(
        self, cursor: Cursor, record: EventRecord, event: InstanceStored, description: Description | None
    ) -> None:
        stored = _StoredInstance(self, cursor, record.position, event, description or NOTHING_SAID)
        if description is None:
            stored.apply_erased()
        else:
            stored.apply()
        hour = hour_of(record)
        key = ("intake", hour, event.source)
        if self.known(key) is None:
            make_row(cursor, hour, event.source)
            self.remember(key, record.position)
        add_instance(cursor, hour, event, fresh_bytes=stored.fresh_bytes)

    def known(self, key: tuple[Any, ...]) -> int | None:
        """Return the remembered id of a row."""
        return self._ids.get(key)

    def remember(self, key: tuple[Any, ...], row_id: int) -> int:
        """Remember the id of a row, and return it."""
        if len(self._ids) >= _CACHE_LIMIT:
            self._ids.clear()
        self._ids[key] = row_id
        return row_id


class _StoredInstance:
    """One `instance-stored` event on its way into the tables."""

    def __init__(
        self,
        projection: Projection,
        cursor: Cursor,
        position: int,
        event: InstanceStored,
        description: Description,
    ) -> None:
        self._projection, self._cursor = projection, cursor
        self._position, self._event, self._description = position, event, description
        self._terms_made = 0
        self.fresh_bytes = 0
        self._shown = {"record_id": position, "quality_record_id": position}
        self._hiding_in_study = projection.hiding.any_in(cursor, event.key.study)
        self._hidden = self._hidden_as() if self._hiding_in_study else None

    def apply(self) -> None:
        study_id = self._study()
        study_record = self._study_record(study_id)
        series_id = self._series(study_id)
        series_record = self._series_record(series_id)
        if self._event.outcome is Outcome.NEW_VERSION:
            self._supersede(series_id)
        self._insert_version(study_id, series_id, study_record, series_record)
        if self._event.outcome is Outcome.NEW_VERSION or self._hiding_in_study:
            show_earliest(self._cursor, self._event.key.study, self._event.key.series)
        if self._event.blobs:
            self._enter_blobs()
        if self._event.outcome is Outcome.STORED:
            flag_instance_elsewhere(self._cursor, self._position, self._event.key.instance, study_id)
        if self._event.outcome is Outcome.ASIDE:
            self._flag(CONFLICT, study_id, self._event.key.instance)
        if self._projection.tombstones.over(self._cursor, self._event.key):
            self._flag(ELIMINATED_AGAIN, study_id, self._event.key.instance)

    def apply_erased(self) -> None:
        """Enter what is known without a header: which study and series it was of, and its blobs."""
        self._shown = {"record_id": tables.NOTHING_SHOWN, "quality_record_id": tables.NOTHING_SHOWN}
        self._series(self._study())
        self._enter_blobs(of_version=False)

    def _hidden_as(self) -> VersionState | None:
        hiding, key = self._projection.hiding, self._event.key
        if hiding.is_limited(self._cursor, key):
            return VersionState.LIMITED
        return VersionState.REJECTED if hiding.over(self._cursor, key) else None

    def _row(self, key: tuple[Any, ...], find: Any, parameters: Mapping[str, Any], *, of: int = 0) -> int | None:
        """Return the id of a row, None where there is none: for one, where `of`, what it belongs to, is new itself."""
        known = self._projection.known(key)
        if known is not None or of == self._position:
            return known
        found = self._cursor.scalar(find, parameters)
        return None if found is None else self._projection.remember(key, found)

    def _study(self) -> int:
        uid = self._event.key.study
        key = ("study", uid)
        found = self._row(key, _FIND_STUDY, {"uid": uid})
        if found is not None:
            return found
        self._cursor.insert(tables.study, self._shown | {"id": self._position, "study_uid": uid})
        return self._projection.remember(key, self._position)

    def _patient(self) -> int:
        patient_id, issuer = self._value("PatientID"), self._event.issuer
        key = ("patient", patient_id, issuer)
        found = self._row(key, _FIND_PATIENT, {"patient_id": patient_id, "issuer": issuer})
        if found is not None:
            return found
        values = {"id": self._position, "patient_id": patient_id, "issuer": issuer}
        self._cursor.insert(tables.patient, values)
        return self._projection.remember(key, self._position)

    def _value(self, keyword: str) -> str:
        value = self._description.patient.get(keyword, "")
        return value if isinstance(value, str) else ""

    def _study_record(self, study_id: int) -> int:
        values = {**self._description.patient, **self._description.study}
        fingerprint = fingerprint_of(values, self._event.issuer)
        key = ("study_record", study_id, fingerprint)
        found = self._row(key, _FIND_STUDY_RECORD, {"owner": study_id, "fingerprint": fingerprint}, of=study_id)
        if found is not None:
            return found
        patient_id = self._patient()
        row = {
            "id": self._position,
            "study_id": study_id,
            "patient_id": patient_id,
            "fingerprint": fingerprint,
            **record_columns(with_issuer(values, self._event), (Level.PATIENT, Level.STUDY), term_id=self._term),
        }
        self._cursor.insert(tables.study_record, row)
        if study_id != self._position:
            self._flag_other_patient(study_id, patient_id)
        return self._projection.remember(key, self._position)

    def _flag_other_patient(self, study_id: int, patient_id: int) -> None:
        if self._cursor.scalar(_SHOWN_PATIENT, {"study_id": study_id}) not in (None, patient_id):
            self._flag(TWO_PATIENTS, study_id, self._event.key.study)

    def _series(self, study_id: int) -> int:
        uid = self._event.key.series
        key = ("series", uid, study_id)
        found = self._row(key, _FIND_SERIES, {"uid": uid, "study_id": study_id}, of=study_id)
        if found is not None:
            return found
        flag_series_elsewhere(self._cursor, self._position, uid, study_id)
        row = self._shown | {"id": self._position, "study_id": study_id, "series_uid": uid}
        self._cursor.insert(tables.series, row)
        return self._projection.remember(key, self._position)

    def _series_record(self, series_id: int) -> int:
        values = self._description.series
        fingerprint = fingerprint_of(values, "")
        key = ("series_record", series_id, fingerprint)
        found = self._row(key, _FIND_SERIES_RECORD, {"owner": series_id, "fingerprint": fingerprint}, of=series_id)
        if found is not None:
            return found
        row = {
            "id": self._position,
            "series_id": series_id,
            "fingerprint": fingerprint,
            **record_columns(values, (Level.SERIES,), term_id=self._term),
        }
        self._cursor.insert(tables.series_record, row)
        return self._projection.remember(key, self._position)

    def _term(self, keyword: str, value: Value | None) -> int | None:
        if not value or not isinstance(value, str):
            return None
        key = ("term", keyword, value)
        found = self._row(key, _FIND_TERM, {"attribute": keyword, "value": value})
        if found is not None:
            return found
        term_id = self._position * tables.TERMS_PER_EVENT + self._terms_made
        self._terms_made += 1
        self._cursor.insert(tables.term, {"id": term_id, "attribute": keyword, "value": value})
        forms = [{"attribute": keyword, "folded": form, "term_id": term_id} for form in forms_of(keyword, value)]
        self._cursor.insert_all(tables.term_form, forms)
        return self._projection.remember(key, term_id)

    def _supersede(self, series_id: int) -> None:
        """Take the served version of this key out of service, from this position on."""
        which = {"instance": self._event.key.instance, "series_id": series_id, "upto": self._position}
        self._cursor.do(_SUPERSEDE_HIDDEN if self._hidden else _SUPERSEDE, which)

    def _states(self) -> dict[str, str]:
        state = _STATE[self._event.outcome].value
        return {"state": self._hidden.value, "state_before": state} if self._hidden else {"state": state}

    def _insert_version(self, study_id: int, series_id: int, study_record: int, series_record: int) -> None:
        event = self._event
        row = {
            "id": self._position,
            "study_id": study_id,
            "series_id": series_id,
            "sop_instance_uid": event.key.instance,
            "sop_class_uid": event.sop_class_uid,
            "number": event.version,
            **self._states(),
            "digest": bytes.fromhex(event.digest),
            "transfer_syntax": event.transfer_syntax,
            "size": event.size,
            "source": event.source,
            "recipe": event.recipe,
            "study_record_id": study_record,
            "series_record_id": series_record,
            **record_columns(self._description.instance, (Level.IMAGE,), term_id=self._term),
        }
        self._cursor.insert(tables.version, row)

    def _enter_blobs(self, *, of_version: bool = True) -> None:
        used = set()
        for blob in {(blob.digest, blob.store): blob for blob in self._event.blobs}.values():
            row = blob_row(blob)
            is_new = self._cursor.insert(tables.blob, row, unless_there=True)
            if blob.store == "":
                self.fresh_bytes += blob.stored_size if is_new else 0
            if of_version and blob.digest not in used:
                self._cursor.insert(tables.blob_use, {"digest": row["digest"], "version_id": self._position})
                used.add(blob.digest)

    def _flag(self, kind: str, study_id: int, detail: str) -> None:
        flag_study(self._cursor, self._position, kind, study_id, detail)
