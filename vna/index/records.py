"""One reading of a patient's, study's, series' or instance's attributes, as columns of a row."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from vna.dicom.attributes import BY_KEYWORD, Level, Storage, at_level
from vna.dicom.describe import Value
from vna.dicom.matching import fold
from vna.events import InstanceStored
from vna.index import tables


class _Kept:
    """How the attributes of one level are kept."""

    def __init__(self, level: Level) -> None:
        by_storage = {storage: [a.keyword for a in at_level(level) if a.storage is storage] for storage in Storage}
        self.columns = [keyword for keyword in by_storage[Storage.COLUMN] if keyword not in tables.OWN_TABLE]
        self.terms = [(keyword, tables.term_column(keyword)) for keyword in by_storage[Storage.TERM]]
        self.more = frozenset(by_storage[Storage.RETURN] + by_storage[Storage.SEQUENCE])


_KEPT = {level: _Kept(level) for level in Level}


def record_columns(
    values: Mapping[str, Value], levels: tuple[Level, ...], *, term_id: Callable[[str, Value | None], int | None]
) -> dict[str, Any]:
    """Return the attribute columns of a record: texts, references to terms, and `more`.

    Args:
        term_id: gives the row number of a text in its dictionary, None for no text.
    """
    row: dict[str, Any] = {}
    more: dict[str, Value] = {}
    for level in levels:
        kept = _KEPT[level]
        row |= {keyword: _text(values.get(keyword)) for keyword in kept.columns}
        row |= {column: term_id(keyword, values.get(keyword)) for keyword, column in kept.terms}
        more |= {keyword: value for keyword, value in values.items() if keyword in kept.more}
    row["more"] = orjson.dumps(more, default=dict).decode()
    return row


def with_issuer(values: Mapping[str, Value], event: InstanceStored) -> Mapping[str, Value]:
    """Return a patient's values with the issuer that was assumed for their ID, where the data set says none.

    That is the one the peer was registered with; the name of a source is none, though it tells patients apart.
    """
    if values.get("IssuerOfPatientID") or not values.get("PatientID") or event.issuer == event.source:
        return values
    return {**values, "IssuerOfPatientID": event.issuer}


def _text(value: Value | None) -> str:
    return value if isinstance(value, str) else ""


def forms_of(keyword: str, value: str) -> set[str]:
    """Return what a wild card is compared with: each value, and of a name each group, folded."""
    parts = value.split("\\")
    if BY_KEYWORD[keyword].vr == "PN":
        parts = [group for part in parts for group in part.split("=")]
    return {folded for part in parts if (folded := fold(part))}


def fingerprint_of(values: Mapping[str, Value], issuer: str) -> bytes:
    """Return 16 bytes that tell one reading of a study or series from another."""
    text = orjson.dumps([issuer, values], default=dict, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).digest()[:16]
