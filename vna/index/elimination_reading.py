"""Reads about eliminations: each with its items, the decisions on it and what attested its destruction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Engine, Row, func, select

from vna.events import StepDecision
from vna.index import tables
from vna.index.elimination_tables import (
    elimination,
    elimination_attestation,
    elimination_item,
    elimination_step,
)
from vna.index.eliminations import OPEN
from vna.index.rejections import Comment
from vna.model import Scope


@dataclass(frozen=True, slots=True)
class Elimination:
    """An elimination; `number` is the journal position that proposed it, times are UTC in ISO 8601.

    `state` is what events say of it (vna.index.eliminations); `certificate` is the SHA-256 of its certificate, if any.
    """

    number: int
    owner: str
    profile: int
    action: str
    digest: str
    roles: tuple[str, ...]
    visas: tuple[str, ...]
    wait_days: int
    max_per_day: int
    accepted: tuple[str, ...]
    time: str
    actor: str
    state: str
    state_time: str
    approved_time: str | None
    certificate: str | None


@dataclass(frozen=True, slots=True)
class ListedItem:
    """A line of an elimination's list, and what became of it; `size` is in bytes as received.

    `cause` says why it was kept, `holds` which holds were the cause; `manifest` is the digest of the list of objects
    that went with it. Positions and times are None until it came to that.
    """

    number: int
    scope: Scope
    rules: tuple[str, ...]
    retain_until: str
    instances: int
    size: int
    kept_at: int | None
    kept_time: str | None
    kept_by: str | None
    cause: str | None
    holds: tuple[int, ...]
    eliminated_at: int | None
    eliminated_time: str | None
    manifest: str | None

    @property
    def stands(self) -> bool:
        """Whether it was neither kept nor eliminated so far."""
        return self.kept_at is None and self.eliminated_at is None


@dataclass(frozen=True, slots=True)
class Step:
    """What a person decided in a role, at a journal position."""

    position: int
    role: str
    decision: StepDecision
    reference: str
    reference_date: str
    document: str
    time: str
    actor: str


@dataclass(frozen=True, slots=True)
class Attestation:
    """That in one place nothing of an elimination is left, as said at a journal position; `size` is in bytes."""

    position: int
    place: str
    method: str
    files: int
    size: int
    time: str


class EliminationReader:
    """Answers from one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Elimination]:
        """Return all eliminations, oldest first."""
        with self._engine.connect() as connection:
            return [_elimination(row) for row in connection.execute(select(elimination).order_by(elimination.c.id))]

    def one(self, number: int) -> Elimination | None:
        """Return one elimination; None if there is none of this number."""
        with self._engine.connect() as connection:
            row = connection.execute(select(elimination).where(elimination.c.id == number)).first()
        return None if row is None else _elimination(row)

    def items(self, number: int) -> list[ListedItem]:
        """Return the list of an elimination, in its order."""
        wanted = select(elimination_item).where(elimination_item.c.elimination_id == number)
        with self._engine.connect() as connection:
            return [_item(row) for row in connection.execute(wanted.order_by(elimination_item.c.number))]

    def steps(self, number: int) -> list[Step]:
        """Return what was decided on an elimination, in order."""
        wanted = select(elimination_step).where(elimination_step.c.elimination_id == number)
        with self._engine.connect() as connection:
            return [_step(row) for row in connection.execute(wanted.order_by(elimination_step.c.id))]

    def attestations(self, number: int) -> list[Attestation]:
        """Return what attested the destruction, in order."""
        wanted = select(elimination_attestation).where(elimination_attestation.c.elimination_id == number)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(elimination_attestation.c.id)).all()
        return [Attestation(row.id, row.place, row.method, row.files, row.size, row.time) for row in rows]

    def listed_studies(self) -> dict[str, int]:
        """Return the studies with items that may still go, each with the elimination that lists it."""
        item = elimination_item.c
        wanted = (
            select(item.study_uid, item.elimination_id)
            .join(elimination, elimination.c.id == item.elimination_id)
            .where(elimination.c.state.in_(OPEN), item.kept_at.is_(None), item.eliminated_at.is_(None))
        )
        with self._engine.connect() as connection:
            return {row.study_uid: row.elimination_id for row in connection.execute(wanted)}

    def eliminated_since(self, time: str) -> int:
        """Return how many instances of all eliminations went at this time or later (UTC, ISO 8601)."""
        item = elimination_item.c
        since = select(elimination.c.id).where(elimination.c.state_time >= time)  # what goes sets it
        wanted = select(func.coalesce(func.sum(item.instances), 0)).where(
            item.elimination_id.in_(since), item.eliminated_time >= time
        )
        with self._engine.connect() as connection:
            return int(connection.execute(wanted).scalar_one())

    def standing(self, number: int) -> int:
        """Return how many items of an elimination were neither kept nor eliminated so far."""
        item = elimination_item.c
        wanted = select(func.count()).where(
            item.elimination_id == number, item.kept_at.is_(None), item.eliminated_at.is_(None)
        )
        with self._engine.connect() as connection:
            return connection.execute(wanted).scalar_one()

    def payload(self, position: int) -> Comment | None:
        """Return what stands beside an event, as it is kept; None if nothing does."""
        wanted = select(tables.payload.c.data, tables.payload.c.base).where(tables.payload.c.position == position)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        return None if row is None else Comment(bytes(row.data), bytes(row.base))


def _elimination(row: Row[Any]) -> Elimination:
    return Elimination(
        number=row.id,
        owner=row.owner,
        profile=row.profile,
        action=row.action,
        digest=row.digest,
        roles=_texts(row.roles),
        visas=_texts(row.visas),
        wait_days=row.wait_days,
        max_per_day=row.max_per_day,
        accepted=_texts(row.accepted),
        time=row.time,
        actor=row.actor,
        state=row.state,
        state_time=row.state_time,
        approved_time=row.approved_time,
        certificate=row.certificate,
    )


def _item(row: Row[Any]) -> ListedItem:
    holds: Sequence[int] = orjson.loads(row.holds) if row.holds else ()
    return ListedItem(
        number=row.number,
        scope=Scope(row.study_uid, row.series_uid, row.sop_instance_uid),
        rules=_texts(row.rules),
        retain_until=row.retain_until,
        instances=row.instances,
        size=row.size,
        kept_at=row.kept_at,
        kept_time=row.kept_time,
        kept_by=row.kept_by,
        cause=row.cause,
        holds=tuple(holds),
        eliminated_at=row.eliminated_at,
        eliminated_time=row.eliminated_time,
        manifest=row.manifest,
    )


def _step(row: Row[Any]) -> Step:
    decision = StepDecision(row.decision)
    return Step(row.id, row.role, decision, row.reference, row.reference_date, row.document, row.time, row.actor)


def _texts(value: str) -> tuple[str, ...]:
    return tuple(orjson.loads(value))
