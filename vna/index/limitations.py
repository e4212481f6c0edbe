"""Reads about limitations: which stand, and what they hide."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from vna.index import tables
from vna.index.held import HeldInstance
from vna.index.hiding_tables import limitation
from vna.index.reading import HELD_COLUMNS, held_instance
from vna.index.rejections import LIMITED, VERSIONS, within
from vna.model import Scope

_STANDS = limitation.c.to_position.is_(None)


@dataclass(frozen=True, slots=True)
class Limitation:
    """A limitation that stands; `number` is the journal position that brought it.

    `time` is UTC in ISO 8601; `instances` is how many it hides now.
    """

    number: int
    time: str
    actor: str
    scope: Scope
    instances: int


class LimitationReader:
    """Answers from one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def standing(self) -> list[Limitation]:
        """Return the limitations that stand, oldest first."""
        wanted = select(limitation).where(_STANDS).order_by(limitation.c.id)
        with self._engine.connect() as connection:
            return [_limitation(connection, row) for row in connection.execute(wanted).all()]

    def hidden(self, scope: Scope) -> list[HeldInstance]:
        """Return the versions of a scope that would be served but for a limitation, oldest first."""
        wanted = select(*HELD_COLUMNS).select_from(VERSIONS).where(*within(scope), *LIMITED)
        with self._engine.connect() as connection:
            return [held_instance(row) for row in connection.execute(wanted.order_by(tables.version.c.id))]


def _limitation(connection: Connection, row: Row[Any]) -> Limitation:
    scope = Scope(row.study_uid, row.series_uid, row.sop_instance_uid)
    hidden = select(func.count()).select_from(VERSIONS).where(*within(scope), *LIMITED)
    return Limitation(row.id, row.time, row.actor, scope, connection.execute(hidden).scalar_one())
