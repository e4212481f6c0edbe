"""Cutting a data set into header and blobs, and the recipe that puts its bytes together again.

    header[0:o1] + blob1 + header[o1:o2] + blob2 + ... + header[on:]

gives byte for byte the data set that came. A recipe is kept as CBOR, versioned because it may be re-cut:

    [1, [[o1, digest1], [o2, digest2], ...]]        digests as 32 bytes

A data set that is stored whole has an empty header and the recipe `[1, [[0, digest]]]`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cbor2

from vna.dicom.elements import Holes
from vna.dicom.scan import BulkValue, Scan
from vna.errors import Damaged

VERSION: Final = 1


class Piece(NamedTuple):
    """The header up to a place, from where the piece before ended; then a blob."""

    header_upto: int
    digest: str


@dataclass(frozen=True, slots=True)
class HeaderPiece:
    """Bytes of the header; never empty."""

    data: memoryview


@dataclass(frozen=True, slots=True)
class BlobPiece:
    """A whole blob."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """Where the blobs go into the header. What follows the last piece is the rest of the header."""

    pieces: tuple[Piece, ...]

    def to_cbor(self) -> bytes:
        """Return the stored form."""
        return cbor2.dumps([VERSION, [[upto, bytes.fromhex(digest)] for upto, digest in self.pieces]])

    @classmethod
    def from_cbor(cls, data: bytes) -> "Recipe":
        """Read the stored form.

        Raises:
            Damaged: it is none, or of a version this node does not know.
        """
        try:
            version, pieces = cbor2.loads(data)
            if version != VERSION:
                raise Damaged(f"a recipe has version {version}, this node reads {VERSION}")
            return cls(tuple(Piece(int(upto), digest.hex()) for upto, digest in pieces))
        except (cbor2.CBORDecodeError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as exc:
            raise Damaged(f"{len(data)} bytes are no recipe") from exc

    def holes(self, sizes: Mapping[str, int]) -> Holes:
        """Return what the header lacks, for reading it with `scan` without its blobs."""
        return Holes([(upto, sizes[digest]) for upto, digest in self.pieces])


@dataclass(frozen=True, slots=True)
class Cut:
    """A data set cut apart: the header, and the bulk values that become blobs, in order."""

    header: bytes
    bulk: tuple[BulkValue, ...]

    def recipe(self, digests: Sequence[str]) -> Recipe:
        """Return the recipe, once the digests of the bulk values are known, in their order."""
        removed = 0
        pieces = []
        for value, digest in zip(self.bulk, digests, strict=True):
            pieces.append(Piece(value.offset - removed, digest))
            removed += value.length
        return Recipe(tuple(pieces))


def cut(scan: Scan, size: int) -> Cut:
    """Cut a data set of `size` bytes into its header and its bulk values.

    One that is stored whole has one bulk value without a path, which is all of it.
    """
    if scan.whole:
        return Cut(b"", (BulkValue((), "", 0, size, encapsulated=False),))
    header = []
    at = 0
    for value in scan.bulk:
        header.append(scan.buffer[at : value.offset])
        at = value.offset + value.length
    header.append(scan.buffer[at:size])
    return Cut(b"".join(header), scan.bulk)


def plan(header: bytes, recipe: Recipe, sizes: Mapping[str, int]) -> tuple[HeaderPiece | BlobPiece, ...]:
    """Return the pieces of a data set in order, so that one of any size can be streamed.

    Raises:
        Damaged: the recipe does not fit the header, or names a blob whose size is not given.
    """
    return tuple(_pieces(memoryview(header), recipe, sizes))


def _pieces(header: memoryview, recipe: Recipe, sizes: Mapping[str, int]) -> Iterator[HeaderPiece | BlobPiece]:
    at = 0
    for upto, digest in recipe.pieces:
        if not at <= upto <= len(header):
            raise Damaged(f"a recipe puts blob {digest} at {upto}, between {at} and {len(header)} of its header")
        if digest not in sizes:
            raise Damaged(f"a recipe names blob {digest}, whose size is not known")
        if upto > at:
            yield HeaderPiece(header[at:upto])
        yield BlobPiece(digest, sizes[digest])
        at = upto
    if at < len(header):
        yield HeaderPiece(header[at:])


def assemble(header: bytes, recipe: Recipe, blobs: Mapping[str, bytes]) -> bytes:
    """Return the data set as it came, from its header and all its blobs.

    Raises:
        Damaged: as `plan`.
    """
    pieces = plan(header, recipe, {digest: len(blob) for digest, blob in blobs.items()})
    return b"".join(piece.data if isinstance(piece, HeaderPiece) else blobs[piece.digest] for piece in pieces)
