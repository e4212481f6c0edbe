"""Reading a stored blob: whole, in order, or any range, without trusting a byte of its file.

A damaged file gives BlobDamaged, and no size it states is believed before it is checked against the
size of the file and of the plain blob: it cannot make the reader allocate more than a few chunks.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import zstandard

from storage_backends.backend import Readable
from storage_backends.chunks import LARGEST_CHUNK, PLAIN_CHUNK
from storage_backends.codec import Tools
from storage_backends.content import Plain
from storage_backends.errors import BlobDamaged
from storage_backends.frame_table import Span, StoredFrames, parse_frame_table
from storage_backends.layout import (
    HEAD_SIZE,
    SEEK_FOOTER_SIZE,
    Head,
    SeekTable,
    parse_head,
    parse_seek_table,
    seek_table_size,
)
from storage_backends.planar import Filter, PixelShape, undo
from storage_backends.recent import Part, Recent
from storage_backends.refs import BlobRef
from storage_backends.smallest import OVERHEAD, unpack

READ_AHEAD = 1 << 20
"""A file up to this size is read at once; of larger ones, about as many bytes at a time."""

_TAIL_GUESS = 16 << 10
_SEEK_ENTRY_BYTES = 8
_LARGEST_PACKED = 2 * LARGEST_CHUNK
_LARGEST_FRAME_TABLE = 256 << 20


class RawBlob:
    """A blob stored as its plain bytes."""

    def __init__(self, backend: Readable, ref: BlobRef) -> None:
        size = backend.size(ref.name)
        if size != ref.plain_size:
            raise BlobDamaged(f"{ref.name}: has {size} bytes instead of {ref.plain_size}")
        self._backend, self._name, self._plain_size = backend, ref.name, ref.plain_size

    def pieces(self) -> Iterator[Plain]:
        """Yield the plain bytes in order."""
        for offset in range(0, self._plain_size, PLAIN_CHUNK):
            yield self.range(Span(offset, min(PLAIN_CHUNK, self._plain_size - offset)))

    def range(self, span: Span) -> bytes:
        """Return a part of the plain bytes, which lies inside of the blob."""
        data = self._backend.read(self._name, *span)
        if len(data) != span.length:
            raise BlobDamaged(f"{self._name}: the file was cut off while it was read")
        return data

    @property
    def shape(self) -> PixelShape | None:
        """None: the file does not tell how pixels lie in it."""
        return None

    def frames(self) -> StoredFrames | None:
        """Return None: there is no frame table."""
        return None


class ZstdBlob:
    """A blob in the layout of `storage_backends.layout`."""

    def __init__(self, backend: Readable, ref: BlobRef, *, tools: Tools, recent: Recent | None = None) -> None:
        """Open a file; single chunks are taken from `recent` memory where they are there, and put there."""
        self._ref, self._recent = ref, recent
        self._file = _File(backend, ref.name)
        self._tools = tools
        self.head = self._parse_head(ref.plain_size)
        self._table = self._parse_seek_table()

    @property
    def shape(self) -> PixelShape | None:
        """How pixels lie in the blob; None where no filter was used that has to know."""
        return self.head.shape

    def pieces(self) -> Iterator[Plain]:
        """Yield the plain bytes in order, chunk by chunk."""
        return self._plain(0, self.head.chunks.count)

    def range(self, span: Span) -> bytes:
        """Return a part of the plain bytes, which lies inside of the blob; only its chunks are read."""
        if span.length == 0:
            return b""
        chunks = self.head.chunks
        first, after = chunks.at(span.offset), chunks.at(span.offset + span.length - 1) + 1
        parts = [self._one(first)] if after == first + 1 else list(self._plain(first, after))
        start = span.offset - chunks[first].offset
        plain = parts[0] if len(parts) == 1 else b"".join(parts)
        return bytes(plain[start : start + span.length])

    def frames(self) -> StoredFrames | None:
        """Return the frame table, None if the blob was stored without one."""
        start, end = self._table.starts[-2:].tolist()
        if end - start > _LARGEST_FRAME_TABLE:
            raise BlobDamaged(f"{self._file.name}: a frame table of {end - start} bytes")
        return parse_frame_table(self._file.read(start, end - start))

    @property
    def is_one_filtered_chunk(self) -> bool:
        """Whether `unpack_only_chunk` gives all there is."""
        return self.head.chunks.count == 1 and not self.head.coded

    def unpack_only_chunk(self) -> bytes:
        """Return the filtered bytes of a blob of one chunk."""
        return self._unpack(next(self._packed(0, 1)), 0)

    def _one(self, number: int) -> Plain:
        """Return one chunk, read a moment ago or now."""
        if self._recent is None:
            return next(self._plain(number, number + 1))
        chunk = self.head.chunks[number]
        part = Part(self._ref.digest, chunk.offset)
        plain: Plain | None = self._recent.get(part, chunk.length)
        if plain is None:
            plain = next(self._plain(number, number + 1))
            self._recent.put(part, plain)
        return plain

    def _plain(self, first: int, after: int) -> Iterator[Plain]:
        """Yield the plain bytes of a range of chunks; each may be asked for by another thread."""
        for number, packed in enumerate(self._packed(first, after), first):
            yield self._plain_chunk(packed, number)

    def _plain_chunk(self, packed: memoryview, number: int) -> Plain:
        head = self.head
        if head.coded:
            return self._uncoded(packed, number)
        if head.shape is None:
            return self._unpack(packed, number)
        filtered = self._unpack(packed, number)
        return undo(head.filter, [filtered], shape=head.shape, space=self._tools.space)[0]

    def _packed(self, first: int, after: int) -> Iterator[memoryview]:
        """Yield the zstd frames of a range of chunks, reading several of them at once."""
        starts = self._table.starts
        while first < after:
            end, begin = first + 1, starts[first + 1]
            while end < after and starts[end + 2] - begin <= READ_AHEAD:
                end += 1
            bounds = (starts[first + 1 : end + 2] - begin).tolist()
            packed = memoryview(self._file.read(int(begin), bounds[-1]))
            yield from (packed[start:stop] for start, stop in itertools.pairwise(bounds))
            first = end

    def _uncoded(self, packed: memoryview, number: int) -> Plain:
        """Return the plain bytes of a coded chunk, after its checksum was found right."""
        size = self.head.chunks[number].length
        try:
            return unpack(self._unpack(packed, number), size, self.head.shape, self._tools.space)
        except ValueError as exc:
            raise BlobDamaged(f"{self._file.name}: chunk {number}: {exc}") from exc

    def _unpack(self, packed: memoryview, number: int) -> bytes:
        """Return the filtered bytes of a chunk, or the coded chunk."""
        size, coded = self.head.chunks[number].length, self.head.coded
        try:
            stated = zstandard.get_frame_parameters(packed)
            fits = stated.content_size <= size + OVERHEAD if coded else stated.content_size == size
            if not fits or not stated.has_checksum:
                raise BlobDamaged(f"{self._file.name}: chunk {number} states a wrong size")
            return self._tools.decompressor.decompress(packed, allow_extra_data=False)
        except zstandard.ZstdError as exc:
            raise BlobDamaged(f"{self._file.name}: chunk {number} does not decompress: {exc}") from exc

    def _parse_head(self, plain_size: int) -> Head:
        try:
            head = parse_head(self._file.read(0, min(HEAD_SIZE, self._file.size)))
        except BlobDamaged as exc:
            raise BlobDamaged(f"{self._file.name}: {exc}") from exc
        if head.chunks.plain_size != plain_size:
            raise BlobDamaged(f"{self._file.name}: its head states {head.chunks.plain_size} bytes, not {plain_size}")
        return head

    def _parse_seek_table(self) -> SeekTable:
        file = self._file
        try:
            size = seek_table_size(file.read(max(0, file.size - SEEK_FOOTER_SIZE), min(file.size, SEEK_FOOTER_SIZE)))
            if size > READ_AHEAD and size > _SEEK_ENTRY_BYTES * (self.head.chunks.count + 4):
                raise BlobDamaged("the seek table lists more chunks than the blob has")
            table = parse_seek_table(file.read(file.size - size, size), file_size=file.size)
        except BlobDamaged as exc:
            raise BlobDamaged(f"{file.name}: {exc}") from exc
        chunks = self.head.chunks
        fits = self.head.coded or table.plain_sizes.sum() == chunks.plain_size
        if len(table.plain_sizes) != chunks.count + 2 or not fits:
            raise BlobDamaged(f"{file.name}: the seek table does not list the chunks of the blob")
        if file.size > READ_AHEAD and np.diff(table.starts[1:-1]).max(initial=0) > _LARGEST_PACKED:
            raise BlobDamaged(f"{file.name}: a chunk is packed in more bytes than any can be")
        return table


class PlainBlob:
    """A blob whose plain bytes are in memory; its file is opened when it is asked how frames or pixels lie in it."""

    def __init__(self, plain: bytes, open_file: Callable[[], RawBlob | ZstdBlob]) -> None:
        self._plain, self._open_file = plain, open_file

    def range(self, span: Span) -> bytes:
        """Return a part of the plain bytes, which lies inside of the blob."""
        return self._plain[span.offset : span.offset + span.length]

    @property
    def shape(self) -> PixelShape | None:
        """How pixels lie in the blob, as far as its file tells."""
        return self._open_file().shape

    def frames(self) -> StoredFrames | None:
        """Return the frame table, None if the blob was stored without one."""
        return self._open_file().frames()


StoredBlob: TypeAlias = RawBlob | ZstdBlob | PlainBlob


def decode_together(blobs: Sequence[RawBlob | ZstdBlob], tools: Tools) -> list[Plain]:
    """Return the plain bytes of each blob; small ones of the same shape are decoded at once."""
    plains: dict[int, Plain] = {}
    alike: dict[tuple[Filter, PixelShape, int], dict[int, ZstdBlob]] = {}
    for number, blob in enumerate(blobs):
        if isinstance(blob, ZstdBlob) and blob.head.shape and blob.is_one_filtered_chunk:
            kind = (blob.head.filter, blob.head.shape, blob.head.chunks.plain_size)
            alike.setdefault(kind, {})[number] = blob
        else:
            plains[number] = b"".join(blob.pieces())
    for (filter_, shape, _size), members in alike.items():
        filtered = [member.unpack_only_chunk() for member in members.values()]
        parts = undo(filter_, filtered, shape=shape, space=tools.space)
        plains.update(zip(members, parts, strict=True))
    return [plains[number] for number in range(len(blobs))]


class _File:
    """A stored file that is read whole, if it is small, or else its two ends and then what is asked for."""

    def __init__(self, backend: Readable, name: str) -> None:
        self.name = name
        self._backend = backend
        self._start = backend.read(name, 0, READ_AHEAD)
        self.size, self._end_offset, self._end = len(self._start), 0, self._start
        if self.size == READ_AHEAD:
            self.size = backend.size(name)
            self._end_offset = max(0, self.size - _TAIL_GUESS)
            self._end = backend.read(name, self._end_offset, _TAIL_GUESS)

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly these bytes of the file."""
        if offset < 0 or offset + length > self.size:
            raise BlobDamaged(f"{self.name}: it should reach byte {offset + length}, but has {self.size}")
        if offset + length <= len(self._start):
            return self._start[offset : offset + length]
        if offset >= self._end_offset:
            return self._end[offset - self._end_offset :][:length]
        data = self._backend.read(self.name, offset, length)
        if len(data) != length:
            raise BlobDamaged(f"{self.name}: the file was cut off while it was read")
        return data
