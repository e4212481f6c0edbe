"""Placing and displacing a study: what is asked for is decided behind the lock on the position, where nothing moves.

What a store has, and what stays elsewhere, was looked at before; what the rows of blobs say here counts.
"""

from typing import Final

from sqlalchemy import bindparam, func, select

from vna.events import BlobEntry, BlobsEntered, Event, StudyDisplaced, StudyPlaced
from vna.index import tables
from vna.index.entries import (
    BlobState,
    CopyEntry,
    DisplaceEntry,
    NeedsBlobs,
    PlaceEntry,
    TierEntry,
    TooFewCopies,
)
from vna.index.holds import refuse_held
from vna.index.placements import PLACES, STUDY, USED, kept_stores
from vna.index.statements import Cursor
from vna.index.sweeping import swept_since
from vna.index.tier_tables import placement
from vna.model import Scope, StudyUID

_PRESENT: Final = tables.blob.c.state == BlobState.PRESENT.value
_NEWEST = select(func.max(tables.version.c.id)).where(tables.version.c.study_id == bindparam("study"))
_PLACEMENT = select(placement.c.kept, placement.c.upto).where(
    placement.c.study_id == bindparam("study"), placement.c.store == bindparam("in_store")
)
_USES = tables.version.join(tables.blob_use, tables.blob_use.c.version_id == tables.version.c.id)
_DIGESTS = (
    select(tables.blob_use.c.digest)
    .select_from(_USES)
    .where(tables.version.c.study_id == bindparam("study"))
    .distinct()
)
_COPIES = (
    select(tables.blob_use.c.digest, tables.blob.c.store)
    .select_from(_USES.join(tables.blob, tables.blob.c.digest == tables.blob_use.c.digest))
    .where(tables.version.c.study_id == bindparam("study"), _PRESENT)
    .distinct()
)


def tier_event(cursor: Cursor, entry: TierEntry, position: int) -> Event | NeedsBlobs | TooFewCopies | None:
    """Return what an entry comes to behind the lock, where the journal stands at a position; None for nothing new.

    Raises:
        Held: a hold stands over what would be brought where it cannot be read at once.
    """
    match entry:
        case CopyEntry():
            return _copied(cursor, entry)
        case PlaceEntry():
            return _placed(cursor, entry, position)
        case DisplaceEntry():
            return _displaced(cursor, entry, position)


def _copied(cursor: Cursor, entry: CopyEntry) -> Event | None:
    gone = swept_since(cursor, entry.began)
    arrived = tuple(blob for blob in entry.blobs if blob.digest not in gone and _is_new(cursor, blob))
    return BlobsEntered(arrived) if arrived else None


def _is_new(cursor: Cursor, blob: BlobEntry) -> bool:
    """Return whether a copy of a blob that is used is one the table does not have."""
    digest = {"which": bytes.fromhex(blob.digest)}
    states = {(codec, store): state for codec, store, state in cursor.all(PLACES, digest)}
    if states.get((blob.codec, blob.store)) in (BlobState.PRESENT, BlobState.DELETING):
        return False
    return cursor.first(USED, digest) is not None


def _placed(cursor: Cursor, entry: PlaceEntry, position: int) -> Event | NeedsBlobs | None:
    study_id = cursor.scalar(STUDY, {"uid": entry.study})
    if study_id is None:
        return None
    where = {"study": study_id, "in_store": entry.store}
    last = cursor.first(_PLACEMENT, where)
    there = {bytes(digest) for digest, store in cursor.all(_COPIES, where) if store == entry.store}
    missing = {bytes(digest) for (digest,) in cursor.all(_DIGESTS, where)} - there
    if missing:
        return NeedsBlobs(tuple(sorted(digest.hex() for digest in missing)))
    is_known = entry.store in entry.stores.full if last is None else last[0] and last[1] >= _newest(cursor, study_id)
    return None if is_known else StudyPlaced(entry.study, entry.store, position)


def _displaced(cursor: Cursor, entry: DisplaceEntry, position: int) -> Event | TooFewCopies | None:
    study_id = cursor.scalar(STUDY, {"uid": entry.study})
    if study_id is None:
        return None
    last = cursor.first(_PLACEMENT, {"study": study_id, "in_store": entry.store})
    is_known = (
        entry.store in entry.stores.tiers if last is None else not last[0] and last[1] >= _newest(cursor, study_id)
    )
    if is_known:
        return None
    if entry.unless_held:
        refuse_held(cursor, Scope(StudyUID(entry.study)), entry.time[:10])
    kept = kept_stores(cursor, study_id, entry.stores) - {entry.store}
    left: dict[bytes, int] = {bytes(digest): 0 for (digest,) in cursor.all(_DIGESTS, {"study": study_id})}
    for digest, store in cursor.all(_COPIES, {"study": study_id}):
        left[bytes(digest)] += store in kept
    too_few = sorted(digest.hex() for digest, count in left.items() if count < max(1, entry.copies))
    if too_few:
        return TooFewCopies(tuple(too_few), min(left.values()))
    return StudyDisplaced(entry.study, entry.store, position, max(1, entry.copies))


def _newest(cursor: Cursor, study_id: int) -> int:
    return int(cursor.scalar(_NEWEST, {"study": study_id}) or 0)
