"""The values of a stored data set in order, whatever its encoding: VRs known, words little endian.

This is what data sets of different transfer syntaxes have in common. `recode` writes it down in another
syntax, `equality` compares two. Values in blobs are not read here; `Bulk.chunks` reads them piece by piece,
so that a value of any size never lies in memory. Only a deflated data set is inflated into memory.

Left out is what depends on the encoding and is not content: group lengths, Length to End (0008,0001), and
the Extended Offset Table of encapsulated uncompressed Pixel Data.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple, TypeVar

from vna.dicom.byte_order import swap, swapped
from vna.dicom.elements import Element, Mark, Walker, holds_items
from vna.dicom.encoding import (
    DEFLATED_UIDS,
    ENCAPSULATED_UNCOMPRESSED_UID,
    EXPLICIT_LE_UID,
    GE_PRIVATE_UID,
    PIXEL_DATA,
    WORD,
    tag_text,
)
from vna.dicom.fragments import joined
from vna.dicom.image_layout import image_layout
from vna.dicom.implicit_vr import PIXEL_REPRESENTATION, UNKNOWN, VRLookup
from vna.dicom.recipe import Recipe, cut
from vna.dicom.scan import Scan, inflate, scan
from vna.errors import CannotConvert, CannotUnderstand

MAX_INFLATED: Final = 256 * 1024 * 1024
"""A deflated data set that is larger is not read for conversion or comparison."""

_Made = TypeVar("_Made")

OpenBlob = Callable[[str], Iterator[bytes | memoryview]]
"""Gives the bytes of the blob of a digest, in order."""

_LONGEST_CREATOR: Final = 64  # private creators are LO
_LENGTH_TO_END: Final = 0x00080001
_OFFSET_TABLES: Final = frozenset({0x7FE00001, 0x7FE00002})


@dataclass(frozen=True, slots=True)
class StoredDataSet:
    """A data set as the archive holds it. `sizes` are the plain sizes of the blobs of the recipe."""

    transfer_syntax: str
    header: bytes
    recipe: Recipe
    sizes: Mapping[str, int]
    open_blob: OpenBlob


class Value(NamedTuple):
    """A value that lies in the header; little endian. `fragments`: the items of encapsulated pixels."""

    tag: int
    vr: str
    data: bytes
    fragments: bool = False


@dataclass(frozen=True, slots=True)
class Bulk:
    """A value that lies in a blob.

    `size` is that of the value, `blob_size` that of the blob; they differ where `frame_bytes` is not 0: the
    blob then holds fragments, one a frame, to be taken out of their items and put end to end.
    """

    tag: int
    vr: str
    digest: str
    size: int
    blob_size: int
    little_endian: bool
    fragments: bool = False
    frame_bytes: int = 0


@dataclass(frozen=True, slots=True)
class SequenceStart:
    """A sequence begins; `Mark.ITEM` and `Mark.ITEM_END` enclose its items, `Mark.SEQUENCE_END` ends it."""

    tag: int


Token = Value | Bulk | SequenceStart | Mark


def bulk_chunks(bulk: Bulk, open_blob: OpenBlob, *, little_endian: bool) -> Iterator[bytes | memoryview]:
    """Read a value out of its blob, piece by piece, with its words in the byte order asked for."""
    chunks = open_blob(bulk.digest)
    if bulk.frame_bytes:
        chunks = joined(chunks, frame_bytes=bulk.frame_bytes, size=bulk.size)
    turn = bulk.little_endian != little_endian and not bulk.fragments
    return swapped(chunks, WORD.get(bulk.vr, 1) if turn else 1)


def inflated(stored: StoredDataSet) -> StoredDataSet:
    """Return a deflated data set as the explicit VR little endian one it holds; any other as it is.

    Raises:
        CannotConvert: it is larger than `MAX_INFLATED`.
    """
    if stored.transfer_syntax not in DEFLATED_UIDS:
        return stored
    deflated = b"".join(b"".join(stored.open_blob(digest)) for _, digest in stored.recipe.pieces)
    data, complete = inflate(deflated, limit=MAX_INFLATED)
    if not complete:
        raise CannotConvert(f"a deflated data set of more than {MAX_INFLATED} bytes goes out only as it came")
    pieces = cut(scan(data, EXPLICIT_LE_UID), len(data))
    windows = [memoryview(data)[value.offset : value.offset + value.length] for value in pieces.bulk]
    digests = [sha256(window).hexdigest() for window in windows]
    views = dict(zip(digests, windows, strict=True))
    return StoredDataSet(
        transfer_syntax=EXPLICIT_LE_UID,
        header=pieces.header,
        recipe=pieces.recipe(digests),
        sizes={name: len(view) for name, view in views.items()},
        open_blob=lambda name: iter((views[name],)),
    )


def read_values(stored: StoredDataSet, *, resolve_unknown: bool = False) -> Iterator[Token]:
    """Read a data set that is not deflated.

    Args:
        stored: the data set.
        resolve_unknown: give elements of VR UN that a dictionary knows the VR they should have, and take
            unknown values that hold items for sequences.

    Raises:
        CannotUnderstand: a sequence is broken inside.
        CannotConvert: encapsulated uncompressed pixel data whose frames are not whole bytes.
    """
    return _Reading(stored, resolve_unknown=resolve_unknown).tokens()


def read_some(stored: StoredDataSet, tags: Iterable[int]) -> Iterator[Token]:
    """Read elements of the top level of a data set that is not deflated, such `tags` as are there, in their order.

    Raises:
        CannotUnderstand, CannotConvert: as `read_values`, of these elements.
    """
    return _Reading(stored, resolve_unknown=False).some(tags)


class _Reading:
    """One data set being read."""

    def __init__(self, stored: StoredDataSet, *, resolve_unknown: bool) -> None:
        holes = stored.recipe.holes(stored.sizes)
        self._stored, self._holes = stored, holes
        self._found = scan(stored.header, stored.transfer_syntax, holes=holes)
        self._walker = Walker(stored.header, holes=holes)
        self._blobs = dict(stored.recipe.pieces)
        self._resolve_unknown = resolve_unknown
        self._depth = 0
        signed = (self._found.raw(PIXEL_REPRESENTATION) or b"").strip(b"\0") == b"\x01"
        self._lookup = VRLookup(signed=signed)

    def tokens(self) -> Iterator[Token]:
        end = max((element.end for element in self._found.elements.values()), default=0)
        return self._between(0, end)

    def _between(self, start: int, end: int) -> Iterator[Token]:
        for token in self._walker.data_set(self._found.encoding, start=start, end=end):
            if isinstance(token, Element):
                if not self._is_of_the_encoding(token):
                    yield self._element(token)
                continue
            if token is Mark.ITEM:
                self._depth += 1
                self._lookup.begin_item()
            elif token is Mark.ITEM_END:
                self._depth -= 1
                self._lookup.end_item()
            yield token

    def some(self, tags: Iterable[int]) -> Iterator[Token]:
        self._walker.data_set(self._found.encoding, end=0)
        elements = (self._found.elements[tag] for tag in tags if tag in self._found.elements)
        return (self._element(element) for element in elements if not self._is_of_the_encoding(element))

    def _is_of_the_encoding(self, element: Element) -> bool:
        tag = element.tag
        if element.undefined and element.vr == "SQ":  # its items come next, whatever it is called
            return False
        if tag & 0xFFFF == 0 or tag == _LENGTH_TO_END:
            return True
        return tag in _OFFSET_TABLES and self._stored.transfer_syntax == ENCAPSULATED_UNCOMPRESSED_UID

    def _element(self, element: Element) -> Value | Bulk | SequenceStart:
        if element.undefined and element.vr == "SQ":
            return SequenceStart(element.tag)
        digest = self._blobs.get(element.offset) if element.length else None
        vr = element.vr if element.undefined else self._vr_of(element, in_header=digest is None)
        if vr == "SQ":
            self._walker.enter(element)
            return SequenceStart(element.tag)
        if digest is not None:
            return self._bulk(element, vr, digest)
        encoding = self._walker.encoding
        data = self._stored.header[element.offset : element.offset + element.length]
        if not encoding.little_endian and vr in WORD and element.vr != UNKNOWN and not element.undefined:
            data = swap(data, WORD[vr])
        self._lookup.note(element.tag, data)
        return Value(element.tag, vr, data, element.undefined)

    def _vr_of(self, element: Element, *, in_header: bool) -> str:
        vr = element.vr
        if vr == "SQ" and not in_header:
            raise CannotConvert(f"the sequence {tag_text(element.tag)} is broken and kept in one piece")
        if vr and (vr != UNKNOWN or not self._resolve_unknown):
            return vr
        vr = self._lookup.find(element.tag, element.length)
        if vr not in ("SQ", UNKNOWN):
            return vr
        if in_header and holds_items(self._stored.header, element.offset, element.end):
            return "SQ" if self._resolve_unknown else vr
        return UNKNOWN if element.length else vr

    def _bulk(self, element: Element, vr: str, digest: str) -> Bulk:
        size = self._stored.sizes[digest]
        is_pixels = element.tag == PIXEL_DATA and self._depth == 0
        if element.undefined:
            if is_pixels and self._stored.transfer_syntax == ENCAPSULATED_UNCOMPRESSED_UID:
                return self._unwrapped(digest, size)
            return Bulk(element.tag, vr, digest, size, size, little_endian=True, fragments=True)
        little_endian = self._walker.encoding.little_endian or element.vr == UNKNOWN
        if is_pixels and self._stored.transfer_syntax == GE_PRIVATE_UID:
            little_endian = False
        return Bulk(element.tag, vr, digest, size, size, little_endian=little_endian)

    def _unwrapped(self, digest: str, blob_size: int) -> Bulk:
        layout = image_layout(self._found)
        if layout is None or layout.frame_bits % 8:
            raise CannotConvert("encapsulated uncompressed pixel data whose frames are not whole bytes")
        frame_bytes = layout.frame_bits // 8
        size = frame_bytes * layout.frames
        vr = "OW" if layout.bits_allocated > 8 else "OB"
        return Bulk(PIXEL_DATA, vr, digest, size + size % 2, blob_size, True, frame_bytes=frame_bytes)


class ElementReader(_Reading):
    """The top-level elements of a data set that is not deflated, one by one.

    What is wrong inside of one does not spoil the others. Unknown VRs are looked up, as `read_values` does where it is
    told to. Read the elements in their order: what an element is may depend on those before it.
    """

    def __init__(self, stored: StoredDataSet) -> None:
        """Begin to read."""
        super().__init__(stored, resolve_unknown=True)

    @property
    def scan(self) -> Scan:
        """The data set taken apart."""
        return self._found

    def content(self) -> list[Element]:
        """Return the top-level elements in their order, those left out that depend on the encoding."""
        return [each for each in self._found.elements.values() if not self._is_of_the_encoding(each)]

    def read_tag(self, tag: int, use: Callable[[Iterator[Token]], _Made]) -> _Made:
        """Read the element of a tag, of which there are no tokens if it is absent; before it, what it may depend on."""
        for element in self.content():
            if element.tag == tag:
                return self.read(element, use)
            if element.length <= _LONGEST_CREATOR and not element.undefined:
                self.read(element, list)
        return use(iter(()))

    def read(self, element: Element, use: Callable[[Iterator[Token]], _Made]) -> _Made:
        """Return what `use` makes of one of them with all it holds, however large.

        If it is broken inside, `use` is called once more, and given it as one unknown value.
        """
        self._walker = Walker(self._stored.header, holes=self._holes)
        try:
            return use(self._between(element.start, element.end))
        except (CannotUnderstand, CannotConvert):
            return use(iter((self._as_it_lies(element),)))
        finally:
            while self._depth:  # it is broken there, or `use` has seen enough
                self._depth -= 1
                self._lookup.end_item()

    def _as_it_lies(self, element: Element) -> Value | Bulk:
        digest = self._blobs.get(element.offset) if element.length else None
        vr, fragments = (element.vr, True) if element.undefined else (UNKNOWN, False)
        if digest is None:
            data = self._stored.header[element.offset : element.offset + element.length]
            return Value(element.tag, vr, data, fragments)
        size = self._stored.sizes[digest]
        return Bulk(element.tag, vr, digest, size, size, little_endian=True, fragments=fragments)
