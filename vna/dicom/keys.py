"""From the text of a key in an identifier to what it asks for (PS3.4 C.2.2.2).

Tolerated, because nothing else can be meant: a lone `*` where no wild card is allowed is universal, and
several names or codes, separated by backslashes as UIDs are, ask for any of them.
"""

from typing import Final

from vna.dicom.describe import TEXT_VRS, is_uid
from vna.dicom.matching import (
    NUMBER_VRS,
    TEMPORAL_VRS,
    ListOfUID,
    Matcher,
    Range,
    SingleValue,
    Universal,
    WildCard,
    number_of,
)
from vna.dicom.temporal import span, split_range

WILD_CARD_VRS: Final = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
"""VRs in which `*` and `?` are wild cards (PS3.4 C.2.2.2.4)."""

_KINDS: Final = {"DA": "date", "TM": "time", "DT": "date and time"}


def parse_key(text: str, vr: str) -> Matcher:
    """Return what a key asks for, from its text as `describe.text_of` gives it.

    Raises:
        ValueError: no value of this VR; the message tells what is wrong without repeating the value.
    """
    if not text.strip("*"):
        return Universal()
    if vr in TEXT_VRS:
        return _wild_or_single(text, vr)
    if vr in TEMPORAL_VRS and "\\" not in text:
        return _parse_temporal(text, vr)
    values = [value for value in text.split("\\") if value]
    if not values:
        return Universal()
    if len(values) == 1:
        return _parse_single(values[0], vr)
    if vr != "UI" and vr not in WILD_CARD_VRS:
        raise ValueError("several values")
    return ListOfUID(frozenset(_listed(value, vr) for value in values))


def _parse_single(value: str, vr: str) -> Matcher:
    _check(value, vr)
    if vr == "PN" and not value.strip("^= "):
        return Universal()
    return _wild_or_single(value, vr)


def _wild_or_single(text: str, vr: str) -> Matcher:
    return WildCard(text) if _is_wild(text, vr) else SingleValue(text)


def _is_wild(text: str, vr: str) -> bool:
    return vr in WILD_CARD_VRS and ("*" in text or "?" in text)


def _listed(value: str, vr: str) -> str:
    _check(value, vr)
    if _is_wild(value, vr):
        raise ValueError("wild card in a list of values")
    return value


def _check(value: str, vr: str) -> None:
    if vr == "UI" and not is_uid(value):
        raise ValueError("not a UID")
    if vr in NUMBER_VRS and number_of(value) is None:
        raise ValueError("not a number")
    if vr in TEMPORAL_VRS and span(value, vr) is None:
        raise ValueError(f"not a {_KINDS[vr]}")


def _parse_temporal(text: str, vr: str) -> Matcher:
    ends = split_range(text, vr)
    if ends is None:
        _check(text, vr)
        return SingleValue(text)
    low, high = ends
    first, last = span(low, vr), span(high, vr)
    if first and last and last.latest < first.earliest and first.offset == last.offset:
        raise ValueError("range that ends before it starts")
    return Range(low or None, high or None)
