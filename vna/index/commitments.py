"""Commitments that are owed: asked for, perhaps decided, and not yet told to who asked (PS3.4 Annex J).

Several processes, of several nodes, may deal with them, so each is taken in turn: whoever takes one has it alone for a
while, and says from when on it is anybody's again. Turns are rows of a working table, and go by the clocks of those who
take them: one that is lost is as good as over.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, Final

import cbor2
from sqlalchemy import Engine, and_, bindparam, delete, func, insert, or_, select, update

from vna.events import (
    BlobEntry,
    CommitmentAnswered,
    CommitmentEvent,
    CommitmentRequested,
    CommitmentSettled,
    EventRecord,
)
from vna.index import tables
from vna.index.database import turn_of
from vna.index.entries import BlobState
from vna.index.held import HeldInstance
from vna.index.reading import HELD_COLUMNS, held_instance
from vna.index.statements import Cursor
from vna.model import InstanceUID, StudyUID, VersionState

_ANSWER = (
    update(tables.commitment)
    .where(tables.commitment.c.id == bindparam("which"))
    .values(failed=bindparam("reasons"), sealed=bindparam("sealed_upto"))
)
_SETTLE = delete(tables.commitment).where(tables.commitment.c.id == bindparam("which"))
_STUDY = select(tables.study.c.id).where(tables.study.c.study_uid == bindparam("uid"))
_LIVE = (VersionState.SERVED.value, VersionState.ASIDE.value, VersionState.RENDITION.value)
_IS_LIVE = or_(
    tables.version.c.state.in_(_LIVE),
    and_(tables.version.c.state == VersionState.LIMITED.value, tables.version.c.state_before.in_(_LIVE)),
)
"""What is limited is kept, and whoever sent it may know."""
_VERSIONS = tables.version.join(tables.series, tables.series.c.id == tables.version.c.series_id).join(
    tables.study, tables.study.c.id == tables.version.c.study_id
)


ANYBODY: Final = ""
"""The source of a commitment that is asked for by whom nothing sets apart from others: whoever has sent it."""

_LONGEST_TURN_MS: Final = 2 * 3600 * 1000
"""Nobody takes a turn for longer: one that ends later was taken by a clock that has been set back since."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A commitment that is owed; `number` is the position of its request. `failed` is None until it is decided."""

    number: int
    transaction: str
    source: str
    ae_title: str
    called_ae_title: str
    asked: datetime
    instances: tuple[tuple[str, InstanceUID], ...]
    failed: tuple[tuple[str, InstanceUID, int], ...] | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A commitment that nobody deals with now: which, whom to tell, and as whom."""

    number: int
    ae_title: str
    called_ae_title: str


@dataclass(slots=True)
class Turn:
    """One's turn to deal with a commitment, up to `until_ms`, which moves when it is kept for longer.

    `attempts` were made before to tell who asked.
    """

    owed: Owed
    attempts: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Copy:
    """One place in which a blob of a version is to lie, and where its bytes stand there."""

    blob: BlobEntry
    state: BlobState


def apply_commitment_event(cursor: Cursor, record: EventRecord, event: CommitmentEvent) -> None:
    """Put the effect of one event into the table of what is owed."""
    match event:
        case CommitmentRequested():
            row = {
                "id": record.position,
                "transaction_uid": event.transaction,
                "source": event.source,
                "ae_title": event.ae_title,
                "called_ae_title": event.called_ae_title,
                "time": record.time,
                "instances": cbor2.dumps(event.instances),
            }
            cursor.insert(tables.commitment, row)
        case CommitmentAnswered():
            reasons = cbor2.dumps(event.failed)
            cursor.do(_ANSWER, {"which": event.request, "reasons": reasons, "sealed_upto": event.sealed})
        case CommitmentSettled():
            cursor.do(_SETTLE, {"which": event.request})


def note_resent(cursor: Cursor, study: StudyUID, source: str) -> None:
    """Note that a source sent something of a study that was held already."""
    study_id = cursor.scalar(_STUDY, {"uid": study})
    if study_id is not None:  # as it is in a rebuild where all payloads of the study are erased
        cursor.insert(tables.resent, {"study_id": study_id, "source": source}, unless_there=True)


class CommitmentTable:
    """What is owed, and what deciding on it asks of the index.

    Errors are those of SQLAlchemy.
    """

    def __init__(self, writing: Engine, reading: Engine) -> None:
        self._writing, self._reading = writing, reading
        self._lock, self._turn = Lock(), turn_of(writing)

    def count(self) -> int:
        """Return how many are owed; not those that are decided, and that nobody is to be told."""
        table = tables.commitment
        owed = select(func.count()).where(or_(table.c.ae_title != "", table.c.failed.is_(None)))
        with self._reading.connect() as connection:
            return int(connection.execute(owed).scalar_one())

    def waiting(self) -> list[Waiting]:
        """Return those that nobody deals with now, oldest first."""
        table, turn, now = tables.commitment, tables.commitment_turn, _now_ms()
        wanted = (
            select(table.c.id, table.c.ae_title, table.c.called_ae_title)
            .outerjoin(turn, turn.c.id == table.c.id)
            .where(or_(turn.c.id.is_(None), ~turn.c.free_at_ms.between(now + 1, now + _LONGEST_TURN_MS)))
            .order_by(table.c.id)
        )
        with self._reading.connect() as connection:
            return [Waiting(*row) for row in connection.execute(wanted)]

    def asked(self, transaction: str) -> list[Owed]:
        """Return those that are owed under a Transaction UID, oldest first."""
        table = tables.commitment
        wanted = select(table).where(table.c.transaction_uid == transaction).order_by(table.c.id)
        with self._reading.connect() as connection:
            return [_owed(row) for row in connection.execute(wanted)]

    def take(self, number: int, for_s: float) -> Turn | None:
        """Take the turn for some seconds; None if somebody else has it, or the commitment is owed no more."""
        turn, now = tables.commitment_turn, _now_ms()
        until = now + int(for_s * 1000)
        wanted = select(tables.commitment).where(tables.commitment.c.id == number).with_for_update()
        with self._lock, self._turn, self._writing.begin() as connection:
            row = connection.execute(wanted).first()
            if row is None:
                return None
            last = connection.execute(select(turn).where(turn.c.id == number)).first()
            if last is None:
                connection.execute(insert(turn).values(id=number, free_at_ms=until, attempts=0))
                return Turn(_owed(row), 0, until)
            if now < last.free_at_ms <= now + _LONGEST_TURN_MS:
                return None
            connection.execute(update(turn).where(turn.c.id == number).values(free_at_ms=until))
        return Turn(_owed(row), last.attempts, until)

    def keep(self, mine: Turn, for_s: float, *, attempts: int) -> bool:
        """Have nobody else deal with a commitment for some seconds from now; false if the turn was lost meanwhile."""
        turn, until = tables.commitment_turn, _now_ms() + int(for_s * 1000)
        changed = (
            update(turn)
            .where(turn.c.id == mine.owed.number, turn.c.free_at_ms == mine.until_ms)
            .values(free_at_ms=until, attempts=attempts)
        )
        with self._lock, self._turn, self._writing.begin() as connection:
            kept: bool = connection.execute(changed).rowcount == 1
        mine.until_ms = until
        return kept

    def forget_turns(self) -> None:
        """Delete the turns of commitments that are owed no more."""
        turn = tables.commitment_turn
        gone = turn.c.id.not_in(select(tables.commitment.c.id))
        with self._reading.connect() as connection:
            if connection.execute(select(turn.c.id).where(gone).limit(1)).first() is None:
                return
        with self._lock, self._turn, self._writing.begin() as connection:
            connection.execute(delete(turn).where(gone))

    def used_before(self, owed: Owed) -> bool:
        """Return whether an older commitment that is owed has the same Transaction UID, and is another one."""
        table = tables.commitment
        wanted = select(table).where(table.c.transaction_uid == owed.transaction, table.c.id < owed.number)
        with self._reading.connect() as connection:
            older = [_owed(row) for row in connection.execute(wanted)]
        return any((each.source, each.instances) != (owed.source, owed.instances) for each in older)

    def sent(self, instance: InstanceUID, source: str) -> list[HeldInstance]:
        """Return the versions under a SOP Instance UID that a source sent or may have sent, oldest first.

        Live ones alone: neither rejected nor superseded. Which instance of a study was sent again is not known: of such
        a study all count. `ANYBODY` sent all of them.
        """
        resent = select(tables.resent.c.study_id).where(tables.resent.c.source == source)
        wanted = (
            select(*HELD_COLUMNS)
            .select_from(_VERSIONS)
            .where(tables.version.c.sop_instance_uid == instance, _IS_LIVE)
            .order_by(tables.version.c.id)
        )
        if source != ANYBODY:
            wanted = wanted.where(or_(tables.version.c.source == source, tables.version.c.study_id.in_(resent)))
        with self._reading.connect() as connection:
            return [held_instance(row) for row in connection.execute(wanted)]

    def copies(self, version_id: int) -> list[Copy]:
        """Return the copies of all blobs of a version, in whatever store."""
        used = select(tables.blob_use.c.digest).where(tables.blob_use.c.version_id == version_id)
        wanted = select(tables.blob).where(tables.blob.c.digest.in_(used))
        with self._reading.connect() as connection:
            return [_copy(row) for row in connection.execute(wanted)]


def _owed(row: Any) -> Owed:
    instances = tuple((sop_class, InstanceUID(uid)) for sop_class, uid in cbor2.loads(row.instances))
    failed = None
    if row.failed is not None:
        failed = tuple((sop_class, InstanceUID(uid), reason) for sop_class, uid, reason in cbor2.loads(row.failed))
    asked = datetime.fromisoformat(row.time)
    titles = (row.ae_title, row.called_ae_title)
    return Owed(row.id, row.transaction_uid, row.source, *titles, asked, instances, failed)


def _copy(row: Any) -> Copy:
    entry = BlobEntry(bytes(row.digest).hex(), row.codec, row.plain_size, row.stored_size, row.store)
    return Copy(entry, BlobState(row.state))


def _now_ms() -> int:
    return int(time.time() * 1000)
