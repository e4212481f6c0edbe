"""Tier rules: what is moved, copied and encoded anew, and what never leaves fewer copies than it must."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_facts import day, patient, study
from vna.retention import Place, Placement, Profile, TierAction, TierVerb, read_profile, recall_to, tier_actions

HOT, COLD = Place("hot"), Place("cold", "smallest", online=False)
FLOOR = "  online: [{when: {modality: CT}, keep: {years: 3}, cite: UNCAM}]\n"


def _profile(*rules: str, least: int = 1, floor: str = "") -> Profile:
    listed = "".join(f"  - {{{rule}, cite: policy}}\n" for rule in rules)
    return read_profile(
        "profile: test\nversion: '1'\nrules:\n- {id: A, start: study_date, keep: {years: 1}, cite: policy}\n"
        f"tiers:\n  min_copies: {least}\n{floor}  rules:\n{listed}"
    )


MOVE = "id: MOVE, action: move, from: hot, to: cold, codec: smallest"


def _actions(profile: Profile, *places: Place, on: str = "2026-11-22", accessed: str = "") -> tuple[TierAction, ...]:
    placement = Placement(places, day(accessed) if accessed else None)
    return tier_actions(profile, patient(None), study("2020-01-01"), placement, day(on))


def test_a_study_of_age_is_moved() -> None:
    (action,) = _actions(_profile(MOVE + ", after: {study_date: {years: 3}}"), HOT)

    assert (action.verb, action.source, action.target) == (TierVerb.MOVE, "hot", "cold")
    assert (action.codec, action.min_copies, action.rule, action.cite) == ("smallest", 1, "MOVE", "policy")


@pytest.mark.parametrize(("on", "count"), [("2023-01-01", 0), ("2023-01-02", 1)])
def test_age_is_over_the_day_after_its_anniversary(on: str, count: int) -> None:
    assert len(_actions(_profile(MOVE + ", after: {study_date: {years: 3}}"), HOT, on=on)) == count


@pytest.mark.parametrize(("accessed", "count"), [("2026-10-01", 0), ("2026-01-01", 1), ("", 1)])
def test_what_somebody_asked_for_lately_stays(accessed: str, count: int) -> None:
    profile = _profile(MOVE + ", after: {study_date: {years: 3}, last_access: {months: 6}}")

    assert len(_actions(profile, HOT, accessed=accessed)) == count


def test_a_ct_study_of_two_years_stays_within_reach_whatever_a_rule_says() -> None:
    profile = _profile(MOVE + ", after: {study_date: {years: 1}}", floor=FLOOR)

    assert _actions(profile, HOT, on="2022-01-01") == ()
    assert len(_actions(profile, HOT, on="2023-01-02")) == 1


def test_a_copy_that_stays_online_is_reach_enough() -> None:
    profile = _profile(MOVE, floor=FLOOR)

    assert len(_actions(profile, HOT, Place("mirror"), on="2022-01-01")) == 1


def test_a_move_to_another_store_online_leaves_reach() -> None:
    placement = Placement((HOT,), online_stores=frozenset(("hot", "cold")))

    found = tier_actions(_profile(MOVE, floor=FLOOR), patient(None), study("2020-01-01"), placement, day("2022-01-01"))

    assert len(found) == 1


def test_a_study_without_a_date_stays_where_a_floor_or_an_age_asks_for_one() -> None:
    by_age, by_floor = _profile(MOVE + ", after: {study_date: {years: 1}}"), _profile(MOVE, floor=FLOOR)

    for profile in (by_age, by_floor):
        assert tier_actions(profile, patient(None), study(None), Placement((HOT,)), day("2026-11-22")) == ()


def test_a_move_waits_until_enough_copies_would_be_left() -> None:
    profile = _profile(MOVE, least=2)

    assert _actions(profile, HOT) == ()
    assert _actions(profile, HOT, Place("mirror", verified=False)) == ()
    assert len(_actions(profile, HOT, Place("mirror"))) == 1


def test_what_is_not_verified_is_not_moved() -> None:
    assert _actions(_profile(MOVE), Place("hot", verified=False)) == ()


def test_a_copy_is_made_once() -> None:
    profile = _profile("id: COPY, action: copy, from: hot, to: cold")

    assert [action.verb for action in _actions(profile, HOT)] == [TierVerb.COPY]
    assert _actions(profile, HOT, COLD) == ()


def test_a_move_that_was_broken_off_after_its_copy_goes_on() -> None:
    assert [action.verb for action in _actions(_profile(MOVE), HOT, COLD)] == [TierVerb.MOVE]


def test_what_lies_there_in_another_codec_is_encoded_anew() -> None:
    profile = _profile("id: SMALL, action: reencode, from: cold, codec: smallest")

    assert _actions(profile, COLD) == ()
    (action,) = _actions(profile, Place("cold", "zstd"))
    assert (action.verb, action.source, action.target) == (TierVerb.REENCODE, "cold", "cold")


def test_the_first_rule_that_applies_decides() -> None:
    other = "id: OTHER, action: move, from: hot, to: bucket"

    assert [
        a.rule
        for a in _actions(_profile("id: US, when: {modality: US}, action: copy, from: hot, to: cold", other, MOVE), HOT)
    ] == ["OTHER"]


def test_a_rule_that_is_switched_off_does_nothing() -> None:
    assert _actions(_profile(MOVE + ", enabled: false"), HOT) == ()


def test_a_recall_is_done_when_it_is_asked_for_and_not_by_a_run() -> None:
    profile = _profile("id: BACK, when: {modality: CT}, action: recall, from: cold, to: hot")

    assert _actions(profile, COLD) == ()
    assert recall_to(profile, patient(None), study(), "cold") == "hot"
    assert recall_to(profile, patient(None), study(), "bucket") == ""
    assert recall_to(profile, patient(None), study(modalities=frozenset(("US",))), "cold") == ""


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(("hot", "cold", "mirror", "bucket")), unique=True, min_size=1),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.integers(1, 3),
)
def test_no_action_leaves_fewer_verified_copies_than_the_minimum(
    stores: list[str], verified: list[bool], least: int
) -> None:
    places = [Place(store, verified=sound) for store, sound in zip(stores, verified, strict=False)]
    profile = _profile(MOVE, "id: TWO, action: move, from: mirror, to: bucket", least=least)

    for action in _actions(profile, *places):
        left = {place.store for place in places if place.verified and place.store != action.source} | {action.target}
        assert len(left) >= least
