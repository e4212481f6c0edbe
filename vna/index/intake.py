"""What was kept when and from whom: one row for each hour in which a source sent something.

So questions about days, and totals, cost the same with a thousand and with a million instances: a year of ten busy
sources has some 60,000 rows. Hours are those of UTC; most places' midnight is the beginning of one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, Select, bindparam, func, select, update

from vna.events import EventRecord, InstanceStored
from vna.index import tables
from vna.index.statements import Cursor
from vna.model import Outcome

_HOUR = "%Y-%m-%dT%H"
_ADD = (
    update(tables.intake)
    .where(tables.intake.c.hour == bindparam("which_hour"), tables.intake.c.source == bindparam("which_source"))
    .values(
        arrived=tables.intake.c.arrived + 1,
        new_instances=tables.intake.c.new_instances + bindparam("is_new"),
        received_bytes=tables.intake.c.received_bytes + bindparam("received"),
        stored_bytes=tables.intake.c.stored_bytes + bindparam("stored"),
    )
)


@dataclass(frozen=True, slots=True)
class Intake:
    """What was kept of one source; sizes in bytes, `stored` of blobs that were new.

    `arrived` counts versions of instances, renditions too; what was held already is not kept and not counted.
    """

    source: str
    arrived: int
    received_bytes: int
    stored_bytes: int


class IntakeReader:
    """Reads what was kept."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def since(self, moment: datetime) -> list[Intake]:
        """Return what was kept since the beginning of this moment's hour, by source in order of name."""
        with self._engine.connect() as connection:
            rows = connection.execute(sums_since(moment.astimezone(UTC).strftime(_HOUR))).all()
        return [Intake(source, int(arrived), int(received), int(stored)) for source, arrived, received, stored in rows]

    def first_hour(self) -> datetime | None:
        """Return the hour in which the first instance was kept, None when there is none."""
        with self._engine.connect() as connection:
            hour = connection.execute(select(func.min(tables.intake.c.hour))).scalar_one()
        return None if hour is None else datetime.strptime(hour, _HOUR).replace(tzinfo=UTC)


def sums_since(hour: str) -> Select[Any]:
    """Return the query of what was kept since an hour: source, instances, bytes received, bytes stored."""
    intake = tables.intake
    sums = (func.sum(column) for column in (intake.c.arrived, intake.c.received_bytes, intake.c.stored_bytes))
    wanted = select(intake.c.source, *sums).where(intake.c.hour >= hour)
    return wanted.group_by(intake.c.source).order_by(intake.c.source)


def hour_of(record: EventRecord) -> str:
    """Return the hour of an event, as rows name it."""
    return record.time[: len("2026-01-31T12")]


def make_row(cursor: Cursor, hour: str, source: str) -> None:
    """Make the row of an hour and a source where it is missing."""
    row = {"hour": hour, "source": source, "arrived": 0, "new_instances": 0, "received_bytes": 0, "stored_bytes": 0}
    cursor.insert(tables.intake, row, unless_there=True)


def add_instance(cursor: Cursor, hour: str, event: InstanceStored, *, fresh_bytes: int) -> None:
    """Add one instance to its row, which is there; `fresh_bytes` is the stored size of its blobs that were new."""
    values = {
        "which_hour": hour,
        "which_source": event.source,
        "is_new": int(event.outcome is Outcome.STORED),
        "received": event.size,
        "stored": fresh_bytes,
    }
    cursor.do(_ADD, values)
