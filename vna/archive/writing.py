"""Writing the blobs of one arriving data set, those that are not held yet.

While nothing else is being written, two threads share the work: a helper encodes the blobs and brings
them to disk, which is nearly all C and waiting; the thread that receives hashes meanwhile, asks what is
held already, and makes the rest of the event. Where several data sets are written at a time they keep the
cores busy anyhow, and handing over only costs: with four associations 6 % of the rate.
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass

from storage_backends import MAIN, BlobRef, BlobStore, Content, EncodedBlob, FrameTable, MemoryContent, PixelShape
from vna.archive.digests import compute_digests
from vna.archive.payload import HEADER_LIMIT_BYTES
from vna.dicom.encoding import PIXEL_DATA
from vna.dicom.frames import frame_table, pixel_shape
from vna.dicom.recipe import Cut, cut
from vna.dicom.scan import BulkValue, Scan
from vna.dicom.supported import is_compressed
from vna.events import BlobEntry
from vna.index import Reader
from vna.log_context import ContextThreads
from vna.metrics import Metrics, Stage
from vna.metrics.families import STAGES

_ENCODED_HERE = 32 << 10
"""Up to this size encoding takes less time than handing it to another thread."""
_WAIT_FOR_DISK = 2
"""Helpers more than there are cores."""


@dataclass(frozen=True, slots=True)
class Identified:
    """What a data set is: its digest, its header (or the blob that is the header), and its recipe."""

    digest: str
    header: bytes
    header_blob: str | None
    recipe: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """The blobs of a data set, all durable; `fresh` were written now, after the journal stood at position `began`."""

    blobs: tuple[BlobEntry, ...]
    fresh: frozenset[str]
    began: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Bytes that become a blob, and how they are best stored."""

    content: Content
    shape: PixelShape | None = None
    frames: FrameTable | None = None
    incompressible: bool = False


class BlobWriter:
    """Takes data sets apart and makes their blobs durable."""

    def __init__(self, blobs: BlobStore, reader: Reader, metrics: Metrics) -> None:
        self._blobs, self._reader, self._metrics = blobs, reader, metrics
        self._counting, self._under_way = threading.Lock(), 0
        self._helpers = ContextThreads((os.cpu_count() or 1) + _WAIT_FOR_DISK, thread_name_prefix="encode")

    def close(self) -> None:
        """End the threads that encode."""
        self._helpers.shutdown()

    @contextmanager
    def begin(self, content: Content, scanned: Scan) -> Iterator["Writing"]:
        """Begin to write every blob of the data set; what is not stored by the end of the block is forgotten.

        Raises:
            storage_backends.StorageError: from `Writing.finish`; nothing of the data set is visible.
        """
        writing = Writing(self._blobs, self._reader, self._metrics, content, scanned)
        with self._counting:
            self._under_way += 1
            is_alone = self._under_way == 1
        if is_alone and content.size > _ENCODED_HERE:
            writing.helper = self._helpers.submit(writing.encode)
        try:
            yield writing
        finally:
            with self._counting:
                self._under_way -= 1
            if writing.helper is not None:
                wait([writing.helper])  # the content may be gone as soon as we return
            writing.discard()

    def rewrite(self, content: Content, scanned: Scan, digests: tuple[str, ...]) -> tuple[BlobEntry, ...]:
        """Write these blobs of the data set again, whatever the index says of them."""
        parts = _parts(content, scanned, cut(scanned, content.size))
        identified = compute_digests(scanned.transfer_syntax, content, [part.content for part in parts])
        again = {digest: part for digest, part in zip(identified.windows, parts, strict=True) if digest in digests}
        written: list[BlobEntry] = []
        for part in again.values():
            ref = self._blobs.put(
                part.content, shape=part.shape, frames=part.frames, incompressible=part.incompressible
            )
            written += (blob_entry(ref, store) for store in self._blobs.written_at)
        return tuple(written)


class Writing:
    """One data set being written; `encode` runs beside the rest, or in `finish` where there is no helper."""

    def __init__(self, blobs: BlobStore, reader: Reader, metrics: Metrics, content: Content, scanned: Scan) -> None:
        self._blobs, self._reader, self._metrics = blobs, reader, metrics
        self._content, self._scanned = content, scanned
        self._cut = cut(scanned, content.size)
        self._parts = _parts(content, scanned, self._cut)
        self._encoded: list[EncodedBlob] = []
        self._digests: tuple[str, ...] = ()
        self._held: dict[str, BlobEntry] = {}
        self._flushing_s = 0.0
        self.helper: Future[None] | None = None

    def encode(self) -> None:
        """Encode every blob, and bring to disk those not known to be held by then."""
        with self._metrics.timed(STAGES, Stage.ENCODE):
            for part in self._parts:
                encoded = self._blobs.encode(
                    part.content, shape=part.shape, frames=part.frames, incompressible=part.incompressible
                )
                self._encoded.append(encoded)
        started = time.perf_counter()
        for number, encoded in enumerate(self._encoded):
            if not self._digests or self._digests[number] not in self._held:
                encoded.flush()
        self._flushing_s = time.perf_counter() - started

    def identify(self, study: str) -> Identified:
        """Compute the digests, and ask which blobs are held already where blobs of this study are to lie."""
        windows = [part.content for part in self._parts]
        digests = compute_digests(self._scanned.transfer_syntax, self._content, windows)
        self._held = self._reader.present_blobs(digests.windows, self._blobs.written_at, study)
        self._digests = digests.windows
        recipe = self._cut.recipe(digests.windows[: len(self._cut.bulk)]).to_cbor()
        if len(self._cut.header) > HEADER_LIMIT_BYTES:
            return Identified(digests.instance, b"", digests.windows[-1], recipe)
        return Identified(digests.instance, self._cut.header, None, recipe)

    def finish(self) -> Written:
        """Store the blobs that are not held; to be called after `identify`.

        Raises:
            storage_backends.StorageError: the store cannot take them.
        """
        if self.helper is None:
            self.encode()
        self._remember()
        if self.helper is not None:
            self.helper.result()
        started = time.perf_counter()
        fresh: dict[str, BlobRef] = {}
        began = self._reader.position() if self._held.keys() < set(self._digests) else 0
        for digest, encoded in zip(self._digests, self._encoded, strict=True):
            if digest not in self._held and digest not in fresh:
                fresh[digest] = encoded.store(digest)
        self._metrics.observe(STAGES, self._flushing_s + time.perf_counter() - started, Stage.FSYNC)
        entries = [blob_entry(ref, store) for ref in fresh.values() for store in self._blobs.written_at]
        return Written((*self._held.values(), *entries), frozenset(fresh), began)

    def _remember(self) -> None:
        """Have what was not held in memory for who asks for it next, while the helper may still wait for the disk."""
        for digest, part in zip(self._digests, self._parts, strict=True):
            if digest not in self._held:
                self._blobs.remember(digest, part.content)

    def discard(self) -> None:
        """Forget what was encoded and not stored."""
        for encoded in self._encoded:
            encoded.discard()


def blob_entry(ref: BlobRef, store: str = MAIN) -> BlobEntry:
    """Return what the index keeps of a blob in one store."""
    return BlobEntry(ref.digest, ref.codec.value, ref.plain_size, ref.stored_size, store)


def _parts(content: Content, scanned: Scan, taken_apart: Cut) -> Sequence[_Part]:
    """Return what becomes blobs: the bulk values in order, then the header if it is too long for the index."""
    parts = [_part(content, scanned, value) for value in taken_apart.bulk]
    if len(taken_apart.header) > HEADER_LIMIT_BYTES:
        parts.append(_Part(MemoryContent(taken_apart.header)))
    return parts


def _part(content: Content, scanned: Scan, value: BulkValue) -> _Part:
    return _Part(
        content.part(value.offset, value.length),
        shape=pixel_shape(scanned) if value.path == (PIXEL_DATA,) else None,
        frames=frame_table(scanned, value),
        incompressible=scanned.whole or (value.encapsulated and is_compressed(scanned.transfer_syntax)),
    )
