"""What was put into an instance as a file of its own, taken out again: documents and videos."""

from collections.abc import Iterator
from typing import Final

from vna.archive.kept import Chunk
from vna.dicom.encoding import ENCAPSULATED_DOCUMENT, PIXEL_DATA
from vna.dicom.fragments import ItemStream
from vna.dicom.values import Bulk, StoredDataSet, Value, bulk_chunks, read_values
from vna.errors import CannotConvert

_LENGTH: Final = 0x00420015


def document(stored: StoredDataSet) -> Iterator[Chunk]:
    """Give an Encapsulated Document (0042,0011) without the padding behind it.

    Raises:
        CannotConvert: there is none.
    """
    bulk, length = _found(stored, ENCAPSULATED_DOCUMENT)
    return _first(bulk_chunks(bulk, stored.open_blob, little_endian=True), length or bulk.size)


def video(stored: StoredDataSet) -> Iterator[Chunk]:
    """Give the stream of a video, its fragments joined (PS3.5 8.2.5 to 8.2.9).

    Raises:
        CannotConvert: there is none.
    """
    bulk, _ = _found(stored, PIXEL_DATA)
    if not bulk.fragments:
        raise CannotConvert("the pixel data of the video is not encapsulated")
    return _joined(ItemStream(stored.open_blob(bulk.digest)))


def _found(stored: StoredDataSet, tag: int) -> tuple[Bulk, int]:
    """Return the bulk value of the data set itself, and the length its document is said to have, 0 if it is not."""
    length = 0
    found = None
    for token in read_values(stored):
        if isinstance(token, Bulk) and token.tag == tag:
            found = token
        elif isinstance(token, Value) and token.tag == _LENGTH:
            length = int.from_bytes(token.data[:4], "little")
    if found is None:
        raise CannotConvert("the instance has no such content")
    return found, length


def _first(chunks: Iterator[Chunk], length: int) -> Iterator[Chunk]:
    for chunk in chunks:
        if length > 0:
            yield memoryview(chunk)[:length]
        length -= len(chunk)


def _joined(items: ItemStream) -> Iterator[Chunk]:
    items.skip(items.item())
    while not items.ended:
        yield from items.take(items.item())
