"""Whether the blobs of an arrival are all there, asked behind the lock on the position."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from vna.events import BlobEntry, BlobHealed, BlobsEntered, Event
from vna.index import tables
from vna.index.entries import BlobState, NeedsBlobs, StoreEntry
from vna.index.placements import tiers_instead
from vna.index.statements import Cursor
from vna.index.sweeping import swept_since
from vna.model import Outcome

BLOB_STATES = select(tables.blob.c.codec, tables.blob.c.state).where(
    tables.blob.c.digest == bindparam("which"), tables.blob.c.store == bindparam("in_store")
)


@dataclass(frozen=True, slots=True)
class ArrivedBlobs:
    """The blobs of an arrival whose bytes it brought: those found damaged before, and those the index did not know."""

    damaged: tuple[BlobEntry, ...]
    unknown: tuple[BlobEntry, ...]

    def made_good(self, outcome: Outcome) -> Iterator[Event]:
        """Yield what there is to record beside the arrival, which enters unknown blobs itself if it is kept anew."""
        for blob in self.damaged:
            yield BlobHealed(blob.place, "receive")
        if self.unknown and outcome in (Outcome.ALREADY_STORED, Outcome.RESTORED):
            yield BlobsEntered(self.unknown)


def examine(cursor: Cursor, entry: StoreEntry) -> ArrivedBlobs | NeedsBlobs:
    """Compare every blob the arrival names with its rows, one for each codec it lies there in.

    A blob may lie in a tier alone, where its study does.
    """
    missing, damaged, unknown = set[str](), list[BlobEntry](), list[BlobEntry]()
    in_main = {blob.digest for blob in entry.arrival.blobs if blob.store == ""}
    for blob in entry.arrival.blobs:
        states = dict(cursor.all(BLOB_STATES, {"which": bytes.fromhex(blob.digest), "in_store": blob.store}))
        if BlobState.PRESENT in states.values() and (
            blob.digest in in_main or blob.store in tiers_instead(cursor, entry.arrival.key.study)
        ):
            continue
        if BlobState.DELETING in states.values() and blob.digest in in_main:
            return NeedsBlobs((blob.digest,), wait=True)
        if blob.digest not in entry.written:
            missing.add(blob.digest)
        elif blob.codec in states:
            damaged.append(blob)
        else:
            unknown.append(blob)
    if damaged or unknown:
        missing |= swept_since(cursor, entry.began) & {blob.digest for blob in (*damaged, *unknown)}
    if missing:
        return NeedsBlobs(tuple(sorted(missing)))
    return ArrivedBlobs(tuple(damaged), tuple(unknown))
