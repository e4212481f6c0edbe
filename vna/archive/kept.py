"""How held versions are kept, fetched from index and store: header, recipe and blobs of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from storage_backends import BlobRef, BlobStore, Codec
from vna.archive.headers import HeaderCodec
from vna.archive.payload import unpack
from vna.archive.translation import storage_errors
from vna.dicom.recipe import Recipe
from vna.dicom.values import StoredDataSet
from vna.errors import Damaged
from vna.events import BlobEntry
from vna.index import HeldInstance, Reader, StoredForm

Chunk = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Kept:
    """One version as it is kept: its plain header, its recipe, and its blobs by digest."""

    held: HeldInstance
    header: bytes
    recipe: Recipe
    blobs: Mapping[str, BlobEntry]
    part10_head: bytes

    @property
    def sizes(self) -> dict[str, int]:
        """Plain size in bytes of each blob."""
        return {digest: entry.plain_size for digest, entry in self.blobs.items()}


class Shelf:
    """Fetches versions from where they are kept."""

    def __init__(self, reader: Reader, blobs: BlobStore, headers: HeaderCodec) -> None:
        self._reader, self._blobs, self._headers = reader, blobs, headers

    def fetch(self, instances: Sequence[HeldInstance]) -> list[Kept]:
        """Return how these versions are kept, in their order; no blob but long headers is read.

        Raises:
            Damaged: the index or the store has lost a part of one.
        """
        forms = self._reader.stored_forms([held.version_id for held in instances])
        if len(forms) != len(instances):
            raise Damaged("the index does not say how an instance is kept")
        return [self._kept(held, form) for held, form in zip(instances, forms, strict=True)]

    def decode(self, kept: Sequence[Kept]) -> dict[str, Chunk]:
        """Return all blobs of these versions, decoded together, by digest."""
        wanted = {piece.digest: blob_ref(one.blobs[piece.digest]) for one in kept for piece in one.recipe.pieces}
        with storage_errors():
            return dict(zip(wanted, self._blobs.get_many(list(wanted.values())), strict=True))

    def stream(self, blob: BlobEntry) -> Iterator[Chunk]:
        """Give a blob chunk by chunk, the last one only when its digest was found right."""
        with storage_errors():
            yield from self._blobs.stream(blob_ref(blob))

    def is_sound(self, blob: BlobEntry) -> bool:
        """Return whether a blob is there and its bytes give its digest."""
        try:
            with storage_errors():
                self._blobs.verify(blob_ref(blob))
        except Damaged:
            return False
        return True

    def data_set(self, kept: Kept, decoded: Mapping[str, Chunk]) -> StoredDataSet:
        """Return a version in the form conversions work on; blobs not in `decoded` are streamed."""

        def open_blob(digest: str) -> Iterator[Chunk]:
            return iter((decoded[digest],)) if digest in decoded else self.stream(kept.blobs[digest])

        return StoredDataSet(kept.held.transfer_syntax, kept.header, kept.recipe, kept.sizes, open_blob)

    def _kept(self, held: HeldInstance, form: StoredForm) -> Kept:
        parts = unpack(self._headers.unpack(form.header, form.base))
        recipe = Recipe.from_cbor(form.recipe)
        named = {piece.digest for piece in recipe.pieces} | ({parts.header_blob} if parts.header_blob else set())
        if not named <= form.blobs.keys():
            raise Damaged(f"the index has lost a blob of instance {held.key.instance}")
        header = parts.header
        if parts.header_blob is not None:
            with storage_errors():
                header = self._blobs.get(blob_ref(form.blobs[parts.header_blob]))
        return Kept(held, header, recipe, form.blobs, parts.part10_head)


def blob_ref(entry: BlobEntry) -> BlobRef:
    """Return the name of a stored blob for the store."""
    return BlobRef(entry.digest, Codec(entry.codec), entry.plain_size, entry.stored_size)
