"""Reading a profile out of YAML, so that what is wrong in it is said with its line."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import yaml

from vna.events import HoldKind
from vna.retention.conditions import BIRTH_KEYS
from vna.retention.nodes import (
    Fields,
    ProfileError,
    compose,
    date_of,
    entries,
    fill_in,
    text_of,
    texts_of,
    word_of,
    wrong,
)
from vna.retention.policies import communicable_of, elimination_of, rejection_notes_of
from vna.retention.profile import ClockScope, Level, Profile, Rule, Start, Suspension, Verified
from vna.retention.rules import rules_of
from vna.retention.tier_rules import tiers_of

__all__ = ["ProfileError", "read_profile"]

_KEYS: Final = (
    "profile",
    "version",
    "title",
    "jurisdiction",
    "verified",
    "calendar",
    "combine",
    "clock_scope",
    "site",
    "suspend_while",
    "rules",
    "tiers",
    "rejection_notes",
    "elimination",
    "communicable",
)


class _Calendar(StrEnum):
    """How spans are counted: one way is known."""

    ANNIVERSARY = "anniversary"


class _Combine(StrEnum):
    """How the ends of several rules become one: the latest, among those that are not replaced."""

    MAX = "max"


class _ClaimState(StrEnum):
    """While a claim is what."""

    OPEN = "open"


def read_profile(text: str) -> Profile:
    """Return the profile that a YAML text says.

    Raises:
        ProfileError: it says none, or one that contradicts itself.
    """
    try:
        return _read(text)
    except RecursionError:
        raise ProfileError(1, "it is nested too deeply") from None


def _read(text: str) -> Profile:
    root = compose(text)
    _fill_in(root)
    fields = Fields(root, "a profile", _KEYS)
    fields.word("calendar", _Calendar, _Calendar.ANNIVERSARY)
    fields.word("combine", _Combine, _Combine.MAX)
    rules = rules_of(fields.need("rules"))
    enabled = [rule for rule in rules if rule.enabled]
    tiers = tiers_of(fields.get("tiers"))
    conditions = [rule.when for rule in enabled] + [floor.when for floor in tiers.floors]
    conditions += [rule.when for rule in tiers.rules if rule.enabled]
    return Profile(
        name=_name(fields.need("profile")),
        version=_name(fields.need("version")),
        text=text,
        title=fields.text("title"),
        jurisdiction=fields.text("jurisdiction"),
        verified=_verified(fields.get("verified")),
        clock_scope=fields.word("clock_scope", ClockScope, ClockScope.PATIENT_IN_ESTABLISHMENT),
        rules=rules,
        suspension=_suspension(fields.get("suspend_while")),
        tiers=tiers,
        rejection_notes=rejection_notes_of(fields.get("rejection_notes")),
        elimination=elimination_of(fields.get("elimination")),
        communicable=communicable_of(fields.get("communicable")),
        study_rules=tuple(rule for rule in enabled if rule.level is Level.STUDY),
        part_rules=tuple(rule for rule in enabled if rule.level is not Level.STUDY),
        needs=frozenset().union(*(when.keys for when in conditions), {rule.start.value for rule in enabled}),
        needs_birth_date=_needs_birth_date(enabled),
    )


def _fill_in(root: yaml.Node) -> None:
    """Put the site's values where rules ask for them; each is used, and none asks for another one."""
    site: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key, _, value in entries(root, "a profile"):
        if key == "site":
            site = {name: (name_node, each) for name, name_node, each in entries(value, "site")}
    used = fill_in(root, {name: value for name, (_, value) in site.items()})
    for name, (node, _) in site.items():
        if name not in used:
            raise wrong(node, f"no rule asks for {name}")


def _name(node: yaml.Node) -> str:
    text = text_of(node)
    if not text or not all(each.isalnum() or each in "-._" for each in text) or not text.isascii():
        raise wrong(node, "a name is made of letters, digits, and - . _")
    return text


def _verified(node: yaml.Node | None) -> Verified | None:
    if node is None:
        return None
    fields = Fields(node, "verified", ("by", "on"))
    by, on = fields.text("by"), fields.get("on")
    dated = on is not None and text_of(on)
    if bool(by) != bool(dated):
        raise wrong(node, "who verified the profile and when belong together: give both or none")
    return Verified(by, date_of(on)) if by and on is not None else None


def _suspension(node: yaml.Node | None) -> Suspension:
    if node is None:
        return Suspension()
    fields = Fields(node, "suspend_while", ("claim", "hold", "cite"))
    claim, hold = fields.get("claim"), fields.get("hold")
    if claim is None and hold is None:
        raise wrong(node, "suspend_while needs claim or hold")
    if not fields.text("cite"):
        raise wrong(node, "suspend_while needs cite: the text it follows")
    if claim is not None:
        word_of(claim, _ClaimState)
    return Suspension(claim is not None, frozenset(_hold_kinds(hold)), fields.text("cite"))


def _hold_kinds(node: yaml.Node | None) -> Sequence[HoldKind]:
    if node is None:
        return ()
    words = texts_of(node)
    unknown = [word for word in words if word not in set(HoldKind)]
    if unknown:
        raise wrong(node, f"{unknown[0]!r} is no kind of hold; known are {', '.join(HoldKind)}")
    return [HoldKind(word) for word in words]


def _needs_birth_date(rules: Sequence[Rule]) -> bool:
    return any(rule.start is Start.BIRTH or rule.when.keys & BIRTH_KEYS for rule in rules)
