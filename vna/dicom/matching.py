"""What it means for a value to match a key (PS3.4 C.2.2.2): the one definition, for every service.

A database may narrow what is looked at, by `fold` and `like_pattern`; `matches` decides. Keys come from
`vna.dicom.keys`, which has checked them.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from vna.dicom.attributes import ATTRIBUTES
from vna.dicom.describe import BINARY_VRS, TEXT_VRS, Value
from vna.dicom.fuzzy_names import name_test
from vna.dicom.temporal import DAY, Span, between, combined, span
from vna.dicom.wild_cards import wild_card

TEMPORAL_VRS: Final = frozenset({"DA", "DT", "TM"})
NUMBER_VRS: Final = frozenset({"DS", "IS", *BINARY_VRS})


@dataclass(frozen=True, slots=True)
class Universal:
    """Matches everything, and asks for the value (PS3.4 C.2.2.2.3)."""


@dataclass(frozen=True, slots=True)
class SingleValue:
    """Matches an equal value (PS3.4 C.2.2.2.1)."""

    value: str


@dataclass(frozen=True, slots=True)
class ListOfUID:
    """Matches any of several values: UIDs (PS3.4 C.2.2.2.2), or codes, as many clients send modalities."""

    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class WildCard:
    """Matches by pattern: `*` is any text or none, `?` one character (PS3.4 C.2.2.2.4)."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Range:
    """Matches from `low` to `high`, both included; None is an open end (PS3.4 C.2.2.2.5)."""

    low: str | None
    high: str | None


@dataclass(frozen=True, slots=True)
class EveryOf:
    """Matches if each of several values is among those of the attribute (PS3.4 C.2.2.2.8)."""

    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class FuzzyName:
    """Matches names that are spelt or put otherwise (PS3.4 C.2.2.2.1.1), as vna.dicom.fuzzy_names says."""

    name: str


@dataclass(frozen=True, slots=True)
class Empty:
    """Matches an absent or empty value (PS3.4 C.2.2.2.7)."""


@dataclass(frozen=True, slots=True)
class SequenceMatch:
    """Matches if one item of the sequence matches every key (PS3.4 C.2.2.2.6)."""

    keys: "Mapping[str, Matcher]"


Matcher = Universal | SingleValue | ListOfUID | WildCard | Range | EveryOf | FuzzyName | Empty | SequenceMatch

_ITEM_VRS: Final = {item.keyword: item.vr for attribute in ATTRIBUTES for item in attribute.items}


def matches(matcher: Matcher, value: Value | None, vr: str) -> bool:
    """Return whether an attribute's value matches a key of this VR.

    Of several values one is enough. An absent or empty value matches universally, or if it is asked for.
    """
    if isinstance(matcher, Universal):
        return True
    if isinstance(matcher, Empty) or not value:
        return isinstance(matcher, Empty) and not value
    if isinstance(matcher, SequenceMatch):
        return not isinstance(value, str) and any(_item_matches(matcher.keys, item) for item in value)
    if not isinstance(value, str):
        return False
    if isinstance(matcher, EveryOf):
        return all(matches(SingleValue(wanted), value, vr) for wanted in matcher.values)
    test = _test(matcher, vr)
    return test(value) if vr in TEXT_VRS else any(map(test, value.split("\\")))


def matches_moment(date_key: Range, time_key: Range, date: Value | None, time: Value | None) -> bool:
    """Return whether a date and a time, taken together, lie in two ranges taken together.

    For queries with combined date-time matching negotiated (PS3.4 C.2.2.2.5.2). Both ranges have the
    same ends open; without a time the whole day counts.
    """
    day = span(date, "DA") if isinstance(date, str) else None
    if day is None:
        return False
    moment = span(time, "TM") if isinstance(time, str) else None
    value = combined(day, moment or DAY)
    return between(value, _combined_end(date_key.low, time_key.low), _combined_end(date_key.high, time_key.high))


def fold(text: str) -> str:
    """Return the form in which texts are alike that differ in case or composition only; diacritics count.

    Spaces and component delimiters go where they mean nothing, at the end (PS3.5 6.2.1), and before a
    wild card, so that `DOE^*` still lets `DOE^` through when both are folded.

    >>> fold("Müller^Jörg^^"), fold("DOE^*")
    ('müller^jörg', 'doe*')
    """
    return re.sub(r"[ ^]+(?=[*?]|\Z)", "", _caseless(text))


def like_pattern(pattern: str) -> str:
    r"""Return an SQL LIKE pattern, escaped by a backslash, that lets through all that a wild card matches.

    `?` becomes `%`: folding may turn one character into two.

    >>> like_pattern("100%_C?T*")
    '100\\%\\_C%T%'
    """
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern)
    return re.sub(r"[*?]+", "%", escaped)


def number_of(text: str) -> Decimal | None:
    """Return the number a DS or IS value stands for, None if it is none (PS3.5 6.2)."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _item_matches(keys: Mapping[str, Matcher], item: Mapping[str, str]) -> bool:
    return all(matches(key, item.get(keyword), _ITEM_VRS[keyword]) for keyword, key in keys.items())


@lru_cache(maxsize=256)
def _test(matcher: SingleValue | ListOfUID | WildCard | Range | FuzzyName, vr: str) -> Callable[[str], bool]:
    """Return the test that one value has to pass; kept, as a query asks it of thousands."""
    match matcher:
        case SingleValue(key):
            return _equality(key, vr)
        case ListOfUID(keys) if vr == "PN":
            tests = [_equality(key, vr) for key in keys]
            return lambda value: any(test(value) for test in tests)
        case ListOfUID(keys):
            wanted = frozenset(map(_plain, keys))
            return lambda value: _plain(value) in wanted
        case FuzzyName(name):
            return name_test(name)
        case WildCard(pattern):
            if vr == "PN":
                return _wild_name_test(pattern)
            matching = wild_card(unicodedata.normalize("NFC", pattern)).fullmatch
            return lambda value: matching(_plain(value)) is not None
        case Range(low, high):
            low_end, high_end = (None if end is None else span(end, vr) for end in (low, high))
            return lambda value: _is_between(span(value.strip(), vr), low_end, high_end)


def _equality(key: str, vr: str) -> Callable[[str], bool]:
    if vr == "PN":
        return _name_test(key, lambda part: part.rstrip(" ^").__eq__, _caseless)
    if vr in TEMPORAL_VRS:
        wanted = span(key, vr)
        return lambda value: _is_between(span(value.strip(), vr), wanted, wanted)
    if vr in NUMBER_VRS:
        number = number_of(key)
        return lambda value: number is not None and number_of(value) == number
    plain = _plain(key)
    return lambda value: _plain(value) == plain


def _is_between(value: Span | None, low: Span | None, high: Span | None) -> bool:
    return value is not None and between(value, low, high)


def _combined_end(date: str | None, time: str | None) -> Span | None:
    day = span(date, "DA") if date else None
    moment = span(time, "TM") if time else None
    return combined(day, moment or DAY) if day else None


def _plain(text: str) -> str:
    """Return a text without what never counts: padding, and how accents are composed."""
    return unicodedata.normalize("NFC", text).rstrip(" ")


def _wild_name_test(pattern: str) -> Callable[[str], bool]:
    """Compare names with a pattern; `?` is one character, also one that is two without regard to case (ß)."""
    folded = _name_test(pattern, lambda part: wild_card(part).fullmatch, _caseless)
    if "?" not in pattern:
        return folded
    lower = _name_test(pattern, lambda part: wild_card(part).fullmatch, _lower)
    return lambda value: folded(value) or lower(value)


def _name_test(
    key: str, part_test: Callable[[str], Callable[[str], object]], alike: Callable[[str], str]
) -> Callable[[str], bool]:
    """Compare names group by group (PS3.4 C.2.2.2.1.2), with and without their trailing delimiters.

    A key of one group matches any of a name's groups, so that a search in ideographs or by sound
    works; of more groups each has to match its own, empty ones anything. `alike` gives texts the form in which case
    does not count.
    """
    tests = [part_test(part) if part.strip(" ^") else None for part in alike(key).split("=")]

    def test(value: str) -> bool:
        groups = alike(value).split("=")
        if len(tests) == 1:
            return any(_passes(tests[0], group) for group in groups)
        missing = [""] * (len(tests) - len(groups))
        return all(map(_passes, tests, groups + missing))

    return test


def _passes(test: Callable[[str], object] | None, group: str) -> bool:
    return test is None or bool(test(group.rstrip(" ^")) or test(group.rstrip(" ")))


def _caseless(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _lower(text: str) -> str:
    """Return a text in lower case, of as many characters as it has."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(character.lower() if len(character.lower()) == 1 else character for character in composed)
