"""The attributes of a data set that say how its pixels are, read, and written anew after a conversion.

Only what the conversion makes untrue is changed: Photometric Interpretation, Planar Configuration, High Bit, a missing
Number of Frames, and the lossy attributes where the pixels have been through a lossy compression (PS3.3 C.7.6.1.1.5).
Values are those of `vna.dicom.values`: bytes, little endian.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vna.dicom.frames import EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS
from vna.dicom.image_layout import (
    BITS_ALLOCATED,
    COLUMNS,
    NUMBER_OF_FRAMES,
    PLANAR_CONFIGURATION,
    ROWS,
    SAMPLES_PER_PIXEL,
)
from vna.dicom.implicit_vr import PIXEL_REPRESENTATION
from vna.dicom.values import Value
from vna.errors import CannotConvert
from vna.pixels.codecs import lossy_method
from vna.pixels.image import ALLOCATIONS, Image

PHOTOMETRIC_INTERPRETATION: Final = 0x00280004
BITS_STORED: Final = 0x00280101
HIGH_BIT: Final = 0x00280102
LOSSY_IMAGE_COMPRESSION: Final = 0x00282110
LOSSY_IMAGE_COMPRESSION_RATIO: Final = 0x00282112
LOSSY_IMAGE_COMPRESSION_METHOD: Final = 0x00282114

IMAGE_TAGS: Final = (
    *(SAMPLES_PER_PIXEL, PHOTOMETRIC_INTERPRETATION, PLANAR_CONFIGURATION, NUMBER_OF_FRAMES, ROWS, COLUMNS),
    *(BITS_ALLOCATED, BITS_STORED, HIGH_BIT, PIXEL_REPRESENTATION),
    *(EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS),
)
"""The attributes that say how pixels are and where frames lie."""

_LOSSY: Final = b"01"
_MOST_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Loss:
    """A lossy compression the pixels have been through: the syntax that did it, and the sizes before and after."""

    transfer_syntax: str
    native_bytes: int
    compressed_bytes: int


def image_of(values: Mapping[int, bytes]) -> Image:
    """Return the image that attributes describe, by tag.

    Raises:
        CannotConvert: they lack something, or describe pixels of a kind that occurs nowhere.
    """
    rows, columns, allocated = (required_in(values, tag) for tag in (ROWS, COLUMNS, BITS_ALLOCATED))
    stored = number_in(values, BITS_STORED) or allocated
    high = number_in(values, HIGH_BIT)
    samples = number_in(values, SAMPLES_PER_PIXEL) or 1
    if samples not in (1, 3) or allocated not in ALLOCATIONS or stored > allocated:
        raise CannotConvert(f"an image of {samples} samples a pixel, {stored} of {allocated} bits each")
    return Image(
        rows=rows,
        columns=columns,
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1 if high is None else high,
        signed=number_in(values, PIXEL_REPRESENTATION) == 1,
        photometric=_text(values, PHOTOMETRIC_INTERPRETATION) or ("RGB" if samples == 3 else "MONOCHROME2"),
        by_plane=samples > 1 and number_in(values, PLANAR_CONFIGURATION) == 1,
    )


def declared_frames(values: Mapping[int, bytes]) -> int | None:
    """Return Number of Frames (0028,0008), None if it is absent or empty.

    Raises:
        CannotConvert: it is no positive number.
    """
    text = _text(values, NUMBER_OF_FRAMES)
    if not text:
        return None
    if not text.isdigit() or len(text) > _MOST_DIGITS or not int(text):
        raise CannotConvert("Number of Frames (0028,0008) is no positive number")
    return int(text)


def image_changes(before: Image, after: Image, values: Mapping[int, bytes]) -> list[Value]:
    """Return the Image Pixel attributes to be set when one image became the other."""
    changed = []
    if after.photometric != before.photometric:
        changed.append(_code(PHOTOMETRIC_INTERPRETATION, after.photometric))
    if after.samples > 1 and number_in(values, PLANAR_CONFIGURATION) != after.by_plane:
        changed.append(_unsigned(PLANAR_CONFIGURATION, after.by_plane))
    if after.high_bit != before.high_bit:
        changed.append(_unsigned(HIGH_BIT, after.high_bit))
    return changed


def frame_changes(frames: int, values: Mapping[int, bytes]) -> list[Value]:
    """Return Number of Frames if there are several and no attribute says so."""
    if frames == 1 or _text(values, NUMBER_OF_FRAMES):
        return []
    return [Value(NUMBER_OF_FRAMES, "IS", _padded(str(frames)))]


def loss_changes(loss: Loss, values: Mapping[int, bytes]) -> list[Value]:
    """Return the lossy attributes that are missing; ratio and method only where neither is there.

    Both are lists, one value for each time the pixels were compressed with loss: a part of them is not guessed at.
    """
    changed = []
    if _text(values, LOSSY_IMAGE_COMPRESSION) != _LOSSY.decode():
        changed.append(Value(LOSSY_IMAGE_COMPRESSION, "CS", _LOSSY))
    given = (_text(values, tag) for tag in (LOSSY_IMAGE_COMPRESSION_RATIO, LOSSY_IMAGE_COMPRESSION_METHOD))
    if not any(given):
        ratio = f"{loss.native_bytes / max(loss.compressed_bytes, 1):.6g}"
        changed.append(Value(LOSSY_IMAGE_COMPRESSION_RATIO, "DS", _padded(ratio)))
        changed.append(_code(LOSSY_IMAGE_COMPRESSION_METHOD, lossy_method(loss.transfer_syntax)))
    return changed


def says_nothing_of_loss(values: Mapping[int, bytes]) -> bool:
    """Return whether Lossy Image Compression (0028,2110) is absent."""
    return not _text(values, LOSSY_IMAGE_COMPRESSION)


def required_in(values: Mapping[int, bytes], tag: int) -> int:
    """Return the 16-bit number of an attribute.

    Raises:
        CannotConvert: it is absent or zero.
    """
    number = number_in(values, tag)
    if not number:
        raise CannotConvert(f"the image has no ({tag >> 16:04X},{tag & 0xFFFF:04X})")
    return number


def number_in(values: Mapping[int, bytes], tag: int) -> int | None:
    """Return the 16-bit number of an attribute, None if it is absent."""
    raw = values.get(tag, b"")
    return int.from_bytes(raw[:2], "little") if len(raw) >= 2 else None


def _text(values: Mapping[int, bytes], tag: int) -> str:
    return values.get(tag, b"").decode("ascii", "replace").strip(" \0")


def _code(tag: int, text: str) -> Value:
    return Value(tag, "CS", _padded(text))


def _unsigned(tag: int, number: int) -> Value:
    return Value(tag, "US", number.to_bytes(2, "little"))


def _padded(text: str) -> bytes:
    return text.encode("ascii") + b" " * (len(text) % 2)
