"""Writing the blobs of one arriving data set, those that are not held yet."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from storage_backends import BlobRef, BlobStore, Content, MemoryContent, PreparedBlob
from vna.archive.digests import Digests, compute_digests
from vna.archive.payload import HEADER_LIMIT_BYTES
from vna.dicom.encoding import PIXEL_DATA
from vna.dicom.frames import frame_table, pixel_shape
from vna.dicom.recipe import Cut, cut
from vna.dicom.scan import BulkValue, Scan
from vna.dicom.supported import is_compressed
from vna.events import BlobEntry
from vna.index import Reader


@dataclass(frozen=True, slots=True)
class Written:
    """A data set taken apart and written: its digest, header, recipe and blobs; `fresh` were written now."""

    digest: str
    header: bytes
    header_blob: str | None
    recipe: bytes
    blobs: tuple[BlobEntry, ...]
    fresh: frozenset[str]


class BlobWriter:
    """Takes data sets apart and makes their blobs durable."""

    def __init__(self, blobs: BlobStore, reader: Reader) -> None:
        self._blobs, self._reader = blobs, reader
        self._hashing = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="digests")

    def close(self) -> None:
        """End the threads that hash."""
        self._hashing.shutdown()

    def write(self, content: Content, scanned: Scan) -> Written:
        """Write every blob of the data set that is not present yet; durable on return.

        Raises:
            storage_backends.StorageError: the store cannot take them; nothing of it is visible.
        """
        parts = cut(scanned, content.size)
        windows = [content.part(value.offset, value.length) for value in parts.bulk]
        digests = self._hashing.submit(compute_digests, scanned.transfer_syntax, content, windows)
        prepared: list[PreparedBlob] = []
        try:
            for number, value in enumerate(parts.bulk):
                prepared.append(self._prepare(windows[number], scanned, value, _nth(digests, number)))
            return self._finish(parts, prepared, digests.result())
        finally:
            wait([digests])  # the content may be gone as soon as we return
            for blob in prepared:
                blob.discard()

    def _finish(self, parts: Cut, prepared: list[PreparedBlob], digests: Digests) -> Written:
        recipe = parts.recipe(digests.windows)
        header_blob = self._header_blob(parts.header, prepared)
        entries, fresh = self._store(prepared)
        header = parts.header if header_blob is None else b""
        return Written(digests.instance, header, header_blob, recipe.to_cbor(), entries, fresh)

    def rewrite(self, content: Content, scanned: Scan, digests: tuple[str, ...]) -> frozenset[str]:
        """Write these blobs of the data set again, whatever the index says of them."""
        fresh: set[str] = set()
        parts = cut(scanned, content.size)
        for value in parts.bulk:
            blob = self._prepare(content.part(value.offset, value.length), scanned, value)
            try:
                if blob.ref.digest in digests:
                    blob.store()
                    fresh.add(blob.ref.digest)
            finally:
                blob.discard()
        if len(parts.header) > HEADER_LIMIT_BYTES:
            fresh.add(self._blobs.put(MemoryContent(parts.header)).digest)
        return frozenset(fresh)

    def _prepare(
        self, window: Content, scanned: Scan, value: BulkValue, digest: Callable[[], str] | None = None
    ) -> PreparedBlob:
        return self._blobs.prepare(
            window,
            shape=pixel_shape(scanned) if value.path == (PIXEL_DATA,) else None,
            frames=frame_table(scanned, value),
            incompressible=scanned.whole or (value.encapsulated and is_compressed(scanned.transfer_syntax)),
            digest=digest,
        )

    def _header_blob(self, header: bytes, prepared: list[PreparedBlob]) -> str | None:
        if len(header) <= HEADER_LIMIT_BYTES:
            return None
        prepared.append(self._blobs.prepare(MemoryContent(header)))
        return prepared[-1].ref.digest

    def _store(self, prepared: list[PreparedBlob]) -> tuple[tuple[BlobEntry, ...], frozenset[str]]:
        held = self._reader.present_blobs([blob.ref.digest for blob in prepared])
        fresh: set[str] = set()
        for blob in prepared:
            if blob.ref.digest not in held:
                blob.store()
                held[blob.ref.digest] = blob_entry(blob.ref)
                fresh.add(blob.ref.digest)
        return tuple(held.values()), frozenset(fresh)


def blob_entry(ref: BlobRef) -> BlobEntry:
    """Return what the index keeps of a stored blob."""
    return BlobEntry(ref.digest, ref.codec.value, ref.plain_size, ref.stored_size)


def _nth(digests: Future[Digests], number: int) -> Callable[[], str]:
    return lambda: digests.result().windows[number]
