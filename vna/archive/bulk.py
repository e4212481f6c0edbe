"""Bulk values of held instances one by one, whole or in part; of those in blobs only what is asked for is read.

Uncompressed values are little endian. Text is UTF-8 (PS3.18 F.2.2). A document is given as the file it is, a video as
one stream. Compressed images are frames, and given as such (`vna.archive.frames`).
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from struct import Struct
from threading import Lock
from typing import Final

from storage_backends import Span
from vna.archive.kept import Chunk, Shelf, part_of
from vna.dicom.bulk_path import BulkPath, Found, find_value
from vna.dicom.describe import LOCALIZED_VRS
from vna.dicom.encoding import ENCAPSULATED_DOCUMENT, PIXEL_DATA, WORD
from vna.dicom.fragments import item_spans
from vna.dicom.frames import VIDEO_UIDS
from vna.dicom.text import decode
from vna.dicom.values import Bulk, ElementReader, StoredDataSet, bulk_chunks, inflated
from vna.errors import NotFound
from vna.events import BlobEntry
from vna.index import HeldInstance

_STEP: Final = 2**20
_MOST_TEXT: Final = 64 * 2**20
"""Text beyond this size is given as it is stored."""
_REMEMBERED: Final = 32
"""Videos whose fragments are known are read without looking for them again."""
_DOCUMENT_TYPE: Final = 0x0042_0012
_DOCUMENT_LENGTH: Final = 0x0042_0015

_read_item: Final = Struct("<HHI").unpack_from
_Read = Callable[[range], Iterator[Chunk]]


@dataclass(frozen=True, slots=True)
class BulkContent:
    """A value that can be read: `chunks` gives a range of its `size` bytes.

    `document_type` is the MIME Type of Encapsulated Document (0042,0012), empty for anything else. Where
    `is_compressed_images` is set, the bytes are those of all fragments put end to end.
    """

    size: int
    chunks: _Read
    document_type: str = ""
    is_video: bool = False
    is_compressed_images: bool = False


class BulkReader:
    """Reads bulk values of held instances. Thread-safe."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._lock = Lock()
        self._fragments: OrderedDict[str, tuple[Span, ...]] = OrderedDict()

    def open(self, held: HeldInstance, path: BulkPath) -> BulkContent:
        """Open a value by the way to it.

        Raises:
            NotFound: there is no such value, or it is a sequence.
            Damaged: stored bytes are missing or damaged; later damage is raised from `chunks`.
        """
        kept = self._shelf.fetch([held])[0]
        stored = inflated(self._shelf.data_set(kept, {}))
        reader = ElementReader(stored)
        found = find_value(reader, path)
        if found is None:
            raise NotFound(f"instance {held.key.instance} has no such value")
        if path == (ENCAPSULATED_DOCUMENT,):
            return _document(reader, self._content(found, stored, kept.blobs.get(_digest(found))))
        content = self._content(found, stored, kept.blobs.get(_digest(found)))
        if path == (PIXEL_DATA,) and found.value.fragments:
            is_video = held.transfer_syntax in VIDEO_UIDS
            return BulkContent(content.size, content.chunks, is_video=is_video, is_compressed_images=not is_video)
        return content

    def _content(self, found: Found, stored: StoredDataSet, blob: BlobEntry | None) -> BulkContent:
        value = found.value
        if not isinstance(value, Bulk):
            if value.fragments:
                spans = item_spans(value.data, 0, len(value.data))[1:]
                return _in_memory(b"".join(value.data[at : at + length] for at, length in spans))
            return _in_memory(_as_utf8(value.data, value.vr, found.charset))
        if value.vr in LOCALIZED_VRS and value.size <= _MOST_TEXT:
            return _in_memory(_as_utf8(b"".join(stored.open_blob(value.digest)), value.vr, found.charset))
        if blob is None:
            data = b"".join(bulk_chunks(value, stored.open_blob, little_endian=True))
            return _in_memory(_joined(data) if value.fragments else data)
        if value.fragments:
            return self._in_fragments(blob)
        turned = not value.little_endian and WORD.get(value.vr, 1) > 1
        if turned or value.frame_bytes:
            return BulkContent(
                value.size, lambda part: part_of(bulk_chunks(value, stored.open_blob, little_endian=True), part)
            )
        return BulkContent(value.size, lambda part: self._plain(blob, part))

    def _plain(self, blob: BlobEntry, part: range) -> Iterator[Chunk]:
        if len(part) == blob.plain_size:
            yield from self._shelf.stream(blob)
        else:
            yield from self._shelf.spans(blob, [Span(part.start, len(part))])

    def _in_fragments(self, blob: BlobEntry) -> BulkContent:
        with self._lock:
            spans = self._fragments.get(blob.digest)
        if spans is None:
            opened = self._shelf.opened(blob)
            spans = _fragments(opened.range, blob.plain_size)
            with self._lock:
                self._fragments[blob.digest] = spans
                if len(self._fragments) > _REMEMBERED:
                    self._fragments.popitem(last=False)
        size = sum(span.length for span in spans)
        return BulkContent(size, lambda part: self._shelf.spans(blob, _within(spans, part)))


def _digest(found: Found) -> str:
    return found.value.digest if isinstance(found.value, Bulk) else ""


def _document(reader: ElementReader, content: BulkContent) -> BulkContent:
    """Return a document by its type, without the padding behind it where its length is said."""
    media_type = (reader.scan.raw(_DOCUMENT_TYPE) or b"").decode("ascii", "replace").strip(" \0").lower()
    raw = reader.scan.raw(_DOCUMENT_LENGTH) or b""
    length = int.from_bytes(raw[:4], "little" if reader.scan.little_endian else "big")
    size = length if 0 < length <= content.size else content.size
    return BulkContent(size, content.chunks, document_type=media_type)


def _in_memory(data: bytes) -> BulkContent:
    return BulkContent(len(data), lambda part: iter((data[part.start : part.stop],)))


def _as_utf8(data: bytes, vr: str, charset: str) -> bytes:
    return decode(data, charset, vr=vr).encode() if vr in LOCALIZED_VRS else data


def _joined(data: bytes) -> bytes:
    return b"".join(data[at : at + length] for at, length in item_spans(data, 0, len(data))[1:])


def _fragments(read: Callable[[Span], bytes], size: int) -> tuple[Span, ...]:
    """Return where the fragments of an encapsulated value lie, the offset table left out."""
    spans = []
    block, block_at, at = b"", 0, 0
    while at + 8 <= size:
        if not block_at <= at <= block_at + len(block) - 8:
            block, block_at = read(Span(at, min(_STEP, size - at))), at
        length: int = _read_item(block, at - block_at)[2]
        spans.append(Span(at + 8, length))
        at += 8 + length
    return tuple(spans[1:])


def _within(spans: Sequence[Span], part: range) -> list[Span]:
    """Return what of fragments put end to end lies in a range."""
    found = []
    for span, behind in zip(spans, accumulate(span.length for span in spans), strict=True):
        start = max(part.start, behind - span.length)
        stop = min(part.stop, behind)
        if start < stop:
            found.append(Span(span.offset + start - (behind - span.length), stop - start))
    return found
