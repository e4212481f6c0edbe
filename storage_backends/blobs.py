"""Blobs: immutable byte strings named by the SHA-256 of their plain bytes, stored encoded.

`BlobStore` is the one door to stored bytes. Whatever it hands out whole has been compared with its
digest; parts have been compared with the checksum of their chunks. Nothing outside of it knows where
in which file a byte lies.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Final, TypeVar

from storage_backends.backend import Backend, Readable, Staged
from storage_backends.codec import CODECS, Codec, Encoder, Hints, Tools
from storage_backends.content import Content, MemoryContent, Plain
from storage_backends.copying import taken, unpacked
from storage_backends.errors import BlobDamaged, BlobNotFound, FrameNotFound
from storage_backends.frame_table import FrameTable, Span, StoredFragments, StoredFrames, as_frame_table
from storage_backends.mirror import MirroredStaged
from storage_backends.planar import PixelShape
from storage_backends.recent import MOST_BYTES, Part, Recent
from storage_backends.refs import BlobRef, EncodedBlob
from storage_backends.stored import PlainBlob, RawBlob, StoredBlob, ZstdBlob, decode_together

_Result = TypeVar("_Result")

MAIN: Final = ""
"""The name of the store itself among its replicas."""

_HASHED_AT_ONCE = 1 << 20
_HASHED_HERE = 32 << 10
"""Up to this size hashing takes less time than handing it to another thread."""


class BlobStore:
    """Encodes, decodes and checks the blobs of one backend. Safe to use from any number of threads.

    `replicas` are further stores of the same blobs, by name. It reads and deletes in its own backend alone; it writes
    there too, or, if `mirrored`, to all of the replicas as well: `written_at` says to which. `tiers` are stores of some
    of the blobs, nearest first, each with a codec of its own; nothing is written to them but through `at`.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        codec: Codec = Codec.DENSE,
        replicas: "Mapping[str, BlobStore] | None" = None,
        tiers: "Mapping[str, BlobStore] | None" = None,
        mirrored: bool = False,
    ) -> None:
        """Make the door to a backend; replicas and tiers are closed with it."""
        self.backend, self.replicas, self.tiers = backend, dict(replicas or {}), dict(tiers or {})
        self._mirrors = {name: store.backend for name, store in self.replicas.items()} if mirrored else {}
        self.written_at: tuple[str, ...] = (MAIN, *self._mirrors)
        self.codec = codec
        self._tools = Tools()
        self._recent: Recent | None = None
        self._encoder = Encoder(self._tools)
        self._threads = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="blobs")

    def close(self) -> None:
        """Stop the helper threads; the store is not to be used any more."""
        self._threads.shutdown()
        for other in (*self.replicas.values(), *self.tiers.values()):
            other.close()

    def remember_in(self, recent: Recent) -> None:
        """Keep what comes here, and what is handed out of this store, its replicas and tiers, in this memory."""
        self._recent = recent
        for other in (*self.replicas.values(), *self.tiers.values()):
            other.remember_in(recent)

    def remember(self, digest: str, content: Content) -> None:
        """Keep what has just come, and was found to have this digest, for who asks for it next."""
        if self._recent and content.size <= MOST_BYTES:
            self._recent.put(Part(digest, checked=True), content.buffer(), came=True)

    @property
    def stores(self) -> "dict[str, BlobStore]":
        """This store as `MAIN`, the replicas and the tiers, by name."""
        return {MAIN: self, **self.replicas, **self.tiers}

    def at(self, name: str) -> "BlobStore":
        """Return the replica or tier of this name, or for `MAIN` the store itself.

        Raises:
            KeyError: there is no such store.
        """
        return self.stores[name] if name else self

    def encode(
        self,
        content: Content,
        *,
        shape: PixelShape | None = None,
        frames: FrameTable | None = None,
        incompressible: bool = False,
    ) -> EncodedBlob:
        """Encode a blob into a staged file; its digest may be computed meanwhile, by whoever asks for this.

        Args:
            shape: of native pixel data; a shape that the size contradicts is ignored.
            frames: kept in the file, for `frame`.
            incompressible: the bytes are compressed already, so that trying again is a waste.

        Raises:
            NoSpace, StoreUnavailable: nothing is left of it.
            ValueError: the frame table names bytes outside of the content.
        """
        staged = self._stage()
        try:
            hints = Hints(shape, frames, incompressible)
            stored_size = self._encoder.encode(content, codec=self.codec, hints=hints, write=staged.write)
        except BaseException:
            staged.discard()
            raise
        return EncodedBlob(staged, self.codec, plain_size=content.size, stored_size=stored_size)

    def put(
        self,
        content: Content,
        *,
        shape: PixelShape | None = None,
        frames: FrameTable | None = None,
        incompressible: bool = False,
    ) -> BlobRef:
        """Encode and store a blob, which another thread hashes meanwhile; see `encode`."""
        digest = self._hash(content)
        try:
            encoded = self.encode(content, shape=shape, frames=frames, incompressible=incompressible)
        finally:
            wait([digest])  # the caller may close the content as soon as we return
        try:
            return encoded.store(digest.result())
        finally:
            encoded.discard()

    def get(self, ref: BlobRef) -> bytes:
        """Return the plain bytes of a blob.

        Raises:
            BlobNotFound: the backend does not have it.
            BlobDamaged: its file does not give the bytes it is named by.
        """
        pieces = list(self.stream(ref))
        return b"".join(pieces)

    def stream(self, ref: BlobRef) -> Iterator[Plain]:
        """Return the plain bytes of a blob in order, in memory for a few chunks.

        The last chunk is handed out only after the digest was found right: what is complete is right.

        Raises:
            BlobNotFound: at once.
            BlobDamaged: at once, or from the iterator after some chunks.
        """
        return self._checked(ref, self._open(ref))

    def get_many(self, refs: Sequence[BlobRef]) -> list[Plain]:
        """Return the plain bytes of many blobs; small ones of the same shape share the passes that undo their filter.

        All of it is done by the calling thread: handing parts to others cost more than they gained. What was read so a
        moment ago is not read again.

        Raises:
            BlobNotFound, BlobDamaged: as `get`, for the first such blob.
        """
        found: dict[BlobRef, Plain] = {ref: kept for ref in refs if (kept := self._remembered(ref, checked=True))}
        missing = [ref for ref in refs if ref not in found]
        decoded = decode_together([self._open(ref) for ref in missing], self._tools)
        for ref, plain in zip(missing, decoded, strict=True):
            _check_digest(ref, hashlib.sha256(plain).hexdigest())
            found[ref] = plain
            if self._recent:
                self._recent.put(Part(ref.digest, checked=True), plain)
        return [found[ref] for ref in refs]

    def opened(self, ref: BlobRef) -> StoredBlob:
        """Open a blob for reading parts of it; what it gives was compared with the checksum of its chunk.

        What was read so a moment ago is not read again: the blob may be open though its file is gone.

        Raises:
            BlobNotFound, BlobDamaged: as `get`.
        """
        plain = self._remembered(ref, checked=True) or self._remembered(ref)
        if plain is not None:
            return PlainBlob(plain, lambda: self._open(ref))
        return self._open(ref, recent=self._recent)

    def range(self, ref: BlobRef, offset: int, length: int) -> bytes:
        """Return a part of the plain bytes; only the chunks that hold it are read and checked.

        Raises:
            ValueError: it does not lie inside of the blob.
            BlobNotFound, BlobDamaged: as `get`.
        """
        if offset < 0 or length < 0 or offset + length > ref.plain_size:
            raise ValueError(f"range {offset}+{length} lies outside of blob {ref.digest} of {ref.plain_size} bytes")
        return self._open(ref).range(Span(offset, length))

    def frame(self, ref: BlobRef, number: int) -> bytes:
        """Return an image frame, counted from 1, its fragments joined.

        Raises:
            FrameNotFound: the blob has fewer frames, or no frame table.
            BlobNotFound, BlobDamaged: as `get`.
        """
        blob = self._open(ref)
        spans = _frames(ref, blob).frame(number)
        if any(span.offset + span.length > ref.plain_size for span in spans):
            raise BlobDamaged(f"{ref.name}: frame {number} lies outside of the blob")
        parts = [blob.range(span) for span in spans]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def frame_count(self, ref: BlobRef) -> int:
        """Return how many image frames a blob has.

        Raises:
            FrameNotFound: the blob has no frame table.
            BlobNotFound, BlobDamaged: as `get`.
        """
        return _frames(ref, self._open(ref)).count

    def verify(self, ref: BlobRef) -> None:
        """Read a blob and compare it with its digest.

        Raises:
            BlobNotFound, BlobDamaged: as `get`.
        """
        for _ in self.stream(ref):
            pass

    def copy_from(self, source: "BlobStore", ref: BlobRef, *, spool: Path | None = None) -> None:
        """Bring the file of a blob here from another store, as it is, and read it back; what is here is replaced.

        It is checked before anything is written here: what is no sound copy never takes the place of one.

        Args:
            spool: folder of temporary files, for what does not fit in memory.

        Raises:
            BlobNotFound, BlobDamaged: the source has no sound copy, or (of this store's file) it did not arrive so.
            NoSpace, StoreUnavailable: this store or the source failed.
        """
        with taken(source.backend, ref.name, spool) as file:
            for _ in self._checked(ref, self._open(ref, file)):
                pass
            staged = self.backend.stage()
            try:
                for piece in file.pieces():
                    staged.write(piece)
                staged.commit(ref.name)
            finally:
                staged.discard()
        self.verify(ref)

    def reencode(
        self, ref: BlobRef, source: "BlobStore", *, shape: PixelShape | None = None, spool: Path | None = None
    ) -> BlobRef:
        """Bring a blob here from another store in the codec of this one, and read it back; what is here is replaced.

        Args:
            shape: of native pixel data, for a source whose file does not tell.
            spool: folder of temporary files, for what does not fit in memory.

        Raises:
            BlobNotFound, BlobDamaged: the source has no sound copy, or (of this store's file) it did not arrive so.
            NoSpace, StoreUnavailable: this store or the source failed.
        """
        if ref.codec is self.codec:
            self.copy_from(source, ref, spool=spool)
            return ref
        opened = source.opened(ref)
        frames, known = opened.frames(), opened.shape
        with unpacked(source.stream(ref), ref.plain_size, spool) as content:
            fragmented = isinstance(frames, StoredFragments)
            table = as_frame_table(frames)
            encoded = self.encode(content, shape=known or shape, frames=table, incompressible=fragmented)
            try:
                written = encoded.store(ref.digest)
            finally:
                encoded.discard()
        self.verify(written)
        return written

    def exists(self, ref: BlobRef) -> bool:
        """Tell whether the backend has the file of a blob."""
        try:
            self.backend.size(ref.name)
        except BlobNotFound:
            return False
        return True

    def delete(self, ref: BlobRef) -> None:
        """Remove the file of a blob, and what is remembered of it; one that is not there is fine."""
        self.backend.delete(ref.name)
        if self._recent:
            self._recent.forget(ref.digest)

    def names(self) -> Iterator[tuple[str, Codec]]:
        """Yield digest and codec of every blob; files of a codec unknown here are left alone."""
        for name in self.backend.names():
            digest, _, suffix = name.partition(".")
            codec = CODECS.get(suffix)
            if codec is not None:
                yield digest, codec

    def free_bytes(self) -> int | None:
        """Return how much more can be written, None if there is no telling."""
        return self.backend.free_bytes()

    def total_bytes(self) -> int | None:
        """Return how much the backend can hold in all, None if there is no telling."""
        return self.backend.total_bytes()

    def _stage(self) -> Staged:
        return MirroredStaged(self.backend, self._mirrors) if self._mirrors else self.backend.stage()

    def _open(self, ref: BlobRef, place: Readable | None = None, recent: Recent | None = None) -> RawBlob | ZstdBlob:
        place = place or self.backend
        if ref.codec is Codec.RAW:
            return RawBlob(place, ref)
        return ZstdBlob(place, ref, tools=self._tools, recent=recent)

    def _remembered(self, ref: BlobRef, *, checked: bool = False) -> bytes | None:
        """Return a blob that was read a moment ago; `checked` if only one will do that was compared with its digest."""
        return self._recent.get(Part(ref.digest, checked=checked), ref.plain_size) if self._recent else None

    def _hash(self, content: Content) -> "Future[str]":
        if content.size <= _HASHED_HERE:
            return _done(_digest(content))
        return self._threads.submit(_digest, content)

    def _checked(self, ref: BlobRef, blob: RawBlob | ZstdBlob) -> Iterator[Plain]:
        """Yield a blob's chunks, each hashed by another thread while the next one is decoded."""
        digest, hashed = hashlib.sha256(), _done(None)
        held: Plain = b""
        for piece in blob.pieces():
            if held:
                hashed.result()
                hashed = self._threads.submit(digest.update, held)
                yield held
            held = piece
        hashed.result()
        digest.update(held)
        _check_digest(ref, digest.hexdigest())
        if held:
            yield held


def _frames(ref: BlobRef, blob: RawBlob | ZstdBlob) -> StoredFrames:
    frames = blob.frames()
    if frames is None:
        raise FrameNotFound(f"{ref.name} was stored without a frame table")
    return frames


def _digest(content: Content) -> str:
    if isinstance(content, MemoryContent):
        return hashlib.sha256(content.read(0, content.size)).hexdigest()
    digest = hashlib.sha256()
    for offset in range(0, content.size, _HASHED_AT_ONCE):
        digest.update(content.read(offset, min(_HASHED_AT_ONCE, content.size - offset)))
    return digest.hexdigest()


def _check_digest(ref: BlobRef, digest: str) -> None:
    if digest != ref.digest:
        raise BlobDamaged(f"{ref.name}: its bytes have the digest {digest}")


def _done(result: _Result) -> "Future[_Result]":
    future: Future[_Result] = Future()
    future.set_result(result)
    return future
