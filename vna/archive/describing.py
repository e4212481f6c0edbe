"""Describing stored instances anew, out of their headers: most of the work of a rebuild, and needs no order.

Where there is much, other processes do it ahead of what is entered. They read payloads only: whatever needs a blob, or
is not as it should be, they leave to the one that enters, which has to say what is wrong.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import cbor2

from storage_backends import BlobDamaged, BlobNotFound, BlobStore, Codec, StoreUnavailable
from vna.archive.kept import blob_ref
from vna.archive.payload import unpack
from vna.dicom.describe import Description, Value, describe
from vna.dicom.recipe import Recipe, assemble
from vna.dicom.scan import ALWAYS_BULK, scan
from vna.errors import CannotUnderstand
from vna.events import BlobEntry, EventRecord, InstanceStored, KeptPayload, Link
from vna.journal import PayloadReader, Unreadable
from vna.processes import processors, run_apart

_WORTH_PROCESSES: Final = 20_000
"""Events from which on it takes less time to start processes."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events to be entered in one transaction, and the bases of their payloads: compressed, by digest."""

    events: Sequence[tuple[Link, EventRecord]]
    bases: Mapping[bytes, bytes]


Known = Mapping[int, Description]
"""What was described ahead, by position."""
Ahead = Callable[[Iterable[Batch]], Iterator[tuple[Batch, Known]]]


def ahead_of(events: int) -> Ahead:
    """Return what describes instances ahead of so many events to be entered: processes where that takes less time."""
    return described_apart(max(1, processors() - 1)) if events >= _WORTH_PROCESSES else nothing_ahead


def nothing_ahead(batches: Iterable[Batch]) -> Iterator[tuple[Batch, Known]]:
    """Leave everything to the one that enters."""
    return ((batch, {}) for batch in batches)


def described_apart(processes: int) -> Ahead:
    """Describe ahead, in other processes.

    Raises:
        VnaError: from the iterator; one of them died.
    """

    def ahead(batches: Iterable[Batch]) -> Iterator[tuple[Batch, Known]]:
        tasks = ((batch, _work(batch)) for batch in batches)
        for batch, found in run_apart(_described, tasks, processes):
            yield batch, {position: Description(*levels) for position, levels in found}

    return ahead


def describe_stored(event: InstanceStored, payload: bytes, blobs: BlobStore) -> Description:
    """Return the description of an instance as it was when it was stored.

    Raises:
        Damaged: a blob that is needed is damaged or missing.
    """
    entries = {blob.digest: blob for blob in event.blobs}
    parts, recipe = unpack(payload), Recipe.from_cbor(event.recipe)
    header = parts.header if parts.header_blob is None else _read(entries[parts.header_blob], blobs)
    sizes = {digest: entry.plain_size for digest, entry in entries.items()}
    found = _from_header(header, event.transfer_syntax, recipe, sizes)
    if found is not None:
        return found
    named = {piece.digest for piece in recipe.pieces}
    data = assemble(header, recipe, {digest: _read(entries[digest], blobs) for digest in named})
    return describe(scan(data, event.transfer_syntax))


_Stored = tuple[int, str, bytes, Mapping[str, int], KeptPayload, bytes | None]
"""What another process needs of an instance: position, transfer syntax, recipe, sizes of its blobs, payload, digest."""
_Levels = tuple[Mapping[str, Value], ...]


def _work(batch: Batch) -> tuple[list[_Stored], Mapping[bytes, bytes]]:
    return [stored for each in batch.events if (stored := _stored(*each)) is not None], batch.bases


def _stored(link: Link, record: EventRecord) -> _Stored | None:
    event, kept = record.event, link.payload
    if not isinstance(event, InstanceStored) or kept is None:
        return None
    sizes = {blob.digest: blob.plain_size for blob in event.blobs}
    return record.position, event.transfer_syntax, event.recipe, sizes, kept, record.payload_digest


def _described(work: tuple[Sequence[_Stored], Mapping[bytes, bytes]]) -> list[tuple[int, _Levels]]:
    """Return the description of each instance whose payload says all of it, by position, level by level."""
    reader, found = PayloadReader(work[1]), []
    for position, transfer_syntax, recipe, sizes, kept, digest in work[0]:
        with suppress(Unreadable, CannotUnderstand, cbor2.CBORDecodeError, KeyError):
            parts, cut = unpack(reader.checked(kept, digest)), Recipe.from_cbor(recipe)
            described = _from_header(parts.header, transfer_syntax, cut, sizes)
            if described is not None:
                found.append((position, _levels(described)))
    return found


def _levels(described: Description) -> _Levels:
    return described.patient, described.study, described.series, described.instance


def _from_header(header: bytes, transfer_syntax: str, recipe: Recipe, sizes: Mapping[str, int]) -> Description | None:
    """Return what a header says where nothing that is described lies in blobs."""
    if not header:
        return None
    scanned = scan(header, transfer_syntax, holes=recipe.holes(sizes))
    bulk = {scanned.elements[tag].offset for tag in ALWAYS_BULK & scanned.elements.keys()}
    return describe(scanned) if all(piece.header_upto in bulk for piece in recipe.pieces) else None


def _read(blob: BlobEntry, blobs: BlobStore) -> bytes:
    """Return a blob from wherever it lies now: later events, not entered yet, may have moved it.

    Raises:
        storage_backends.BlobNotFound, storage_backends.BlobDamaged: no store has it sound.
    """
    first = blob_ref(blob)
    for store in blobs.stores.values():
        for codec in (first.codec, *(codec for codec in Codec if codec is not first.codec)):
            with suppress(BlobNotFound, BlobDamaged, StoreUnavailable):
                return store.get(replace(first, codec=codec))
    return blobs.get(first)
