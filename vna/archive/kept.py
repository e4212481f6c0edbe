"""How held versions are kept, fetched from index and store: header, recipe and blobs of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from storage_backends import BlobRef, BlobStore, Codec, Span
from storage_backends.frame_table import StoredFrames
from storage_backends.stored import StoredBlob
from vna.archive.headers import HeaderCodec
from vna.archive.payload import unpack
from vna.archive.translation import storage_errors
from vna.dicom.recipe import HeaderPiece, Recipe, plan
from vna.dicom.values import StoredDataSet
from vna.errors import Damaged, NotOnline
from vna.events import BlobEntry
from vna.index import HeldInstance, Reader, StoredForm

_STEP: Final = 2**20

Chunk = bytes | memoryview
Result = TypeVar("Result")
Rescue = Callable[[BlobEntry], BlobEntry | None]
"""Gives a place that has the right bytes of a damaged blob, None if there is none."""


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
    """Fetches versions from where they are kept.

    With `rescue`, a blob found damaged is asked for at the place that this gives, before anything is said of it. In the
    middle of a long blob, when some of it has been handed out, that is too late: the next reader gets it then. What is
    fetched is `told`, which may refuse it.
    """

    def __init__(
        self,
        reader: Reader,
        blobs: BlobStore,
        headers: HeaderCodec,
        rescue: Rescue | None = None,
        told: Callable[[Sequence[HeldInstance], Sequence[StoredForm]], None] | None = None,
    ) -> None:
        self._reader, self._blobs, self._headers = reader, blobs, headers
        self._rescue: Rescue = rescue or (lambda _blob: None)
        self._told = told or (lambda _instances, _forms: None)

    def telling(self, told: Callable[[Sequence[HeldInstance], Sequence[StoredForm]], None]) -> "Shelf":
        """Return the same shelf, of which somebody is told what is fetched."""
        return Shelf(self._reader, self._blobs, self._headers, self._rescue, told)

    def fetch(self, instances: Sequence[HeldInstance]) -> list[Kept]:
        """Return how these versions are kept, in their order; no blob but long headers is read.

        Raises:
            Damaged: the index or the store has lost a part of one.
        """
        forms = self._reader.stored_forms([held.version_id for held in instances])
        if len(forms) != len(instances):
            raise Damaged("the index does not say how an instance is kept")
        self._told(instances, forms)
        return [self._kept(held, form) for held, form in zip(instances, forms, strict=True)]

    def decode(self, kept: Sequence[Kept]) -> dict[str, Chunk]:
        """Return all blobs of these versions, decoded together, by digest."""
        wanted = {piece.digest: one.blobs[piece.digest] for one in kept for piece in one.recipe.pieces}
        try:
            with storage_errors():
                found = self._get_all(list(wanted.values()))
        except Damaged:
            found = [self._get(blob) for blob in wanted.values()]
        return dict(zip(wanted, found, strict=True))

    def stream(self, blob: BlobEntry) -> Iterator[Chunk]:
        """Give a blob chunk by chunk, the last one only when its digest was found right."""
        begun = False
        try:
            with storage_errors():
                for chunk in store_of(self._blobs, blob).stream(blob_ref(blob)):
                    begun = True
                    yield chunk
            return
        except Damaged:
            other = self._rescue(blob)
            if other is None or begun:
                raise
        with storage_errors():
            yield from store_of(self._blobs, other).stream(blob_ref(other))

    def opened(self, blob: BlobEntry) -> "OpenedBlob":
        """Open a blob for reading parts of it.

        Raises:
            Damaged: no store has it.
        """
        return OpenedBlob(blob, self._blobs, self._rescue)

    def spans(self, blob: BlobEntry, spans: Sequence[Span]) -> Iterator[Chunk]:
        """Give parts of a blob, of which nothing else is read; they are compared with the checksums of their chunks."""
        opened = self.opened(blob)
        for span in spans:
            for at in range(span.offset, span.offset + span.length, _STEP):
                yield opened.range(Span(at, min(_STEP, span.offset + span.length - at)))

    def chunks(self, kept: Kept, decoded: Mapping[str, Chunk], start: int = 0) -> Iterator[Chunk]:
        """Give the data set of a version byte for byte, from a byte on; blobs not in `decoded` are streamed."""
        for piece in plan(kept.header, kept.recipe, kept.sizes):
            size = len(piece.data) if isinstance(piece, HeaderPiece) else piece.size
            skip, start = min(start, size), max(0, start - size)
            if skip and skip == size:
                continue
            if isinstance(piece, HeaderPiece):
                yield piece.data[skip:]
            elif piece.digest in decoded:
                yield memoryview(decoded[piece.digest])[skip:] if skip else decoded[piece.digest]
            elif skip:
                yield from self.spans(kept.blobs[piece.digest], [Span(skip, size - skip)])
            else:
                yield from self.stream(kept.blobs[piece.digest])

    def data_set(self, kept: Kept, decoded: Mapping[str, Chunk]) -> StoredDataSet:
        """Return a version in the form conversions work on; blobs not in `decoded` are streamed."""

        def open_blob(digest: str) -> Iterator[Chunk]:
            return iter((decoded[digest],)) if digest in decoded else self.stream(kept.blobs[digest])

        return StoredDataSet(kept.held.transfer_syntax, kept.header, kept.recipe, kept.sizes, open_blob)

    def _get_all(self, blobs: Sequence[BlobEntry]) -> list[Chunk]:
        """Return whole blobs, those of one store decoded together."""
        by_store: dict[str, list[BlobEntry]] = {}
        for blob in blobs:
            by_store.setdefault(blob.store, []).append(blob)
        found: dict[str, Chunk] = {}
        for here in by_store.values():
            plains = store_of(self._blobs, here[0]).get_many([blob_ref(blob) for blob in here])
            found.update(zip((blob.digest for blob in here), plains, strict=True))
        return [found[blob.digest] for blob in blobs]

    def _kept(self, held: HeldInstance, form: StoredForm) -> Kept:
        parts = unpack(self._headers.unpack(form.header, form.base))
        recipe = Recipe.from_cbor(form.recipe)
        named = {piece.digest for piece in recipe.pieces} | ({parts.header_blob} if parts.header_blob else set())
        if not named <= form.blobs.keys():
            raise Damaged(f"the index has lost a blob of instance {held.key.instance}")
        header = parts.header
        if parts.header_blob is not None:
            header = self._get(form.blobs[parts.header_blob])
        return Kept(held, header, recipe, form.blobs, parts.part10_head)

    def _get(self, blob: BlobEntry) -> bytes:
        """Return a whole blob; so no damage in it is found too late."""
        try:
            with storage_errors():
                return store_of(self._blobs, blob).get(blob_ref(blob))
        except Damaged:
            other = self._rescue(blob)
            if other is None:
                raise
        with storage_errors():
            return store_of(self._blobs, other).get(blob_ref(other))


def part_of(chunks: Iterator[Chunk | bytearray], part: range) -> Iterator[Chunk]:
    """Give a range of what comes in chunks, passing over what lies before it."""
    at = 0
    for chunk in chunks:
        piece = memoryview(chunk)[max(0, part.start - at) : max(0, part.stop - at)]
        at += len(chunk)
        if piece:
            yield piece
        if at >= part.stop:
            return


class OpenedBlob:
    """A blob opened for reading parts of it; what is found damaged is read where it is sound, if it is anywhere."""

    def __init__(self, blob: BlobEntry, blobs: BlobStore, rescue: Rescue) -> None:
        """Open it.

        Raises:
            Damaged: no store has it.
        """
        self._blob, self._blobs, self._rescue = blob, blobs, rescue
        try:
            self._opened = self._open(blob)
        except Damaged as exc:
            self._opened = self._open_elsewhere(exc)

    def range(self, span: Span) -> bytes:
        """Return a part, compared with the checksum of its chunk.

        Raises:
            Damaged: it does not lie inside of the blob, or no store has it sound.
        """
        if span.offset + span.length > self._blob.plain_size:
            raise Damaged(f"blob {self._blob.digest} has {self._blob.plain_size} bytes, and none at {span.offset}")
        return self._read(lambda opened: opened.range(span))

    def frames(self) -> StoredFrames | None:
        """Return where image frames lie, None if that is not known.

        Raises:
            Damaged: no store says it soundly.
        """
        return self._read(lambda opened: opened.frames())

    def _read(self, read: Callable[[StoredBlob], Result]) -> Result:
        try:
            with storage_errors():
                return read(self._opened)
        except Damaged as exc:
            self._opened = self._open_elsewhere(exc)
        with storage_errors():
            return read(self._opened)

    def _open(self, blob: BlobEntry) -> StoredBlob:
        with storage_errors():
            return store_of(self._blobs, blob).opened(blob_ref(blob))

    def _open_elsewhere(self, damage: Damaged) -> StoredBlob:
        other = self._rescue(self._blob)
        if other is None:
            raise damage
        return self._open(other)


def store_of(blobs: BlobStore, blob: BlobEntry) -> BlobStore:
    """Return the store that a blob lies in.

    Raises:
        NotOnline: the settings do not name it any more.
    """
    try:
        return blobs.at(blob.store)
    except KeyError:
        raise NotOnline(f"blob {blob.digest} lies in store {blob.store}, which the settings do not name") from None


def blob_ref(entry: BlobEntry) -> BlobRef:
    """Return the name of a stored blob for the store."""
    return BlobRef(entry.digest, Codec(entry.codec), entry.plain_size, entry.stored_size)
