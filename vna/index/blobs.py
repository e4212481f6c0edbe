"""What happens to the bytes of blobs beside arrivals: found damaged, healed, copied, swept."""

from typing import Any

from sqlalchemy import bindparam, delete, update

from vna.events import BlobDamaged, BlobEntry, BlobEvent, BlobHealed, BlobPlace, BlobsEntered, SweepBegan, SweepEnded
from vna.index import tables
from vna.index.entries import BlobState
from vna.index.statements import Cursor

_IN_PLACE = (
    tables.blob.c.digest == bindparam("which"),
    tables.blob.c.codec == bindparam("as_codec"),
    tables.blob.c.store == bindparam("in_store"),
)
_SET_STATE = update(tables.blob).where(*_IN_PLACE).values(state=bindparam("new_state"))
_DELETE = delete(tables.blob).where(*_IN_PLACE)


def apply_blob_event(cursor: Cursor, event: BlobEvent) -> None:
    """Put the effect of one event into the rows of the blobs it names."""
    match event:
        case BlobsEntered(blobs=blobs):
            for blob in blobs:
                _enter(cursor, blob, BlobState.PRESENT)
        case BlobDamaged(place=place):
            cursor.do(_SET_STATE, {**_key(place), "new_state": BlobState.BAD.value})
        case BlobHealed(place=place):
            cursor.do(_SET_STATE, {**_key(place), "new_state": BlobState.PRESENT.value})
        case SweepBegan(blobs=blobs):
            for blob in blobs:
                _enter(cursor, blob, BlobState.DELETING)
        case SweepEnded(places=places):
            for place in places:
                cursor.do(_DELETE, _key(place))


def blob_row(blob: BlobEntry) -> dict[str, Any]:
    """Return the row of a blob that is present."""
    sizes = {"plain_size": blob.plain_size, "stored_size": blob.stored_size}
    return {"digest": bytes.fromhex(blob.digest), "codec": blob.codec, "store": blob.store, **sizes}


def _enter(cursor: Cursor, blob: BlobEntry, state: BlobState) -> None:
    if not cursor.insert(tables.blob, {**blob_row(blob), "state": state.value}, unless_there=True):
        cursor.do(_SET_STATE, {**_key(blob.place), "new_state": state.value})


def _key(place: BlobPlace) -> dict[str, Any]:
    return {"which": bytes.fromhex(place.digest), "as_codec": place.codec, "in_store": place.store}
