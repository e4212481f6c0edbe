"""Data sets made and read by pydicom, the reference that vna.dicom is held against."""

import warnings
from io import BytesIO
from typing import Any

import hypothesis.strategies as st
import numpy as np
from pydicom import config
from pydicom.datadict import DicomDictionary
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from vna.dicom.encoding import WORD

IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"

Flat = dict[tuple[int, ...], tuple[str, bytes]]
"""VR and value by the path to an element: tags, and item numbers between them."""


def encode(dataset: Dataset, transfer_syntax: str) -> bytes:
    """Write a data set with pydicom; pixels are written as they are given."""
    out = DicomBytesIO()
    out.is_little_endian = transfer_syntax != EXPLICIT_BE
    out.is_implicit_VR = transfer_syntax == IMPLICIT_LE
    with warnings.catch_warnings(action="ignore"):
        write_dataset(out, dataset)
    return out.getvalue()


def decode(data: bytes, transfer_syntax: str) -> Dataset:
    """Read a data set with pydicom; its elements stay raw."""
    with warnings.catch_warnings(action="ignore"):
        return read_dataset(BytesIO(data), transfer_syntax == IMPLICIT_LE, transfer_syntax != EXPLICIT_BE)


def raw_elements(dataset: Dataset) -> dict[int, RawDataElement | DataElement]:
    """Return what pydicom read, not converted."""
    return {int(tag): element for tag, element in dataset._dict.items()}


def flatten(dataset: Dataset, path: tuple[int, ...] = ()) -> Flat:
    """Return all values of a data set, little endian; group lengths and Length to End left out."""
    flat: Flat = {}
    for tag, element in raw_elements(dataset).items():
        if tag & 0xFFFF == 0 or tag == 0x00080001:
            continue
        vr, raw = _vr_of(dataset, element), element.value
        if vr == "SQ":
            with warnings.catch_warnings(action="ignore"):
                items = dataset[tag].value
            flat[(*path, tag)] = ("SQ", b"")
            for number, item in enumerate(items):
                flat[(*path, tag, number)] = ("", b"")
                flat |= flatten(item, (*path, tag, number))
        else:
            assert isinstance(element, RawDataElement)
            flat[(*path, tag)] = (vr, _little_endian(raw or b"", vr, element))
    return flat


def _vr_of(dataset: Dataset, element: RawDataElement | DataElement) -> str:
    if element.VR is not None:
        return str(element.VR)
    with warnings.catch_warnings(action="ignore"):
        try:
            return str(dataset[element.tag].VR)
        except Exception:  # noqa: BLE001 - of wrong values pydicom raises anything
            return "?"


def _little_endian(raw: bytes, vr: str, element: RawDataElement) -> bytes:
    if element.is_little_endian or vr not in WORD:
        return raw
    return np.frombuffer(raw, f">u{WORD[vr]}").astype(f"<u{WORD[vr]}").tobytes()


_TEXT = st.text("ABCxyz019 .-", max_size=12)
_NUMBER = {"US": (0, 2**16 - 1), "SS": (-(2**15), 2**15 - 1), "UL": (0, 2**32 - 1), "SL": (-(2**31), 2**31 - 1)}
_NUMBER |= {"UV": (0, 2**64 - 1), "SV": (-(2**63), 2**63 - 1), "AT": (0, 2**32 - 1)}


def _value(vr: str) -> st.SearchStrategy[Any]:
    if vr in _NUMBER:
        return st.lists(st.integers(*_NUMBER[vr]), max_size=3)
    if vr in ("FL", "FD"):
        return st.lists(st.floats(width=32, allow_nan=False), max_size=3)
    if vr in WORD:
        return st.binary(max_size=3).map(lambda b: b * WORD[vr])
    if vr in ("OB", "UN"):
        return st.binary(max_size=8).map(lambda b: b + b"\x01" * (len(b) % 2))
    if vr in ("DS", "IS"):
        return st.integers(-999, 999).map(str)
    if vr == "UI":
        return st.sampled_from(["", "1.2.3", "1.2.840.10008.1.1"])
    return _TEXT


_VRS = "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SS ST SV TM UC UI UL UN UR US UT UV".split()
_STANDARD = {
    vr: [tag for tag, entry in DicomDictionary.items() if entry[0] == vr and 0x0008FFFF < tag < 0x7FE00000][:4]
    for vr in [*_VRS, "SQ"]
}


@st.composite
def data_sets(draw: st.DrawFn, levels: int = 2) -> Dataset:
    """Make a data set of any VRs, public and private, with nested sequences of either kind of length."""
    dataset = Dataset()
    if draw(st.booleans()):
        dataset.add_new(0x00110010, "LO", "SOMEBODY")
    for vr in draw(st.lists(st.sampled_from(_VRS), max_size=8)):
        tag = draw(st.sampled_from([*_STANDARD[vr], *range(0x00111001, 0x00111006)]))
        dataset[tag] = DataElement(tag, vr, draw(_value(vr)), validation_mode=config.IGNORE)
    for _ in range(draw(st.integers(0, 2)) if levels else 0):
        tag = draw(st.sampled_from([*_STANDARD["SQ"], 0x00111010]))
        items = draw(st.lists(data_sets(levels=levels - 1), max_size=3))
        for item in items:
            item.is_undefined_length_sequence_item = draw(st.booleans())
        sequence = Sequence(items)
        dataset[tag] = DataElement(tag, "SQ", sequence)
        dataset[tag].is_undefined_length = sequence.is_undefined_length = draw(st.booleans())
    return dataset
