"""How far the re-reading of each store has come: working rows, written now and then, that may be lost."""

from dataclasses import dataclass, fields
from threading import Lock

from sqlalchemy import Engine, insert, select, update

from vna.index import tables
from vna.index.database import turn_of

_SHARE_BYTES = 4


@dataclass(frozen=True, slots=True)
class Round:
    """A round through one store; times are UTC in ISO 8601.

    `upto` is the key of the last blob it has been at (vna.index.blob_reading.place_key). Between two rounds `upto` is
    empty and `round_began` too, and the figures are those of the last one.
    """

    store: str
    round_began: str = ""
    upto: bytes = b""
    checked: int = 0
    checked_bytes: int = 0
    damaged: int = 0
    last_round_began: str | None = None
    last_round_ended: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has begun and not ended."""
        return self.round_began != ""

    @property
    def share_done(self) -> float:
        """How much of the store the round has been through, 0 to 1; digests are spread evenly."""
        done = int.from_bytes(self.upto[:_SHARE_BYTES].ljust(_SHARE_BYTES, b"\0"))
        return done / 2**32


class RoundTable:
    """The rounds, one row to a store."""

    def __init__(self, writing: Engine, reading: Engine) -> None:
        self._writing, self._reading = writing, reading
        self._lock, self._turn = Lock(), turn_of(writing)

    def all(self) -> dict[str, Round]:
        """Return the rounds by store."""
        with self._reading.connect() as connection:
            rows = connection.execute(select(tables.scrub)).mappings().all()
        return {row["store"]: Round(**{**row, "upto": bytes(row["upto"])}) for row in rows}

    def keep(self, found: Round) -> None:
        """Write down how far a round is."""
        values = {field.name: getattr(found, field.name) for field in fields(found)}
        changed = update(tables.scrub).where(tables.scrub.c.store == found.store).values(values)
        with self._lock, self._turn, self._writing.begin() as connection:
            if connection.execute(changed).rowcount == 0:
                connection.execute(insert(tables.scrub).values(values))
