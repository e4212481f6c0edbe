"""What happens to the bytes of blobs beside arrivals: found damaged, healed, copied, swept.

        entered            damaged            sweep-began              sweep-ended
    (none) ---> present <----------> bad   present, bad, (none) ---> deleting ---> (none)
                            healed                                      |
                                                              retaken   `--------> present

There are no other ways: what is being deleted stays so until its files are gone, whatever anybody says who looked
before; then its row goes. It is retaken only where Object Lock keeps the file from going (vna.archive.placing).
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from vna.events import (
    BlobDamaged,
    BlobEntry,
    BlobEvent,
    BlobHealed,
    BlobPlace,
    BlobsEntered,
    BlobsRetaken,
    Event,
    SweepBegan,
    SweepEnded,
)
from vna.index import tables
from vna.index.entries import BlobState
from vna.index.placements import NEEDED_IN_TIER
from vna.index.statements import Cursor

_IN_PLACE = (
    tables.blob.c.digest == bindparam("which"),
    tables.blob.c.codec == bindparam("as_codec"),
    tables.blob.c.store == bindparam("in_store"),
)
_MOVE = (
    update(tables.blob)
    .where(*_IN_PLACE, tables.blob.c.state == bindparam("old_state"))
    .values(state=bindparam("new_state"))
)
_STATE = select(tables.blob.c.state).where(*_IN_PLACE)
_SWEEP = update(tables.blob).where(*_IN_PLACE).values(state=BlobState.DELETING.value)
_DELETE = delete(tables.blob).where(*_IN_PLACE, tables.blob.c.state == BlobState.DELETING.value)


def apply_blob_event(cursor: Cursor, event: BlobEvent) -> None:
    """Put the effect of one event into the rows of the blobs it names."""
    match event:
        case BlobsEntered(blobs=blobs):
            for blob in blobs:
                if not _is_new(cursor, blob, BlobState.PRESENT):
                    _move(cursor, blob.place, BlobState.BAD, BlobState.PRESENT)
        case BlobDamaged(place=place):
            _move(cursor, place, BlobState.PRESENT, BlobState.BAD)
        case BlobHealed(place=place):
            _move(cursor, place, BlobState.BAD, BlobState.PRESENT)
        case SweepBegan(blobs=blobs):
            for blob in blobs:
                if not _is_new(cursor, blob, BlobState.DELETING):
                    cursor.do(_SWEEP, _key(blob.place))
        case SweepEnded(places=places):
            for place in places:
                cursor.do(_DELETE, _key(place))
        case BlobsRetaken(places=places):
            for place in places:
                _move(cursor, place, BlobState.DELETING, BlobState.PRESENT)


def is_due(cursor: Cursor, event: Event) -> bool:
    """Return whether an event still says something new, asked behind the lock on the position.

    What was found damaged may have been found so by somebody else meanwhile, or been healed; and a copy of what the
    store no longer has is none that anybody may rely on, unless a study that needs it is placed there.
    """
    match event:
        case BlobDamaged(place=place):
            return _state(cursor, place) == BlobState.PRESENT
        case BlobHealed(place=place):
            return _state(cursor, place) == BlobState.BAD
        case BlobsEntered(blobs=blobs):
            return all(_is_wanted(cursor, blob.place) for blob in blobs if blob.store)
        case BlobsRetaken(places=places):
            return any(_state(cursor, place) == BlobState.DELETING for place in places)
    return True


def blob_row(blob: BlobEntry) -> dict[str, Any]:
    """Return the row of a blob that is present."""
    sizes = {"plain_size": blob.plain_size, "stored_size": blob.stored_size}
    return {"digest": bytes.fromhex(blob.digest), "codec": blob.codec, "store": blob.store, **sizes}


def _state(cursor: Cursor, place: BlobPlace) -> str | None:
    state: str | None = cursor.scalar(_STATE, _key(place))
    return state


def _is_wanted(cursor: Cursor, copy: BlobPlace) -> bool:
    if _state(cursor, replace(copy, store="")) == BlobState.PRESENT:
        return True
    return cursor.first(NEEDED_IN_TIER, {"which": bytes.fromhex(copy.digest), "in_store": copy.store}) is not None


def _is_new(cursor: Cursor, blob: BlobEntry, state: BlobState) -> bool:
    """Enter a blob that has no row; return whether it had none."""
    return cursor.insert(tables.blob, {**blob_row(blob), "state": state.value}, unless_there=True)


def _move(cursor: Cursor, place: BlobPlace, old: BlobState, new: BlobState) -> None:
    cursor.do(_MOVE, {**_key(place), "old_state": old.value, "new_state": new.value})


def _key(place: BlobPlace) -> dict[str, Any]:
    return {"which": bytes.fromhex(place.digest), "as_codec": place.codec, "in_store": place.store}
