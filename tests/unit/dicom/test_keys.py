import pytest
from hypothesis import given
from hypothesis import strategies as st

from vna.dicom.keys import WILD_CARD_VRS, parse_key
from vna.dicom.matching import ListOfUID, Matcher, Range, SingleValue, Universal, WildCard

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
