"""Whether what arrived is what was sent: byte for byte, or as the same content in other bytes.

Stacks that read a data set and write it anew change lengths of sequences, padding, character sets, the last digits of
decimal strings and transfer syntaxes; they may not change a value. Pixels that a stack took in another transfer syntax
are compared decoded.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import DataElement, Dataset, dcmread
from pydicom.uid import UID, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from conformance import phantoms
from conformance.corpus import Instance
from conformance.sources import read_part10

_WRITERS_OWN = ("SpecificCharacterSet", "DataSetTrailingPadding")
_OF_DECODED_PIXELS = ("PixelData", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
"""What is left out where pixels are compared decoded: lossy ones then say what they went through (PS3.3 C.7.6.1)."""

_FILE_META = b"\2\0"
_PIXEL_VRS = ("OB", "OW")


class Likeness(StrEnum):
    """How what arrived resembles what was sent."""

    IDENTICAL = "byte for byte"
    SAME = "same content, written anew"


def compare(sent: Iterable[Instance], arrived: Mapping[str, Instance]) -> str:
    """Check that every instance arrived, and return in words how.

    Args:
        arrived: by SOP Instance UID.
    """
    counted = Counter(likeness(one, arrived[one.sop_instance_uid]) for one in sent)
    return ", ".join(f"{number} {how}" for how, number in sorted(counted.items()))


def likeness(sent: Instance, arrived: Instance) -> Likeness:
    """Return how an instance resembles what was sent; an assertion fails where a value differs."""
    if arrived == sent:
        return Likeness.IDENTICAL
    assert not arrived.data.startswith(_FILE_META), "File Meta Information stands in the data set"
    first, second = _read(sent), _read(arrived)
    if _is_decoded(first) != _is_decoded(second) or RLELossless in map(_syntax, (first, second)):
        assert np.array_equal(first.pixel_array, second.pixel_array)
        for ds in (first, second):
            for keyword in _OF_DECODED_PIXELS:
                ds.pop(keyword, None)
    before, after = _values(first), _values(second)
    different = sorted(tag for tag in before.keys() | after.keys() if before.get(tag) != after.get(tag))
    assert not different, {tag: (str(before.get(tag))[:80], str(after.get(tag))[:80]) for tag in different}
    return Likeness.SAME


def read_folder(folder: Path) -> dict[str, Instance]:
    """Return the instances of the files anywhere in a folder, by SOP Instance UID."""
    read = [_instance(path.read_bytes()) for path in folder.rglob("*") if path.is_file()]
    return {one.sop_instance_uid: one for one in read}


def _instance(data: bytes) -> Instance:
    """Return the instance of a file; CTN keeps what came in Implicit VR Little Endian as a bare data set."""
    if data[128:132] == b"DICM":
        return read_part10(data)
    ds = dcmread(BytesIO(data), force=True, stop_before_pixels=True)
    return Instance(ds.SOPClassUID, ds.SOPInstanceUID, ImplicitVRLittleEndian, data)


def _read(instance: Instance) -> Dataset:
    head = phantoms.part10_head(instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax)
    ds = dcmread(BytesIO(head + instance.data))
    ds.decode()
    return ds


def _syntax(ds: Dataset) -> UID:
    syntax: UID = ds.file_meta.TransferSyntaxUID
    return syntax


def _is_decoded(ds: Dataset) -> bool:
    return not _syntax(ds).is_encapsulated


def _values(ds: Dataset) -> dict[str, object]:
    """Return the values of a data set by tag, without what is a writer's own affair."""
    kept = [element for element in ds if element.tag.element != 0 and element.keyword not in _WRITERS_OWN]
    return {str(element.tag): _value(ds, element) for element in kept}


def _value(ds: Dataset, element: DataElement) -> object:
    if element.VR == "SQ":
        return [_values(item) for item in element.value]
    if element.VR in _PIXEL_VRS and isinstance(element.value, bytes):
        return _little_endian(ds, element)
    if element.VR == "DS" and element.value:
        return [f"{float(number):.12g}" for number in np.atleast_1d(element.value)]
    return element.VR, element.value


def _little_endian(ds: Dataset, element: DataElement) -> bytes:
    """Return the bytes of OB and OW alike, padded, words in little endian order."""
    value: bytes = element.value + b"\0" * (len(element.value) % 2)
    if hasattr(ds, "file_meta") and _syntax(ds) == ExplicitVRBigEndian and element.VR == "OW":
        return np.frombuffer(value, ">u2").astype("<u2").tobytes()
    return value
