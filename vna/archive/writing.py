"""Writing the blobs of one arriving data set, those that are not held yet."""

from dataclasses import dataclass

from storage_backends import BlobRef, BlobStore, Content, MemoryContent, PreparedBlob
from vna.archive.payload import HEADER_LIMIT_BYTES
from vna.dicom.encoding import PIXEL_DATA
from vna.dicom.frames import frame_table, pixel_shape
from vna.dicom.recipe import cut
from vna.dicom.scan import BulkValue, Scan
from vna.dicom.supported import is_compressed
from vna.events import BlobEntry
from vna.index import Reader


@dataclass(frozen=True, slots=True)
class Written:
    """A data set taken apart and written: its header, its recipe, its blobs; `fresh` were written now."""

    header: bytes
    header_blob: str | None
    recipe: bytes
    blobs: tuple[BlobEntry, ...]
    fresh: frozenset[str]


class BlobWriter:
    """Takes data sets apart and makes their blobs durable."""

    def __init__(self, blobs: BlobStore, reader: Reader) -> None:
        self._blobs, self._reader = blobs, reader

    def write(self, content: Content, scanned: Scan) -> Written:
        """Write every blob of the data set that is not present yet; durable on return.

        Raises:
            storage_backends.StorageError: the store cannot take them; nothing of it is visible.
        """
        prepared: list[PreparedBlob] = []
        try:
            parts = cut(scanned, content.size)
            prepared.extend(self._prepare(content, scanned, value) for value in parts.bulk)
            recipe = parts.recipe([blob.ref.digest for blob in prepared])
            header_blob = self._header_blob(parts.header, prepared)
            entries, fresh = self._store(prepared)
        finally:
            for blob in prepared:
                blob.discard()
        header = parts.header if header_blob is None else b""
        return Written(header, header_blob, recipe.to_cbor(), entries, fresh)

    def rewrite(self, content: Content, scanned: Scan, digests: tuple[str, ...]) -> frozenset[str]:
        """Write these blobs of the data set again, whatever the index says of them."""
        fresh: set[str] = set()
        parts = cut(scanned, content.size)
        for value in parts.bulk:
            blob = self._prepare(content, scanned, value)
            try:
                if blob.ref.digest in digests:
                    blob.store()
                    fresh.add(blob.ref.digest)
            finally:
                blob.discard()
        if len(parts.header) > HEADER_LIMIT_BYTES:
            fresh.add(self._blobs.put(MemoryContent(parts.header)).digest)
        return frozenset(fresh)

    def _prepare(self, content: Content, scanned: Scan, value: BulkValue) -> PreparedBlob:
        window = content.part(value.offset, value.length)
        incompressible = scanned.whole or (value.encapsulated and is_compressed(scanned.transfer_syntax))
        shape = pixel_shape(scanned) if value.path == (PIXEL_DATA,) else None
        return self._blobs.prepare(
            window, shape=shape, frames=frame_table(scanned, value), incompressible=incompressible
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
