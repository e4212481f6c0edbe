"""From the text of a key in an identifier to what it asks for (PS3.4 C.2.2.2).

Tolerated, because nothing else can be meant: a lone `*` where no wild card is allowed is universal, and
several names or codes, separated by backslashes as UIDs are, ask for any of them.
"""

from dataclasses import dataclass
from typing import Final

from vna.dicom.describe import TEXT_VRS, is_uid
from vna.dicom.fuzzy_names import key_words
from vna.dicom.matching import (
    NUMBER_VRS,
    TEMPORAL_VRS,
    Empty,
    EveryOf,
    FuzzyName,
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

MULTIPLE_VALUE_VRS: Final = frozenset({"AE", "AS", "CS", "LO", "PN", "SH", "UC"})
"""VRs of which Multiple Value Matching takes several values (PS3.4 C.2.2.2.8); AT is nothing that is kept."""

BACKWARDS: Final = "range that ends before it starts"
_EMPTY: Final = '""'
_KINDS: Final = {"DA": "date", "TM": "time", "DT": "date and time"}


@dataclass(frozen=True, slots=True)
class Rules:
    """Kinds of matching that a requestor has to ask for.

    `fuzzy_names` (PS3.4 C.2.2.2.1.1), `empty_values`: two quotation marks ask for no value (C.2.2.2.7), and
    `every_value`: of several values each has to be there (C.2.2.2.8), otherwise one of them is enough. With
    `past_midnight` a range of times may end before it starts, for one that is matched together with a range of dates.
    """

    fuzzy_names: bool = False
    empty_values: bool = False
    every_value: bool = False
    past_midnight: bool = False


LITERAL: Final = Rules()


def parse_key(text: str, vr: str, rules: Rules = LITERAL) -> Matcher:
    """Return what a key asks for, from its text as `describe.text_of` gives it.

    Raises:
        ValueError: no value of this VR; the message tells what is wrong without repeating the value.
    """
    if not text.strip("*"):
        return Universal()
    if rules.empty_values and text == _EMPTY:
        return Empty()
    if vr in TEXT_VRS:
        return _wild_or_single(text, vr)
    if vr in TEMPORAL_VRS and "\\" not in text:
        return _parse_temporal(text, vr, rules)
    values = [value for value in text.split("\\") if value]
    if not values:
        return Universal()
    if len(values) == 1:
        return _parse_single(values[0], vr, rules)
    if vr != "UI" and vr not in WILD_CARD_VRS and not (rules.every_value and vr in MULTIPLE_VALUE_VRS):
        raise ValueError("several values")
    listed = frozenset(_listed(value, vr) for value in values)
    return EveryOf(listed) if rules.every_value and vr in MULTIPLE_VALUE_VRS else ListOfUID(listed)


def _parse_single(value: str, vr: str, rules: Rules) -> Matcher:
    _check(value, vr)
    if vr == "PN" and not value.strip("^= "):
        return Universal()
    if vr == "PN" and rules.fuzzy_names:
        return FuzzyName(value) if key_words(value.replace("=", "^")) else Universal()
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


def is_backwards(matcher: Matcher, vr: str) -> bool:
    """Return whether a key is a range that ends before it starts."""
    if not isinstance(matcher, Range):
        return False
    first, last = (span(end, vr) if end else None for end in (matcher.low, matcher.high))
    return bool(first and last and last.latest < first.earliest and first.offset == last.offset)


def _parse_temporal(text: str, vr: str, rules: Rules) -> Matcher:
    ends = split_range(text, vr)
    if ends is None:
        _check(text, vr)
        return SingleValue(text)
    low, high = ends
    matcher = Range(low or None, high or None)
    if is_backwards(matcher, vr) and not (rules.past_midnight and vr == "TM"):
        raise ValueError(BACKWARDS)
    return matcher
