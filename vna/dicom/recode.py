"""Writing a stored data set down in another uncompressed transfer syntax.

Between implicit VR little endian, explicit VR little and big endian and deflated, in every direction, and
from encapsulated uncompressed to those. The result is a plan: header bytes, and blobs with the way they
are read, so that it is streamed whatever its size.

All sequences and items come out with undefined length (PS3.5 7.5), so nothing has to be measured before
it is written. Group lengths are left out (retired, PS3.5 7.2). An element that came in implicit VR and is
too long for the 16-bit length of its VR becomes UN (PS3.5 6.2.2); values of UN are copied as they are.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from struct import Struct
from typing import Final

from vna.dicom.byte_order import swap
from vna.dicom.elements import Mark
from vna.dicom.encoding import (
    DEFLATED_UID,
    ENCAPSULATED_UNCOMPRESSED_UID,
    EXPLICIT_BE_UID,
    EXPLICIT_LE_UID,
    GE_PRIVATE_UID,
    IMPLICIT_LE_UID,
    ITEM,
    ITEM_DELIMITER,
    LONG_VRS,
    PIXEL_DATA,
    SEQUENCE_DELIMITER,
    SHORT_VRS,
    UNDEFINED,
    WORD,
    encoding_of,
    tag_text,
)
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
from vna.errors import CannotConvert

TARGETS: Final = frozenset({IMPLICIT_LE_UID, EXPLICIT_LE_UID, EXPLICIT_BE_UID, DEFLATED_UID})
"""Transfer syntaxes that can be written."""

SOURCES: Final = TARGETS | {ENCAPSULATED_UNCOMPRESSED_UID, GE_PRIVATE_UID}
"""Transfer syntaxes that can be read to be written in another one."""

_MARKS: Final = {Mark.ITEM: ITEM, Mark.ITEM_END: ITEM_DELIMITER, Mark.SEQUENCE_END: SEQUENCE_DELIMITER}
_DEFLATE_LEVEL: Final = 6
_LONGEST_SHORT: Final = 0xFFFF


def can_recode(source: str, target: str) -> bool:
    """Return whether data sets of one transfer syntax can be written in another."""
    return source in SOURCES and target in TARGETS


@dataclass(frozen=True, slots=True)
class Recoded:
    """A data set in another transfer syntax, ready to be streamed any number of times."""

    transfer_syntax: str
    parts: tuple[bytes | Bulk, ...]
    open_blob: OpenBlob

    @property
    def size(self) -> int | None:
        """Bytes of the data set; None if it is deflated, because only streaming tells."""
        if self.transfer_syntax == DEFLATED_UID:
            return None
        return sum(len(part) if isinstance(part, bytes) else part.size for part in self.parts)

    def chunks(self) -> Iterator[bytes | memoryview]:
        """Give the data set, piece by piece.

        Raises:
            CannotConvert: the fragments of encapsulated uncompressed pixel data are no frames, which
                shows only now.
        """
        return _deflated(self._plain()) if self.transfer_syntax == DEFLATED_UID else self._plain()

    def _plain(self) -> Iterator[bytes | memoryview]:
        little_endian = encoding_of(self.transfer_syntax).little_endian
        for part in self.parts:
            if isinstance(part, bytes):
                yield part
            else:
                yield from bulk_chunks(part, self.open_blob, little_endian=little_endian)


def recode(stored: StoredDataSet, target: str) -> Recoded:
    """Convert a data set to another transfer syntax.

    Raises:
        CannotConvert: not between these two syntaxes, or not this data set.
        CannotUnderstand: it is broken in a place that was not read when it came.
    """
    if not can_recode(stored.transfer_syntax, target):
        raise CannotConvert(f"{stored.transfer_syntax} cannot be written as {target}")
    plain = inflated(stored)
    return written(read_values(plain), target, plain.open_blob)


def written(tokens: Iterable[Token], target: str, open_blob: OpenBlob) -> Recoded:
    """Write values down in any transfer syntax.

    Encapsulated Pixel Data, a `Bulk` of `fragments`, must be in the target's compression already.

    Raises:
        CannotConvert: there are fragments where the target has none.
    """
    return Recoded(target, tuple(_parts(tokens, _Writer(target))), open_blob)


def _parts(tokens: Iterable[Token], writer: "_Writer") -> Iterator[bytes | Bulk]:
    """Write the tokens; neighbouring pieces of the header become one."""
    header: list[bytes] = []
    for token in tokens:
        if not isinstance(token, Value | Bulk):
            header.append(writer.header(token))
            continue
        if token.fragments and isinstance(token, Bulk) and writer.encapsulates(token.tag):
            yield b"".join((*header, writer.fragments_header(token)))
            yield token
            header = [writer.header(Mark.SEQUENCE_END)]
            continue
        if token.fragments:
            raise CannotConvert(f"{tag_text(token.tag)} is compressed: decoding it is no matter of encoding")
        value = writer.fitted(token)
        header.append(writer.header(value))
        if isinstance(value, Value):
            header.append(writer.value(value))
        else:
            yield b"".join(header)
            yield value
            header = []
    if header:
        yield b"".join(header)


class _Writer:
    """Encodes elements for a transfer syntax."""

    def __init__(self, target: str) -> None:
        encoding = encoding_of(target)
        order = encoding.order
        self._compressed = target not in SOURCES
        self._big_endian = not encoding.little_endian
        self._explicit = encoding.explicit
        self._implicit_header = Struct(f"{order}HHI").pack
        self._short_header = Struct(f"{order}HH2sH").pack
        self._long_header = Struct(f"{order}HH2sHI").pack

    def encapsulates(self, tag: int) -> bool:
        """Return whether the target has this element's value as fragments (PS3.5 A.4)."""
        return self._compressed and tag == PIXEL_DATA

    def fragments_header(self, token: Bulk) -> bytes:
        """Return what stands before fragments; a Sequence Delimitation Item ends them."""
        return self._element(token.tag, "OB", UNDEFINED)

    def fitted(self, token: Value | Bulk) -> Value | Bulk:
        """Return a value with the VR it can have: UN if it is too long for its own, or that is no known one."""
        size = token.size if isinstance(token, Bulk) else len(token.data)
        vr = token.vr
        if not self._explicit or vr in LONG_VRS or (vr in SHORT_VRS and size <= _LONGEST_SHORT):
            return token
        return replace(token, vr=UNKNOWN) if isinstance(token, Bulk) else token._replace(vr=UNKNOWN)

    def header(self, token: Token) -> bytes:
        """Return what stands before a value, or opens or closes a sequence or an item."""
        if isinstance(token, Value):
            return self._element(token.tag, token.vr, len(token.data))
        if isinstance(token, Bulk):
            return self._element(token.tag, token.vr, token.size)
        if isinstance(token, SequenceStart):
            return self._element(token.tag, "SQ", UNDEFINED)
        tag = _MARKS[token]
        return self._implicit_header(tag >> 16, tag & 0xFFFF, UNDEFINED if token is Mark.ITEM else 0)

    def value(self, token: Value) -> bytes:
        """Return a value that lies in the header."""
        return swap(token.data, WORD.get(token.vr, 1)) if self._big_endian else token.data

    def _element(self, tag: int, vr: str, length: int) -> bytes:
        if not self._explicit:
            return self._implicit_header(tag >> 16, tag & 0xFFFF, length)
        if vr in SHORT_VRS:
            return self._short_header(tag >> 16, tag & 0xFFFF, vr.encode(), length)
        return self._long_header(tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)


def _deflated(chunks: Iterator[bytes | memoryview]) -> Iterator[bytes]:
    """Deflate a stream; an odd length is padded with a zero byte (PS3.5 A.5)."""
    stream = zlib.compressobj(_DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = 0
    for chunk in chunks:
        if out := stream.compress(chunk):
            size += len(out)
            yield out
    rest = stream.flush()
    yield rest + bytes((size + len(rest)) % 2)
