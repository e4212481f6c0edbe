"""Whether two stored data sets differ in their encoding only, so that one is a rendition of the other.

Encoding is: transfer syntax, byte order, explicit or implicit VR, UN for a VR a dictionary knows, another
VR for the same bytes, defined or undefined lengths, group lengths, padding of values and of the data set.
Compressed pixel data is content here: what it decodes to is not looked at.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

from vna.dicom.elements import Mark
from vna.dicom.encoding import WORD
from vna.dicom.implicit_vr import UNKNOWN
from vna.dicom.values import (
    Bulk,
    OpenBlob,
    SequenceStart,
    StoredDataSet,
    Token,
    Value,
    bulk_chunks,
    inflated,
    read_values,
)
from vna.errors import CannotConvert, CannotUnderstand

_DATA_SET_TRAILING_PADDING: Final = 0xFFFCFFFC
_BYTES_VRS: Final = frozenset({*WORD, "OB", UNKNOWN})
"""VRs whose values are not text; of text, spaces and zeros at the end are padding (PS3.5 6.2)."""


def same_content(first: StoredDataSet, second: StoredDataSet) -> bool:
    """Return whether two data sets say the same.

    Blobs are read only where digests cannot tell. Data sets that cannot be read to their depth, or not
    be inflated, count as different: nothing is then taken for a rendition that is none.
    """
    try:
        a, b = inflated(first), inflated(second)
        pairs = zip_longest(_content(a), _content(b))
        return all(_same(one, a.open_blob, other, b.open_blob) for one, other in pairs)
    except (CannotUnderstand, CannotConvert):
        return False


def _content(stored: StoredDataSet) -> Iterator[Token]:
    """Read a data set without padding; an empty sequence is an empty value, as it is where its VR is unknown."""
    start: SequenceStart | None = None
    for token in read_values(stored, resolve_unknown=True):
        if start is not None:
            yield start if token is not Mark.SEQUENCE_END else Value(start.tag, UNKNOWN, b"")
        if isinstance(token, SequenceStart):
            start = token
            continue
        is_kept = isinstance(token, Mark) or token.tag != _DATA_SET_TRAILING_PADDING
        if is_kept and (start is None or token is not Mark.SEQUENCE_END):
            yield token
        start = None


def _same(one: Token | None, open_one: OpenBlob, other: Token | None, open_other: OpenBlob) -> bool:
    if isinstance(one, Value) and isinstance(other, Value):
        return _same_value(one, other)
    if isinstance(one, Value | Bulk) and isinstance(other, Value | Bulk):
        if (one.tag, one.fragments) != (other.tag, other.fragments):
            return False
        return _same_blob(one, other) or _same_bytes(_chunks(one, open_one), _chunks(other, open_other))
    return one == other


def _same_value(one: Value, other: Value) -> bool:
    if (one.tag, one.fragments) != (other.tag, other.fragments):
        return False
    if one.data == other.data:
        return True
    if one.vr in _BYTES_VRS and other.vr in _BYTES_VRS:
        return _same_bytes(iter((one.data,)), iter((other.data,)))
    return one.data.rstrip(b"\0 ") == other.data.rstrip(b"\0 ")


def _same_blob(one: Value | Bulk, other: Value | Bulk) -> bool:
    if not isinstance(one, Bulk) or not isinstance(other, Bulk) or one.digest != other.digest:
        return False
    as_read = [(bulk.frame_bytes, bulk.little_endian or WORD.get(bulk.vr, 1) == 1) for bulk in (one, other)]
    return as_read[0] == as_read[1]


def _chunks(value: Value | Bulk, open_blob: OpenBlob) -> Iterator[bytes | memoryview]:
    if isinstance(value, Bulk):
        return bulk_chunks(value, open_blob, little_endian=True)
    return iter((value.data,))


def _same_bytes(one: Iterator[bytes | memoryview], other: Iterator[bytes | memoryview]) -> bool:
    """Compare two streams; one may have a zero byte more, which makes its length even."""
    a, b = memoryview(b""), memoryview(b"")
    size = 0
    while True:
        a, b = a or _next(one), b or _next(other)
        length = min(len(a), len(b))
        if length == 0:
            rest = bytes(a or b)
            return not rest or (rest == b"\0" and size % 2 == 1 and not (_next(one) or _next(other)))
        if a[:length] != b[:length]:
            return False
        size += length
        a, b = a[length:], b[length:]


def _next(chunks: Iterator[bytes | memoryview]) -> memoryview:
    """Return the next chunk that is not empty, empty at the end."""
    for chunk in chunks:
        if len(chunk):
            return memoryview(chunk)
    return memoryview(b"")
