"""How the stores of an archive stand: what is there, what of it is damaged, and when all was last read again."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from storage_backends import BlobStore
from vna.archive.healing import store_name
from vna.index import Holding, Index, LockedBlobs, Round

_NOTHING = Holding(0, 0)


@dataclass(frozen=True, slots=True)
class StoreStanding:
    """One store; `location` is None for one that the settings do not name any more.

    `present` and `bad` count blobs. Times are UTC in ISO 8601. `round_began` is None between two rounds; `checked`,
    `checked_bytes` and `damaged` are then those of the last one. `share_done` is of the round that is going on, 0 to 1.
    `locked` counts blobs that are to be deleted and wait for the end of their Object Lock, the last one `locked_until`;
    None where that is a hold without an end. `shortage` says why nothing more is brought there, empty where
    there is room.
    """

    store: str
    location: str | None
    present: int
    bad: int
    round_began: str | None
    share_done: float
    checked: int
    checked_bytes: int
    damaged: int
    last_round_began: str | None
    last_round_ended: str | None
    locked: int = 0
    locked_until: str | None = None
    shortage: str = ""


def standing(index: Index, blobs: BlobStore, shortage: Callable[[str], str | None]) -> tuple[StoreStanding, ...]:
    """Return how the stores stand; goes through the rows of all blobs, to count them.

    Args:
        shortage: says what is short in a store, None where there is room.
    """
    holdings, rounds = index.blobs.holdings(), index.rounds.all()
    waiting = {each.store: each for each in index.locks.deleting()}
    known = blobs.stores
    found = (*known, *sorted(holdings.keys() - known.keys()))
    return tuple(
        replace(
            _standing(
                store,
                known[store].backend.location if store in known else None,
                holdings.get(store, _NOTHING),
                rounds.get(store, Round(store)),
                waiting.get(store),
            ),
            shortage=shortage(store) or "",
        )
        for store in found
    )


def _standing(
    store: str, location: str | None, holding: Holding, found: Round, locked: LockedBlobs | None
) -> StoreStanding:
    until = None if locked is None or locked.until_s is None else datetime.fromtimestamp(locked.until_s, UTC)
    return StoreStanding(
        store=store_name(store),
        location=location,
        present=holding.present,
        bad=holding.bad,
        round_began=found.round_began or None,
        share_done=found.share_done,
        checked=found.checked,
        checked_bytes=found.checked_bytes,
        damaged=found.damaged,
        last_round_began=found.last_round_began,
        last_round_ended=found.last_round_ended,
        locked=0 if locked is None else locked.blobs,
        locked_until=None if until is None else until.isoformat(timespec="seconds"),
    )
