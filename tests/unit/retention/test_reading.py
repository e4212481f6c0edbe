"""Reading profiles: what is wrong is refused, with the line it stands in."""

import pytest

from storage_backends import Codec
from vna.retention import NotePolicy, ProfileError, read_profile, shipped_profiles
from vna.retention.tier_rules import TIER_CODECS

HEAD = "profile: test\nversion: '1'\n"  # two lines
RULE = "- {id: A, start: study_date, keep: {years: 1}, cite: policy}\n"
RULES = "rules:\n" + RULE  # lines 3 and 4
TIER = "{id: T, action: move, from: hot, to: cold, cite: policy"


def _rule(more: str, *, start: str = "study_date") -> str:
    return f"{HEAD}rules:\n- {{id: A, start: {start}, keep: {{years: 1}}, cite: policy, {more}}}\n"


def _closed(term: str) -> str:
    return f"{HEAD}{RULES}communicable:\n- {term}\n"


def _tier(more: str) -> str:
    return f"{HEAD}{RULES}tiers:\n  rules:\n  - {TIER}{more}}}\n"


WRONG = {
    "no-yaml": ("profile: [", 1, "no YAML"),
    "nothing": ("", 1, "nothing in it"),
    "a-list": ("- a\n", 1, "must be a mapping"),
    "two-documents": (f"{HEAD}{RULES}---\na: b\n", 5, "no YAML"),
    "anchor": (f"{HEAD}rules: &a\n{RULE}", 3, "anchors"),
    "python-object": (f"{HEAD}{RULES}title: !!python/object/apply:os.system [ls]\n", 5, "a text is expected"),
    "unknown-key": (f"{HEAD}{RULES}retention: 1\n", 5, "unknown key 'retention'"),
    "key-twice": (f"{HEAD}{RULES}version: '2'\n", 5, "given twice"),
    "no-version": ("profile: test\n" + RULES, 1, "needs version"),
    "name-with-blanks": ("profile: a b\nversion: '1'\n" + RULES, 1, "letters"),
    "no-rules": (HEAD, 1, "needs rules"),
    "truth-as-text": (f"{HEAD}{RULES}jurisdiction: NO\n", 5, "put it in quotes"),
    "clock-scope": (f"{HEAD}{RULES}clock_scope: galaxy\n", 5, "none of"),
    "calendar": (f"{HEAD}{RULES}calendar: lunar\n", 5, "none of anniversary"),
    "verified-by-nobody": (f"{HEAD}{RULES}verified: {{by: '', on: 2025-01-01}}\n", 5, "belong together"),
    "verified-never": (f"{HEAD}{RULES}verified: {{by: Somebody}}\n", 5, "belong together"),
    "verified-some-day": (f"{HEAD}{RULES}verified: {{by: Somebody, on: someday}}\n", 5, "a date"),
    "rule-unknown-key": (_rule("length: 3"), 4, "unknown key 'length'"),
    "rule-twice": (f"{HEAD}{RULES}{RULE}", 5, "two rules are called A; the other one is in line 4"),
    "rule-without-cite": (f"{HEAD}rules:\n- {{id: A, start: study_date, keep: {{years: 1}}}}\n", 4, "needs cite"),
    "rule-without-time": (f"{HEAD}rules:\n- {{id: A, start: study_date, cite: p}}\n", 4, "needs keep"),
    "no-time-at-all": (f"{HEAD}rules:\n- {{id: A, start: study_date, keep: {{years: 0}}, cite: p}}\n", 4, "longer"),
    "negative-time": (f"{HEAD}rules:\n- {{id: A, start: study_date, keep: {{years: -1}}, cite: p}}\n", 4, "whole"),
    "endless-time": (
        f"{HEAD}rules:\n- {{id: A, start: study_date, keep: {{years: {'9' * 5000}}}, cite: p}}\n",
        4,
        "too long",
    ),
    "nested-too-deeply": (_rule("when: " + "{not: " * 400 + "{modality: CT}" + "}" * 400), 1, "too deeply"),
    "control-character": (f"{HEAD}{RULES}title: \x00\n", 1, "no YAML"),
    "time-as-text": (f"{HEAD}rules:\n- {{id: A, start: study_date, keep: {{years: '1'}}, cite: p}}\n", 4, "whole"),
    "start-unknown": (_rule("note: x", start="some_day"), 4, "none of last_visit"),
    "start-and-birthday": (_rule("extend_until: {birthday: 3}"), 4, "says start and keep already"),
    "replaces-nothing": (_rule("replaces: [B]"), 4, "A replaces B, and there is no such rule"),
    "replaces-none": (_rule("replaces: []"), 4, "names no rule"),
    "replaces-itself": (_rule("replaces: [A]"), 4, "replace each other"),
    "replaces-in-a-ring": (
        (
            f"{HEAD}rules:\n- {{id: A, start: study_date, keep: {{years: 1}}, cite: p, replaces: [B]}}\n"
            "- {id: B, start: study_date, keep: {years: 1}, cite: p, replaces: [A]}\n"
        ),
        4,
        "replace each other",
    ),
    "replaces-another-level": (
        f"{HEAD}{RULES}- {{id: B, level: series, start: study_date, keep: {{years: 1}}, cite: p, replaces: [A]}}\n",
        5,
        "which is about study",
    ),
    "condition-unknown": (_rule("when: {weather: fine}"), 4, "unknown condition 'weather'"),
    "condition-empty": (_rule("when: {}"), 4, "without entries"),
    "condition-lists-nothing": (_rule("when: {modality: []}"), 4, "can never match"),
    "any-of-nothing": (_rule("when: {any: []}"), 4, "never holds"),
    "listed-twice": (_rule("when: {modality: [CT, CT]}"), 4, "twice"),
    "age-range": (_rule("when: {age_at_study: {min: 18, below: 18}}"), 4, "can never match"),
    "date-range": (_rule("when: {study_date: {from: 2001-01-01, before: 2000-01-01}}"), 4, "can never match"),
    "thickness-of-a-study": (_rule("when: {slice_thickness: {below: 1}}"), 4, "can never match"),
    "age-without-birth": (_rule("when: {birth_date: unknown, age_at_study: {min: 3}}"), 4, "can never match"),
    "death-of-the-living": (
        _rule("when: {deceased: false, death_before: {start: last_visit, years: 1}}"),
        4,
        "can never match",
    ),
    "in-and-not-in": (_rule("when: {modality: [CT], not: {modality: [CT, MR]}}"), 4, "can never match"),
    "start-death": (_rule("note: x", start="death"), 4, "deceased: true"),
    "start-death-of-the-living": (_rule("when: {deceased: false}", start="death"), 4, "deceased: true"),
    "start-act-of-nothing": (_rule("note: x", start="act"), 4, "which event"),
    "start-diagnosis-of-nothing": (_rule("note: x", start="diagnosis"), 4, "which diagnosis"),
    "tagged-with-nothing": (_rule("scope: tagged_documents"), 4, "which event"),
    "part-until-birthday": (
        f"{HEAD}rules:\n- {{id: A, level: series, extend_until: {{birthday: 9}}, cite: p}}\n",
        4,
        "birthday",
    ),
    "site-unknown": (_rule("note: '${site.a}'"), 4, "site says nothing of a"),
    "site-unused": (f"{HEAD}{RULES}site: {{a: 1}}\n", 5, "no rule asks for a"),
    "hold-kind": (f"{HEAD}{RULES}suspend_while: {{hold: [grudge], cite: p}}\n", 5, "'grudge' is no kind of hold"),
    "suspend-nothing": (f"{HEAD}{RULES}suspend_while: {{cite: p}}\n", 5, "needs claim or hold"),
    "suspend-uncited": (f"{HEAD}{RULES}suspend_while: {{claim: open}}\n", 5, "needs cite"),
    "note-code": (f"{HEAD}{RULES}rejection_notes: {{113000: hide}}\n", 5, "no rejection note"),
    "note-policy": (f"{HEAD}{RULES}rejection_notes: {{113001: destroy}}\n", 5, "none of hide"),
    "elimination-without-approval": (f"{HEAD}{RULES}elimination: {{action: propose_elimination}}\n", 5, "approvals"),
    "closed-since-a-visit": (_closed("{start: last_visit, after: {years: 1}, cite: p}"), 6, "death or birth"),
    "closed-uncited": (_closed("{start: death, after: {years: 1}}"), 6, "needs cite"),
    "closed-not-at-all": (_closed("{start: birth, after: {years: 0}, cite: p}"), 6, "longer than nothing"),
    "role-twice": (
        (
            f"{HEAD}{RULES}elimination:\n  action: propose_elimination\n  approvals:\n"
            "  - {role: a, kind: opinion}\n  - {role: a, kind: visa}\n"
        ),
        8,
        "decides once",
    ),
    "tier-twice": (f"{HEAD}{RULES}tiers:\n  rules:\n  - {TIER}}}\n  - {TIER}}}\n", 8, "two tier rules"),
    "tier-to-itself": (_tier("").replace("to: cold", "to: hot"), 7, "where it lies already"),
    "tier-no-copy-left": (_tier(", min_copies: 0"), 7, "at least 1"),
    "tier-fewer-copies": (
        f"{HEAD}{RULES}tiers:\n  min_copies: 2\n  rules:\n  - {TIER}, min_copies: 1}}\n",
        8,
        "at least 2",
    ),
    "tier-age-of-nothing": (_tier(", after: {}"), 7, "needs study_date or last_access"),
    "tier-flaps": (
        f"{HEAD}{RULES}tiers:\n  rules:\n  - {TIER}}}\n  - {{id: R, action: recall, from: cold, to: hot, cite: p}}\n",
        7,
        "would move back at once",
    ),
    "tier-recalls-later": (_tier(", after: {last_access: {days: 1}}").replace("move", "recall"), 7, "leave out"),
    "tier-codec": (_tier(", codec: smalest"), 7, "none of raw, zstd, dense, smallest"),
    "tier-two-codecs": (
        (
            f"{HEAD}{RULES}tiers:\n  rules:\n  - {TIER}, codec: zstd}}\n"
            "  - {id: R, action: copy, from: hot, to: cold, codec: raw, cite: p}\n"
        ),
        8,
        "has one codec",
    ),
    "tier-encodes-elsewhere": (_tier(", codec: smallest").replace("move", "reencode"), 7, "stays where it is"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_with_its_line(name: str) -> None:
    text, line, problem = WRONG[name]

    with pytest.raises(ProfileError) as caught:
        read_profile(text)

    assert problem in str(caught.value)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"line {line}: ")


@pytest.mark.parametrize("name", list(shipped_profiles()))
def test_a_shipped_profile_reads_cites_its_sources_and_is_unverified(name: str) -> None:
    profile = read_profile(shipped_profiles()[name])

    assert profile.rules
    assert all(rule.cite for rule in profile.rules)
    assert profile.verified is None
    assert (
        profile.jurisdiction == {"de": "DE", "fr-csp-public": "FR", "uk-nhs": "GB", "us-mqsa": "US", "plain": ""}[name]
    )


@pytest.mark.parametrize("name", list(shipped_profiles()))
def test_a_shipped_profile_reads_with_all_that_is_switched_off_too(name: str) -> None:
    text = shipped_profiles()[name].replace("enabled: false", "enabled: true").replace("values: []", "values: [C50]")

    assert all(rule.enabled for rule in read_profile(text).rules)


def test_five_profiles_come_with_the_node() -> None:
    assert set(shipped_profiles()) == {"de", "fr-csp-public", "plain", "uk-nhs", "us-mqsa"}


def test_rejection_notes_hide_unless_a_profile_says_otherwise() -> None:
    plain = read_profile(HEAD + RULES).rejection_notes
    changed = read_profile(f"{HEAD}{RULES}rejection_notes: {{113001: ignore}}\n").rejection_notes

    assert plain == {
        "113001": NotePolicy.HIDE,
        "113037": NotePolicy.HIDE,
        "113038": NotePolicy.REPLACE,
        "113039": NotePolicy.HIDE,
    }
    assert changed == {**plain, "113001": NotePolicy.IGNORE}


def test_a_rule_that_is_switched_off_may_list_nothing_yet() -> None:
    assert not read_profile(_rule("enabled: false, when: {modality: []}")).rules[0].enabled


def test_the_french_steps_are_in_their_order() -> None:
    steps = read_profile(shipped_profiles()["fr-csp-public"]).elimination.approvals

    assert [(step.role, step.kind.value, step.reference) for step in steps] == [
        ("dim_physician", "opinion", False),
        ("director", "approval", False),
        ("archives_departementales", "visa", True),
    ]


def test_rules_know_the_codecs_that_stores_have() -> None:
    assert set(TIER_CODECS) == {codec.name.lower() for codec in Codec}
