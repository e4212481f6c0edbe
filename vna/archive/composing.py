"""Composing an instance out of metadata and bulk data that came apart (PS3.18 10.5.2).

Compressed pixels become encapsulated Pixel Data, a fragment a frame, in the transfer syntax that fits their media type;
everything else becomes a value as it is, with a zero behind an odd length. Bulk data is read when the data set is
written down, not before, so that it may be of any size.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from struct import pack
from typing import Final

from storage_backends import Content
from vna.archive.media import (
    DEFLATED_FRAMES,
    NATIVE,
    Media,
    check_agrees,
    check_alike,
    current_name,
    describe_document,
    describe_image,
    is_compressed_media,
    media_type_of,
)
from vna.archive.videos import describe_video
from vna.dicom.encoding import ENCAPSULATED_DOCUMENT, EXPLICIT_LE_UID, ITEM, PIXEL_DATA, UNDEFINED, tag_text
from vna.dicom.fragments import ITEM_HEADER
from vna.dicom.json_reading import ModelDataSet
from vna.dicom.recode import Recoded, written
from vna.dicom.values import Bulk, Token, Value
from vna.errors import CannotConvert, CannotUnderstand, DataSetMismatch, SyntaxNotSupported
from vna.pixels.attributes import declared_frames, image_of
from vna.pixels.image import SUBSAMPLED
from vna.pixels.tokens import TokenList

OCTETS: Final = "application/octet-stream"
NUMBER_OF_FRAMES: Final = 0x00280008

_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BulkPart:
    """Bulk data that came beside metadata; `transfer_syntax` is the one its sender names, empty if it does not."""

    media_type: str
    transfer_syntax: str
    content: Content

    @property
    def is_compressed(self) -> bool:
        """Whether it is compressed pixels by what its sender says of it."""
        return bool(self._media_type) or self._is_deflated

    @property
    def is_frame(self) -> bool:
        """Whether it is one compressed frame: of a video all frames come together."""
        return self.is_compressed and not self._media_type.startswith("video/")

    @property
    def _is_deflated(self) -> bool:
        return (self.media_type, self.transfer_syntax) == (OCTETS, DEFLATED_FRAMES)

    @property
    def _media_type(self) -> str:
        if is_compressed_media(self.media_type):
            return current_name(self.media_type)
        return media_type_of(self.transfer_syntax) if self.media_type == OCTETS else ""

    def describe(self) -> Media:
        """Return what it says of itself.

        Raises:
            CannotUnderstand: it is not what its media type says.
            SyntaxNotSupported: it is not kept in the transfer syntax its sender names.
        """
        name = self._media_type
        if self._is_deflated:
            return Media(DEFLATED_FRAMES)
        if name.startswith("video/"):
            return describe_video(name, self.content, said=self.transfer_syntax)
        head = bytes(self.content.read(0, min(self.content.size, _PIECE)))
        return describe_image(name, head, said=self.transfer_syntax)

    def check_native(self) -> None:
        """See that it can be a value that is not compressed.

        Raises:
            SyntaxNotSupported: it is in another byte order or form, by what its sender says of it.
        """
        if self.transfer_syntax not in ("", *NATIVE):
            raise SyntaxNotSupported(f"bulk data of {self.media_type} is not taken in {self.transfer_syntax[:64]}")


Found = Mapping[str, Sequence[BulkPart]]
"""Bulk data by BulkDataURI: one part, or one for each frame."""


def references(model: ModelDataSet) -> list[str]:
    """Return the BulkDataURIs of a data set."""
    return [token.digest for token in model.tokens if isinstance(token, Bulk)]


def compose(model: ModelDataSet, found: Found) -> Recoded:
    """Put a data set together; it reads from what was found when it is gone through.

    Raises:
        CannotUnderstand, SyntaxNotSupported: the bulk data is not what it is said to be.
        DataSetMismatch: the metadata contradicts it.
    """
    tokens = TokenList(model.tokens)
    syntax, filled_in, frames = EXPLICIT_LE_UID, list[Value](), dict[str, Sequence[BulkPart]]()
    pixels = tokens.token(tokens.top, PIXEL_DATA)
    if isinstance(pixels, Bulk) and found[pixels.digest][0].is_compressed:
        parts = found[pixels.digest]
        media = _described(parts, tokens.values(tokens.top).get(NUMBER_OF_FRAMES, b""))
        syntax, filled_in = media.transfer_syntax, list(media.attributes)
        if len(parts) > 1:
            filled_in.append(Value(NUMBER_OF_FRAMES, "IS", _even(str(len(parts)).encode(), b" ")))
        tokens.replace(tokens.top, PIXEL_DATA, replace(pixels, vr="OB", digest=_frames_of(pixels), fragments=True))
        frames[_frames_of(pixels)] = parts
    elif isinstance(pixels, Bulk) and found[pixels.digest][0].media_type != OCTETS:
        raise SyntaxNotSupported(f"pixels are not kept as {found[pixels.digest][0].media_type[:80]}")
    document = tokens.token(tokens.top, ENCAPSULATED_DOCUMENT)
    if isinstance(document, Bulk):
        part = found[document.digest][0]
        filled_in += describe_document("" if part.media_type == OCTETS else part.media_type, part.content.size)
    check_agrees(tokens.values(tokens.top), filled_in)
    missing = [value for value in filled_in if value.tag not in tokens.top.places and value.data]
    tokens.set(tokens.top, sorted(missing))
    if isinstance(pixels, Value | Bulk) and not frames:
        _check_pixels(tokens.values(tokens.top), _size(pixels, found))
    sized = (_sized(token, found) for token in tokens)
    return written(sized, syntax, lambda name: _fragments(frames[name]) if name in frames else _value(found[name][0]))


def _size(pixels: Value | Bulk, found: Found) -> int:
    return len(pixels.data) if isinstance(pixels, Value) else found[pixels.digest][0].content.size


def _check_pixels(values: Mapping[int, bytes], size: int) -> None:
    """See that native pixels are as many as the metadata says; where that describes no image, nothing is known of them.

    Raises:
        DataSetMismatch: they are fewer.
    """
    try:
        image, frames = image_of(values), declared_frames(values) or 1
    except CannotConvert:
        return
    if image.photometric not in SUBSAMPLED and size * 8 < image.frame_bits * frames:
        wanted = (image.frame_bits * frames + 7) // 8
        raise DataSetMismatch(f"{tag_text(PIXEL_DATA)} has {size} bytes of the {wanted} that the metadata describes")


def _described(parts: Sequence[BulkPart], frames: bytes) -> Media:
    """Return what compressed frames, or a video, say of themselves; `frames` is how many its sender says there are."""
    stated = frames.strip(b" \0")
    if parts[0].is_frame and stated.isdigit() and int(stated) != len(parts):
        raise DataSetMismatch(f"{len(parts)} frames came of the {int(stated)} of {tag_text(NUMBER_OF_FRAMES)}")
    media = parts[0].describe()
    for part in parts[1:]:
        check_alike(media, part.describe())
    return media


def _sized(token: Token, found: Found) -> Token:
    """Return a value that came as bulk data with its size, which is even."""
    if not isinstance(token, Bulk) or token.fragments:
        return token
    parts = found[token.digest]
    if len(parts) > 1:
        raise CannotUnderstand(f"{tag_text(token.tag)} has several parts, which only compressed frames may have")
    parts[0].check_native()
    size = parts[0].content.size + parts[0].content.size % 2
    if size >= UNDEFINED:
        raise CannotUnderstand(f"{tag_text(token.tag)} has {size} bytes, more than a value can have")
    return replace(token, size=size, blob_size=size)


def _value(part: BulkPart) -> Iterator[bytes | memoryview]:
    yield from _pieces(part.content)
    yield bytes(part.content.size % 2)


def _fragments(parts: Sequence[BulkPart]) -> Iterator[bytes | memoryview]:
    """Give the items of encapsulated pixels: the offsets of the frames, and a fragment for each (PS3.5 A.4)."""
    sizes = [part.content.size + part.content.size % 2 for part in parts]
    starts = [0, *accumulate(size + ITEM_HEADER for size in sizes)][: len(sizes)]
    offsets = starts if len(parts) > 1 and starts[-1] < UNDEFINED else []
    yield _item(4 * len(offsets)) + pack(f"<{len(offsets)}I", *offsets)
    for part, size in zip(parts, sizes, strict=True):
        if size >= UNDEFINED:
            raise CannotUnderstand(f"a frame has {size} bytes, more than a fragment can have")
        yield _item(size)
        yield from _value(part)


def _item(size: int) -> bytes:
    return pack("<HHI", ITEM >> 16, ITEM & 0xFFFF, size)


def _pieces(content: Content) -> Iterator[memoryview]:
    for at in range(0, content.size, _PIECE):
        yield content.read(at, min(_PIECE, content.size - at))


def _frames_of(pixels: Bulk) -> str:
    return f"frames {pixels.digest}"


def _even(data: bytes, padding: bytes) -> bytes:
    return data + padding * (len(data) % 2)
