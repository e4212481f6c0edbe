"""Reading the tier rules of a profile: where studies lie, and how long they stay within immediate reach."""

from typing import Final

import yaml

from vna.retention.anniversaries import Span
from vna.retention.conditions import condition_of
from vna.retention.nodes import Fields, count_of, items, text_of, word_of, wrong
from vna.retention.profile import Level, OnlineFloor, TierPolicy, TierRule, TierVerb
from vna.retention.rules import check_levels, cite_of, id_of
from vna.retention.spans import SPAN_KEYS, span_of

_RULE_KEYS: Final = ("id", "enabled", "when", "after", "action", "from", "to", "codec", "min_copies", "cite")
_LEAST_COPIES: Final = 1

TIER_CODECS: Final = ("raw", "zstd", "dense", "smallest")
"""The codecs that a store may write, as settings call them."""


def tiers_of(node: yaml.Node | None) -> TierPolicy:
    """Return the tier policy that a mapping says; without one, everything stays where it is.

    Raises:
        ProfileError: a rule is wrong, or two contradict each other.
    """
    if node is None:
        return TierPolicy()
    fields = Fields(node, "tiers", ("min_copies", "online", "rules"))
    least = _copies(fields, _LEAST_COPIES)
    online, rules = fields.get("online"), fields.get("rules")
    floors = tuple(_floor(each) for each in items(online, "online")) if online else ()
    read = [(each, _rule(each, least)) for each in items(rules, "rules")] if rules else []
    for number, (each, rule) in enumerate(read):
        _check_with_others(each, rule, [other for _, other in read[:number]])
    _check_recalls(read)
    return TierPolicy(least, floors, tuple(rule for _, rule in read))


def _copies(fields: Fields, least: int) -> int:
    node = fields.get("min_copies")
    count = least if node is None else count_of(node)
    if node is not None and count < least:
        raise wrong(node, f"min_copies is at least {least}: fewer are never left")
    return count


def _floor(node: yaml.Node) -> OnlineFloor:
    fields = Fields(node, "online", ("when", "keep", "cite"))
    when = condition_of(fields.get("when"))
    check_levels(node, when, Level.STUDY)
    return OnlineFloor(when, span_of(Fields(fields.need("keep"), "keep", SPAN_KEYS)), cite_of(fields))


def _rule(node: yaml.Node, least: int) -> TierRule:
    fields = Fields(node, "a tier rule", _RULE_KEYS)
    enabled, verb = fields.flag("enabled", True), word_of(fields.need("action"), TierVerb)
    when = condition_of(fields.get("when"), may_be_empty=not enabled)
    check_levels(node, when, Level.STUDY)
    source, target = _stores(fields, verb)
    after_study, after_access = _ages(fields, verb)
    return TierRule(
        id=id_of(fields),
        enabled=enabled,
        when=when,
        verb=verb,
        source=source,
        target=target,
        codec=_codec(fields, verb),
        after_study=after_study,
        after_access=after_access,
        min_copies=_copies(fields, least),
        cite=cite_of(fields),
    )


def _stores(fields: Fields, verb: TierVerb) -> tuple[str, str]:
    source = text_of(fields.need("from"))
    if verb is TierVerb.REENCODE:
        if "to" in fields:
            raise wrong(fields.need("to"), "what is encoded anew stays where it is: leave out `to`, or move it")
        return source, source
    target = text_of(fields.need("to"))
    if source == target:
        raise wrong(fields.need("to"), f"{source} is where it lies already")
    return source, target


def _codec(fields: Fields, verb: TierVerb) -> str:
    if verb is not TierVerb.REENCODE and "codec" not in fields:
        return ""
    node = fields.need("codec")
    if verb is TierVerb.RECALL:
        raise wrong(node, "what is recalled gets the codec of its store")
    codec = text_of(node)
    if codec not in TIER_CODECS:
        raise wrong(node, f"{codec!r} is none of {', '.join(TIER_CODECS)}")
    return codec


def _ages(fields: Fields, verb: TierVerb) -> tuple[Span | None, Span | None]:
    node = fields.get("after")
    if node is None:
        return None, None
    if verb is TierVerb.RECALL:
        raise wrong(node, "what is recalled is recalled when it is asked for: leave out `after`")
    after = Fields(node, "after", ("study_date", "last_access"))
    study, access = after.get("study_date"), after.get("last_access")
    if study is None and access is None:
        raise wrong(node, "after needs study_date or last_access")
    return _span(study), _span(access)


def _span(node: yaml.Node | None) -> Span | None:
    return span_of(Fields(node, "a time", SPAN_KEYS)) if node is not None else None


def _check_with_others(node: yaml.Node, rule: TierRule, before: list[TierRule]) -> None:
    if any(other.id == rule.id for other in before):
        raise wrong(node, f"two tier rules are called {rule.id}")
    for other in before:
        alike = rule.enabled and other.enabled and rule.target == other.target
        if alike and rule.codec and other.codec and rule.codec != other.codec:
            raise wrong(node, f"store {rule.target} has one codec: {other.id} wants {other.codec}, not {rule.codec}")


def _check_recalls(read: list[tuple[yaml.Node, TierRule]]) -> None:
    """Refuse a move that takes back at once what was recalled: it must wait until nobody asks any more."""
    enabled = [(node, rule) for node, rule in read if rule.enabled]
    recalls = {(rule.source, rule.target) for _, rule in enabled if rule.verb is TierVerb.RECALL}
    for node, rule in enabled:
        back = rule.verb is TierVerb.MOVE and (rule.target, rule.source) in recalls
        if back and rule.after_access is None:
            raise wrong(node, f"{rule.id} would move back at once what is recalled: give after: last_access")
