"""Answers to queries that a stack leaves as DICOM data sets."""

from collections.abc import Mapping

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue


def as_text(ds: Dataset) -> Mapping[str, str]:
    """Return the text of each attribute by keyword, values separated by backslashes."""
    return {element.keyword: _text(element.value) for element in ds if element.keyword}


def _text(value: object) -> str:
    if isinstance(value, MultiValue):
        return "\\".join(map(str, value))
    return "" if value is None else str(value)
