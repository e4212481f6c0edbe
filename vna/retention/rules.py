"""Reading the rules of a profile that say how long things are kept."""

from collections.abc import Sequence
from typing import Final

import yaml

from vna.retention.anniversaries import Span
from vna.retention.conditions import PART_KEYS, condition_of
from vna.retention.nodes import Fields, count_of, flag_of, items, line_of, text_of, texts_of, word_of, wrong
from vna.retention.profile import Condition, Level, Rule, RuleScope, Start
from vna.retention.spans import SPAN_KEYS, span_of

_KEYS: Final = (
    "id",
    "level",
    "enabled",
    "when",
    "start",
    "keep",
    "extend_until",
    "replaces",
    "scope",
    "cite",
    "note",
)


def rules_of(node: yaml.Node) -> tuple[Rule, ...]:
    """Return the rules of a list, each with an id of its own.

    Raises:
        ProfileError: one is wrong, or two contradict each other.
    """
    nodes = items(node, "rules")
    rules = [rule_of(each) for each in nodes]
    by_id: dict[str, Rule] = {}
    for rule, each in zip(rules, nodes, strict=True):
        if rule.id in by_id:
            raise wrong(each, f"two rules are called {rule.id}; the other one is in line {by_id[rule.id].line}")
        by_id[rule.id] = rule
    for rule, each in zip(rules, nodes, strict=True):
        _check_replaced(rule, each, by_id)
    return tuple(rules)


def rule_of(node: yaml.Node) -> Rule:
    """Return one rule."""
    fields = Fields(node, "a rule", _KEYS)
    level, enabled = fields.word("level", Level, Level.STUDY), fields.flag("enabled", True)
    when = condition_of(fields.get("when"), may_be_empty=not enabled)
    start, keep = _period(fields)
    rule = Rule(
        id=id_of(fields),
        level=level,
        enabled=enabled,
        when=when,
        start=start,
        keep=keep,
        replaces=_replaces(fields),
        scope=fields.word("scope", RuleScope, RuleScope.WHOLE_RECORD),
        cite=cite_of(fields),
        note=fields.text("note"),
        line=line_of(node),
    )
    check_levels(node, when, level)
    _check_start(node, rule, fields)
    return rule


def id_of(fields: Fields) -> str:
    """Return the id of a rule: a word."""
    text = text_of(fields.need("id"))
    if not text or any(each.isspace() for each in text):
        raise wrong(fields.need("id"), "an id is one word")
    return text


def cite_of(fields: Fields) -> str:
    """Return the text that a rule follows, which every rule names: a law, or the site's own policy."""
    cite = text_of(fields.need("cite"))
    if not cite:
        raise wrong(fields.need("cite"), "cite is empty: name the text that the rule follows")
    return cite


def check_levels(node: yaml.Node, when: Condition, level: Level) -> None:
    """Refuse conditions on parts of studies in a rule that is not about such parts."""
    for key in sorted(when.keys & PART_KEYS.keys()):
        if level not in PART_KEYS[key]:
            raise wrong(node, f"{key} asks for what a {level} does not have: the rule can never match")


def _period(fields: Fields) -> tuple[Start, Span]:
    until = fields.get("extend_until")
    if until is None:
        keep = Fields(fields.need("keep"), "keep", SPAN_KEYS)
        return word_of(fields.need("start"), Start), span_of(keep)
    if "keep" in fields or "start" in fields:
        raise wrong(until, "extend_until says start and keep already")
    birthday = Fields(until, "extend_until", ("birthday",)).need("birthday")
    years = count_of(birthday)
    if not years:
        raise wrong(birthday, "which birthday? Count from 1")
    return Start.BIRTH, Span(years)


def _replaces(fields: Fields) -> frozenset[str]:
    node = fields.get("replaces")
    if node is None:
        return frozenset()
    names = texts_of(node)
    if not names:
        raise wrong(node, "replaces names no rule")
    return frozenset(names)


def _check_start(node: yaml.Node, rule: Rule, fields: Fields) -> None:
    """Refuse a rule that counts from what its own condition does not make sure is there."""
    if rule.start in (Start.ACT, Start.LATER_OF_BOTH) and not rule.when.events:
        raise wrong(node, f"{rule.start} is the date of which event? Name it in when")
    if rule.start is Start.DIAGNOSIS and not rule.when.diagnoses:
        raise wrong(node, "diagnosis is the date of which diagnosis? Name it in when")
    if rule.start is Start.DEATH and "death_before" not in rule.when.keys and not _asks(fields, "deceased"):
        raise wrong(node, "a rule that counts from death needs deceased: true in when")
    if rule.scope is RuleScope.TAGGED_DOCUMENTS and not rule.when.events:
        raise wrong(node, "tagged with which event? Name it in when")
    if rule.level is not Level.STUDY and rule.start is Start.BIRTH:
        raise wrong(node, "a part of a study is not kept until a birthday")


def _asks(fields: Fields, key: str) -> bool:
    """Return whether the outermost entries of the condition ask for something to be true."""
    when = fields.get("when")
    if not isinstance(when, yaml.MappingNode):
        return False
    return any(text_of(name) == key and flag_of(value) for name, value in when.value)


def _check_replaced(rule: Rule, node: yaml.Node, by_id: dict[str, Rule]) -> None:
    for name in sorted(rule.replaces):
        other = by_id.get(name)
        if other is None:
            raise wrong(node, f"{rule.id} replaces {name}, and there is no such rule")
        if other.level is not rule.level:
            raise wrong(node, f"{rule.id} replaces {name}, which is about {other.level}, not {rule.level}")
        if _leads_to(other, rule.id, by_id):
            raise wrong(node, f"{rule.id} and {name} replace each other")


def _leads_to(rule: Rule, wanted: str, by_id: dict[str, Rule], seen: Sequence[str] = ()) -> bool:
    if rule.id == wanted:
        return True
    following = [by_id[name] for name in rule.replaces if name in by_id and name not in seen]
    return any(_leads_to(each, wanted, by_id, (*seen, rule.id)) for each in following)
