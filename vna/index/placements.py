"""Where studies lie, in the index: how events change it, and what a store still needs, asked behind the lock.

A blob is **needed** in a store by each version that is made of it:

    the main store, a replica    unless its study was displaced from there, at a position behind the version
    a tier                       if its study is placed there

A tier that has a blob of a newer version keeps it too: a correction writes nothing again that lies there already.
What is not needed in a store goes only if enough copies are left in stores where it is: as many as the displacement
said, and never none.
"""

from collections.abc import Collection

from sqlalchemy import and_, bindparam, delete, exists, func, select

from vna.events import BlobEntry, BlobPlace, StudyDisplaced, StudyPlaced, TierEvent
from vna.index import tables
from vna.index.entries import BlobState, StoreNames
from vna.index.statements import Cursor
from vna.index.tier_tables import placement

STUDY = select(tables.study.c.id).where(tables.study.c.study_uid == bindparam("uid"))
USED = select(tables.blob_use.c.version_id).where(tables.blob_use.c.digest == bindparam("which")).limit(1)
PLACES = select(tables.blob.c.codec, tables.blob.c.store, tables.blob.c.state).where(
    tables.blob.c.digest == bindparam("which")
)
_PLACEMENTS = select(placement.c.store, placement.c.kept).where(placement.c.study_id == bindparam("study"))
_FORGET = delete(placement).where(
    placement.c.study_id == bindparam("study"), placement.c.store == bindparam("in_store")
)
_OF_VERSION = and_(placement.c.study_id == tables.version.c.study_id, placement.c.store == bindparam("in_store"))
_NEEDED = (
    select(tables.version.c.id)
    .join(tables.blob_use, tables.blob_use.c.version_id == tables.version.c.id)
    .where(tables.blob_use.c.digest == bindparam("which"))
    .limit(1)
)
NEEDED_IN_TIER = _NEEDED.where(exists().where(_OF_VERSION, placement.c.kept))
NEEDED_IN_FULL = _NEEDED.where(~exists().where(_OF_VERSION, ~placement.c.kept, placement.c.upto >= tables.version.c.id))
_PROMISED = (
    select(func.max(placement.c.copies))
    .join(tables.version, tables.version.c.study_id == placement.c.study_id)
    .join(tables.blob_use, tables.blob_use.c.version_id == tables.version.c.id)
    .where(
        tables.blob_use.c.digest == bindparam("which"), placement.c.store == bindparam("in_store"), ~placement.c.kept
    )
)


def apply_tier_event(cursor: Cursor, event: TierEvent) -> None:
    """Put the effect of one event into the table; a study that is gone has no place."""
    study_id = cursor.scalar(STUDY, {"uid": event.study})
    if study_id is None:  # as in a rebuild where all payloads of the study are erased
        return
    cursor.do(_FORGET, {"study": study_id, "in_store": event.store})
    copies = event.copies if isinstance(event, StudyDisplaced) else 0
    row = {"study_id": study_id, "store": event.store, "kept": isinstance(event, StudyPlaced), "upto": event.upto}
    cursor.insert(placement, {**row, "copies": copies})


def needed(cursor: Cursor, digest: bytes, store: str, stores: StoreNames) -> bool:
    """Return whether a version needs a blob in this store."""
    query = NEEDED_IN_TIER if store in stores.tiers else NEEDED_IN_FULL
    return cursor.first(query, {"which": digest, "in_store": store}) is not None


def may_go(cursor: Cursor, blob: BlobEntry, stores: StoreNames, going: Collection[BlobPlace] = ()) -> bool:
    """Return whether a blob that is used may go from a place, when those of `going` do.

    It may where the same store has it in another codec, or where it is not needed there and enough copies are left in
    stores where it is.
    """
    digest = bytes.fromhex(blob.digest)
    there = {
        (codec, store)
        for codec, store, state in cursor.all(PLACES, {"which": digest})
        if state == BlobState.PRESENT and BlobPlace(blob.digest, codec, store) not in going
    }
    if any(store == blob.store and codec != blob.codec for codec, store in there):
        return True
    if needed(cursor, digest, blob.store, stores):
        return False
    promised = cursor.scalar(_PROMISED, {"which": digest, "in_store": blob.store})
    known = {store for _, store in there} & {*stores.full, *stores.tiers} - {blob.store}
    left = [store for store in known if needed(cursor, digest, store, stores)]
    return len(left) >= max(1, promised or 0)


def kept_stores(cursor: Cursor, study_id: int, stores: StoreNames) -> set[str]:
    """Return the stores that a study is kept in."""
    rows: dict[str, bool] = {store: bool(kept) for store, kept in cursor.all(_PLACEMENTS, {"study": study_id})}
    return {store for store in stores.full if rows.get(store, True)} | {s for s in stores.tiers if rows.get(s)}


def tiers_instead(cursor: Cursor, study_uid: str) -> frozenset[str]:
    """Return the stores that a study lies in instead of the main store; none where it was not displaced from there."""
    study_id = cursor.scalar(STUDY, {"uid": study_uid})
    if study_id is None:
        return frozenset()
    rows = {store: bool(kept) for store, kept in cursor.all(_PLACEMENTS, {"study": study_id})}
    return frozenset(store for store, kept in rows.items() if kept and store) if rows.get("") is False else frozenset()
