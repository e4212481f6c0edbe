import pytest
from hypothesis import given
from hypothesis import strategies as st

from vna.dicom.keys import WILD_CARD_VRS, Rules, parse_key
from vna.dicom.matching import (
    Empty,
    EveryOf,
    FuzzyName,
    ListOfUID,
    Matcher,
    Range,
    SingleValue,
    Universal,
    WildCard,
    matches,
)

EVERY_VR = ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UI", "US", "UT"]


@pytest.mark.parametrize("vr", EVERY_VR)
@pytest.mark.parametrize("text", ["", "*", "**"])
def test_nothing_and_a_lone_star_are_universal(text: str, vr: str) -> None:
    """PS3.4 C.2.2.2.3; a star is none in dates, numbers and UIDs, but clients send it."""
    assert parse_key(text, vr) == Universal()


@pytest.mark.parametrize(
    ("text", "vr", "key"),
    [
        ("CT", "CS", SingleValue("CT")),
        ("C?", "CS", WildCard("C?")),
        ("CT\\MR", "CS", ListOfUID(frozenset({"CT", "MR"}))),
        ("A*\\", "LO", WildCard("A*")),
        ("a\\b*", "LT", WildCard("a\\b*")),
        ("1.2.3", "UI", SingleValue("1.2.3")),
        ("1.2.3\\1.2.4", "UI", ListOfUID(frozenset({"1.2.3", "1.2.4"}))),
        ("1.2.3\\", "UI", SingleValue("1.2.3")),
        ("\\", "UI", Universal()),
        ("20200101", "DA", SingleValue("20200101")),
        ("20200101-", "DA", Range("20200101", None)),
        ("-1200", "TM", Range(None, "1200")),
        ("10-12", "TM", Range("10", "12")),
        ("20200101-20200101", "DA", Range("20200101", "20200101")),
        ("2020-2021", "DT", Range("2020", "2021")),
        ("202001011200-0500", "DT", SingleValue("202001011200-0500")),
        ("-5", "IS", SingleValue("-5")),
        ("1e2", "DS", SingleValue("1e2")),
        ("^^", "PN", Universal()),
        ("=", "PN", Universal()),
        ("Doe^*", "PN", WildCard("Doe^*")),
        ("045Y", "AS", SingleValue("045Y")),
    ],
)
def test_keys_ask_for_what_the_standard_says(text: str, vr: str, key: Matcher) -> None:
    """PS3.4 C.2.2.2.1 to C.2.2.2.5."""
    assert parse_key(text, vr) == key


@pytest.mark.parametrize(
    ("text", "vr", "complaint"),
    [
        ("2020-13-45", "DA", "not a date"),
        ("20201345", "DA", "not a date"),
        ("2020*", "DA", "not a date"),
        ("-", "DA", "not a date"),
        ("20200101\\20200102", "DA", "several values"),
        ("20211231-20200101", "DA", "ends before it starts"),
        ("2200-0600", "TM", "ends before it starts"),
        ("25", "TM", "not a time"),
        ("yesterday", "DT", "not a date and time"),
        ("one", "IS", "not a number"),
        ("1\\2", "IS", "several values"),
        ("1.2.*", "UI", "not a UID"),
        ("1.2.3\\abc", "UI", "not a UID"),
        ("CT\\M?", "CS", "wild card in a list"),
    ],
)
def test_keys_that_ask_for_nothing_sensible_are_refused(text: str, vr: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        parse_key(text, vr)

    assert text not in str(caught.value)


@given(st.text(max_size=30), st.sampled_from(EVERY_VR))
def test_a_key_is_understood_or_refused(text: str, vr: str) -> None:
    try:
        key = parse_key(text, vr)
    except ValueError:
        return
    assert not isinstance(key, WildCard) or vr in WILD_CARD_VRS


@pytest.mark.parametrize(
    ("text", "vr", "rules", "key"),
    [
        ('""', "LO", Rules(empty_values=True), Empty()),
        ('""', "DA", Rules(empty_values=True), Empty()),
        ('""', "LO", Rules(), SingleValue('""')),
        ("CT\\PT", "CS", Rules(every_value=True), EveryOf(frozenset({"CT", "PT"}))),
        ("CT", "CS", Rules(every_value=True), SingleValue("CT")),
        ("045Y\\046Y", "AS", Rules(every_value=True), EveryOf(frozenset({"045Y", "046Y"}))),
        ("1.2\\1.3", "UI", Rules(every_value=True), ListOfUID(frozenset({"1.2", "1.3"}))),
        ("doe jane", "PN", Rules(fuzzy_names=True), FuzzyName("doe jane")),
        ("*^ -", "PN", Rules(fuzzy_names=True), Universal()),
        ("doe", "LO", Rules(fuzzy_names=True), SingleValue("doe")),
        ("2200-0600", "TM", Rules(past_midnight=True), Range("2200", "0600")),
    ],
)
def test_kinds_of_matching_are_had_by_asking(text: str, vr: str, rules: Rules, key: Matcher) -> None:
    """PS3.4 C.2.2.2.1.1, C.2.2.2.7 and C.2.2.2.8."""
    assert parse_key(text, vr, rules) == key


@pytest.mark.parametrize(
    ("text", "vr", "complaint"),
    [
        ("CT\\M?", "CS", "wild card in a list"),
        ("1\\2", "IS", "several values"),
        ("20220101-20210101", "DA", "ends before"),
    ],
)
def test_no_kind_of_matching_makes_sense_of_these(text: str, vr: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_key(text, vr, Rules(empty_values=True, every_value=True, fuzzy_names=True, past_midnight=True))


@pytest.mark.parametrize(
    ("key", "value", "vr", "is_match"),
    [
        (Empty(), None, "LO", True),
        (Empty(), "", "LO", True),
        (Empty(), "x", "LO", False),
        (Empty(), (), "SQ", True),
        (Empty(), ({"CodeValue": "1"},), "SQ", False),
        (EveryOf(frozenset({"CT", "PT"})), "PT\\CT\\SR", "CS", True),
        (EveryOf(frozenset({"CT", "PT"})), "CT", "CS", False),
        (EveryOf(frozenset({"doe^a", "doe^b"})), "DOE^A\\DOE^B", "PN", True),
        (FuzzyName("doe"), "Smith^John\\Doé^Jane", "PN", True),
    ],
)
def test_they_match_what_the_standard_says(key: Matcher, value: str | None, vr: str, is_match: bool) -> None:
    assert matches(key, value, vr) is is_match
