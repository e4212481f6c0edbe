import re
import string
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vna.dicom.matching import (
    ListOfUID,
    Range,
    SequenceMatch,
    SingleValue,
    Universal,
    WildCard,
    fold,
    like_pattern,
    matches,
    matches_moment,
)

PIECES = st.text("ab?*", max_size=8)
NAMES = st.lists(st.text("aAbBéÉ^ ", max_size=6), min_size=1, max_size=3).map("=".join)
DATES = st.dates().map(lambda date: f"{date.year:04}{date:%m%d}")


def glob(pattern: str, text: str) -> bool:
    """Say by trying every way whether a wild card matches: slow, and nothing to get wrong."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(glob(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and glob(pattern[1:], text[1:])


def is_wild(text: str) -> bool:
    return "*" in text or "?" in text


def sql_like(pattern: str, text: str) -> bool:
    """Say whether an SQL LIKE with backslash as its escape lets a text through."""
    translated = {"%": ".*", "_": "."}
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    regex = "".join(translated.get(part) or re.escape(part[-1]) for part in parts)
    return re.fullmatch(regex, text, re.DOTALL) is not None


@pytest.mark.parametrize("value", [None, "", "anything", ({"CodeValue": "1"},)])
def test_universal_matches_everything(value: object) -> None:
    """PS3.4 C.2.2.2.3."""
    assert matches(Universal(), value, "LO")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "matcher", [SingleValue("A"), ListOfUID(frozenset({"1"})), WildCard("?*"), Range("2020", None)]
)
def test_an_absent_value_matches_universally_only(matcher: SingleValue) -> None:
    assert not matches(matcher, None, "LO")
    assert not matches(matcher, "", "LO")


@pytest.mark.parametrize(
    ("key", "value", "vr", "expected"),
    [
        ("CT", "CT", "CS", True),
        ("CT", "ct", "CS", False),
        ("CT", "CT ", "CS", True),
        ("CT ", "CT", "CS", True),
        ("CT", "MR\\CT", "CS", True),
        ("CT", "MR\\XCT", "CS", False),
        ("a\\b", "a\\b", "LT", True),
        ("b", "a\\b", "LT", False),
        ("Ö", "O\u0308", "LO", True),
        ("O", "Ö", "LO", False),
        ("1", "01", "IS", True),
        ("1.50", "1.5", "DS", True),
        ("1.5", "15e-1", "DS", True),
        ("1", "one", "IS", False),
        ("512", "512", "US", True),
        ("1", "NaN", "DS", False),
        ("1.2.3", "1.2.3", "UI", True),
        ("1.2.3", "1.2.30", "UI", False),
    ],
)
def test_single_values_match_their_equals(key: str, value: str, vr: str, expected: bool) -> None:
    """PS3.4 C.2.2.2.1."""
    assert matches(SingleValue(key), value, vr) is expected


def test_a_list_matches_any_of_its_values() -> None:
    """PS3.4 C.2.2.2.2."""
    key = ListOfUID(frozenset({"1.2.3", "1.2.4"}))

    assert matches(key, "1.2.4", "UI")
    assert not matches(key, "1.2.5", "UI")


def test_a_list_of_names_matches_as_names_do() -> None:
    assert matches(ListOfUID(frozenset({"doe^john", "roe"})), "Roe^^", "PN")


@given(PIECES, st.text("ab", max_size=8))
def test_wild_cards_match_as_every_way_tried_says(pattern: str, text: str) -> None:
    """PS3.4 C.2.2.2.4."""
    if pattern and text:
        assert matches(WildCard(pattern), text, "LO") == glob(pattern, text)


@given(PIECES.filter(bool), st.text("aAbB.[\\%_é\n", min_size=1, max_size=8))
def test_other_characters_of_a_pattern_mean_themselves(pattern: str, text: str) -> None:
    value = text.replace("\\", "/")

    assert matches(WildCard(value), value, "LO")
    assert matches(WildCard(pattern), value, "UT") == glob(pattern, value.rstrip(" "))


def test_no_pattern_takes_long() -> None:
    """A pattern of many stars must not take the worker: its cost is not exponential."""
    started = time.monotonic()

    assert not matches(WildCard("*a" * 60 + "*b"), "a" * 5000, "LO")
    assert time.monotonic() - started < 1


@settings(max_examples=200)
@given(st.text("ab?*^ ", max_size=8).map(str.strip).filter(is_wild), st.text("abABßéÉ%_\\=^ ", min_size=1, max_size=8))
def test_sql_lets_through_every_match_of_a_wild_card(pattern: str, text: str) -> None:
    """What a database compares is folded; it may let through more, never less."""
    for value in map(str.strip, re.split(r"[\\=]", text)):
        if value and matches(WildCard(pattern), value, "LO"):
            assert sql_like(like_pattern(fold(pattern)), fold(value))
            assert sql_like(like_pattern(pattern), value)
        if value and matches(WildCard(pattern), value, "PN"):
            assert sql_like(like_pattern(fold(pattern)), fold(value))


@given(st.text(string.printable, max_size=20))
def test_escaped_patterns_are_literal(text: str) -> None:
    literal = text.replace("*", "").replace("?", "")

    assert sql_like(like_pattern(literal), literal)
    assert not sql_like(like_pattern(literal), literal + "x")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("martin^jean", "MARTIN^JEAN", True),
        ("Yamada", "Yamada", True),
        ("Yamada", "Yamada^^^^", True),
        ("Yamada^^", "Yamada", True),
        ("Yamada", "Yamada^Tarou", False),
        ("Yamada^Tarou", "Yamada^Tarou=山田^太郎=やまだ^たろう", True),
        ("山田^太郎", "Yamada^Tarou=山田^太郎=やまだ^たろう", True),
        ("やまだ^たろう", "Yamada^Tarou=山田^太郎=やまだ^たろう", True),
        ("Yamada^Tarou=山田^太郎", "Yamada^Tarou=山田^太郎=やまだ^たろう", True),
        ("Yamada^Tarou=山田^花子", "Yamada^Tarou=山田^太郎=やまだ^たろう", False),
        ("=山田^太郎", "Yamada^Tarou=山田^太郎", True),
        ("=Yamada^Tarou", "Yamada^Tarou=山田^太郎", False),
        ("Yamada^Tarou=山田^太郎", "Yamada^Tarou", False),
        ("Muller", "Müller", False),
        ("MÜLLER", "Mu\u0308ller", True),
        ("STRASSE", "Straße", True),
        ("Smith", "Jones\\Smith", True),
    ],
)
def test_names_match_by_component_group_whatever_their_case(key: str, value: str, expected: bool) -> None:
    """PS3.4 C.2.2.2.1.2, PS3.5 6.2.1."""
    assert matches(SingleValue(key), value, "PN") is expected


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("MARTIN^*", "Martin^Jean", True),
        ("martin*", "MARTIN", True),
        ("DOE^*", "Doe^", True),
        ("DOE^*", "Doe", False),
        ("DOE^*", "Doebel^A", False),
        ("mart?n", "Martin", True),
        ("GRO?MANN*", "Großmann^Jörg", True),
        ("GRO?MANN*", "Grossmann^Jörg", False),
        ("MÖ?NER", "Mößner", True),
        ("M?SSNER", "Mößner", True),
        ("*太*", "Yamada^Tarou=山田^太郎", True),
        ("Yam*=山*", "Yamada^Tarou=山田^太郎", True),
        ("Yam*=川*", "Yamada^Tarou=山田^太郎", False),
        ("*ada=*", "Yamada^Tarou=山田^太郎", False),
        ("*\u00e9*", "Ste\u0301phane", True),
        ("Y*太*", "Yamada^Tarou=山田^太郎", False),
    ],
)
def test_wild_cards_in_names_stay_inside_a_group(pattern: str, value: str, expected: bool) -> None:
    assert matches(WildCard(pattern), value, "PN") is expected


def name_equal(key: str, value: str) -> bool:
    """Compare names as PS3.4 says, in so many words."""

    def plain(group: str) -> str:
        return unicodedata.normalize("NFC", group.casefold()).rstrip(" ^")

    keys, groups = [plain(each) for each in key.split("=")], [plain(each) for each in value.split("=")]
    if len(keys) == 1:
        return not keys[0] or keys[0] in groups
    groups += [""] * (3 - len(groups))
    return all(not wanted or wanted == group for wanted, group in zip(keys, groups, strict=False))


@given(NAMES, NAMES)
def test_names_match_as_an_independent_reading_of_the_rules_says(key: str, value: str) -> None:
    if value:
        assert matches(SingleValue(key), value, "PN") == name_equal(key, value)


@given(NAMES, NAMES)
def test_names_that_match_share_a_folded_group(key: str, value: str) -> None:
    """An index that compares folded groups lets every match through."""
    wanted = set(map(fold, key.split("="))) - {""}
    if value and wanted and matches(SingleValue(key), value, "PN"):
        assert wanted & set(map(fold, value.split("=")))


@given(NAMES)
def test_a_name_matches_itself(name: str) -> None:
    if name:
        assert matches(SingleValue(name), name, "PN")
        assert matches(SingleValue(name.swapcase()), name, "PN")


@given(DATES, DATES, DATES, st.booleans(), st.booleans())
def test_dates_match_a_range_as_their_numbers_do(
    value: str, one: str, other: str, open_low: bool, open_high: bool
) -> None:
    """PS3.4 C.2.2.2.5.1."""
    low, high = sorted((one, other))
    key = Range(None if open_low else low, None if open_high else high)
    expected = (open_low or int(value) >= int(low)) and (open_high or int(value) <= int(high))

    assert matches(key, value, "DA") == expected


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (Range("1000", "1200"), "095959.999999", False),
        (Range("1000", "1200"), "100000", True),
        (Range("1000", "1200"), "120059.9", True),
        (Range("1000", "1200"), "1201", False),
        (Range("100030", "1200"), "1000", True),
        (Range(None, "10"), "105959", True),
        (Range("10", None), "0959", False),
        (SingleValue("10"), "101530", True),
        (SingleValue("1015"), "10:15:30", True),
        (SingleValue("101530"), "101530.000", True),
        (SingleValue("101530"), "101531", False),
        (SingleValue("10"), "half past ten", False),
    ],
)
def test_times_match_as_precisely_as_both_are_given(key: Range | SingleValue, value: str, expected: bool) -> None:
    assert matches(key, value, "TM") is expected


def test_a_date_of_another_form_matches() -> None:
    assert matches(SingleValue("20130102"), "2013.01.02", "DA")
    assert not matches(Range("20130101", None), "no date", "DA")


@pytest.mark.parametrize(
    ("date", "time", "together", "apart"),
    [
        ("20060705", "1100", True, True),
        ("20060705", "0900", False, False),
        ("20060706", "0900", True, False),
        ("20060706", "2300", True, False),
        ("20060707", "1900", False, False),
        ("20060706", "", True, False),
        ("", "1100", False, False),
    ],
)
def test_combined_ranges_are_one_range_of_moments(date: str, time: str, together: bool, apart: bool) -> None:
    """The example of PS3.4 C.2.2.2.5.2: 20060705-20060707 and 1000-1800."""
    dates, times = Range("20060705", "20060707"), Range("1000", "1800")

    assert matches_moment(dates, times, date, time) is together
    assert (matches(dates, date, "DA") and matches(times, time, "TM")) is apart


def test_a_sequence_matches_if_one_item_matches_every_key() -> None:
    """PS3.4 C.2.2.2.6."""
    key = SequenceMatch({"ScheduledProcedureStepID": SingleValue("S1"), "RequestedProcedureID": WildCard("R*")})

    assert matches(key, ({"RequestedProcedureID": "R1", "ScheduledProcedureStepID": "S1"},), "SQ")
    assert not matches(key, ({"RequestedProcedureID": "R1"}, {"ScheduledProcedureStepID": "S1"}), "SQ")
    assert not matches(key, (), "SQ")
    assert not matches(key, "text", "SQ")


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)
