"""Whether an instance that came back is the one that was sent (PS3.4 B.4.1: level 2 keeps every attribute)."""

import zlib
from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from conformance.checks.verdicts import Failed
from conformance.corpus import Instance

BYTE_FOR_BYTE = "byte for byte"
SAME_ATTRIBUTES = "same attributes, encoded anew"
_MOST_NAMED = 5


def compare(sent: Instance, came: Instance) -> str:
    """Return how two encodings of an instance agree, `BYTE_FOR_BYTE` or `SAME_ATTRIBUTES`.

    Attributes may have been added. In another transfer syntax, compressed pixels are not compared.

    Raises:
        Failed: an attribute is missing or has another value; the message names tags, no values.
    """
    if sent.transfer_syntax == came.transfer_syntax and sent.data == came.data:
        return BYTE_FOR_BYTE
    before, after = _parsed(sent), _parsed(came)
    compressed = UID(sent.transfer_syntax).is_encapsulated or UID(came.transfer_syntax).is_encapsulated
    skipped = {0x7FE00010} if compressed and sent.transfer_syntax != came.transfer_syntax else set()
    changed = [
        element.tag for element in before if _counts(element.tag, skipped) and not _same(before, after, element.tag)
    ]
    if changed:
        names = ", ".join(f"{tag}" for tag in changed[:_MOST_NAMED])
        raise Failed(f"{len(changed)} attributes came back changed or not at all: {names}")
    return SAME_ATTRIBUTES


def _counts(tag: int, skipped: set[int]) -> bool:
    """Return whether an attribute is compared: no group lengths, no padding, no character set, as text is compared."""
    return bool(tag & 0xFFFF) and tag not in (0xFFFCFFFC, 0x00080005) and tag not in skipped


def _same(before: Dataset, after: Dataset, tag: int) -> bool:
    if tag not in after:
        return False
    one, other = before[tag].value, after[tag].value
    if isinstance(one, bytes) and isinstance(other, bytes):
        return one.rstrip(b"\0 ") == other.rstrip(b"\0 ")
    if before[tag].VR == "SQ" and after[tag].VR == "SQ":
        return len(one) == len(other) and all(_same_item(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other) or str(one or "") == str(other or "")


def _same_item(before: Dataset, after: Dataset) -> bool:
    return all(_same(before, after, element.tag) for element in before if _counts(element.tag, set()))


def _parsed(instance: Instance) -> Dataset:
    syntax, data = UID(instance.transfer_syntax), instance.data
    if syntax == DeflatedExplicitVRLittleEndian:
        data = zlib.decompress(data, -zlib.MAX_WBITS)
    ds = read_dataset(BytesIO(data), is_implicit_VR=syntax.is_implicit_VR, is_little_endian=syntax.is_little_endian)
    if not syntax.is_little_endian and "PixelData" in ds and ds["PixelData"].VR == "OW":
        ds["PixelData"].value = np.frombuffer(ds.PixelData, ">u2").astype("<u2").tobytes()
    return ds
