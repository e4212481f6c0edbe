"""Reading what a profile says of rejection notes, of deciding on eliminations, and of what is kept for history."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import yaml

from vna.retention.nodes import Fields, entries, flag_of, items, text_of, word_of, wrong
from vna.retention.profile import (
    Approval,
    ApprovalKind,
    ClosedTerm,
    Elimination,
    EliminationAction,
    LateArrival,
    NotePolicy,
    Start,
)
from vna.retention.spans import SPAN_KEYS, span_of

DEFAULT_NOTES: Final[Mapping[str, NotePolicy]] = MappingProxyType(
    {
        "113001": NotePolicy.HIDE,
        "113037": NotePolicy.HIDE,
        "113038": NotePolicy.REPLACE,
        "113039": NotePolicy.HIDE,
    }
)
"""What a rejection note of each title does (scheme DCM, PS3.16 CID 7010 and 113039 beside) unless a profile says."""

_ELIMINATION_KEYS: Final = ("action", "approvals", "wait_days", "max_per_day", "sample_every", "late_arrival")


def rejection_notes_of(node: yaml.Node | None) -> Mapping[str, NotePolicy]:
    """Return what a note of each code does.

    Raises:
        ProfileError: a code is none of a rejection note, or a policy none.
    """
    found = dict(DEFAULT_NOTES)
    for code, key_node, value in entries(node, "rejection_notes") if node is not None else ():
        if code not in found:
            raise wrong(key_node, f"{code} is the code of no rejection note; known are {', '.join(DEFAULT_NOTES)}")
        found[code] = word_of(value, NotePolicy)
    return MappingProxyType(found)


def elimination_of(node: yaml.Node | None) -> Elimination:
    """Return how eliminations are decided on; without a word of it, nothing is eliminated.

    Raises:
        ProfileError: a value is wrong, or a role is asked twice.
    """
    if node is None:
        return Elimination(EliminationAction.KEEP)
    fields = Fields(node, "elimination", _ELIMINATION_KEYS)
    action = word_of(fields.need("action"), EliminationAction)
    listed = fields.get("approvals")
    approvals = tuple(_approval(each) for each in items(listed, "approvals")) if listed is not None else ()
    roles = [each.role for each in approvals]
    if listed is not None and len(roles) != len(set(roles)):
        raise wrong(listed, "a role decides once")
    if action is EliminationAction.PROPOSE and not approvals:
        raise wrong(node, "an elimination needs approvals: name at least one role")
    return Elimination(
        action,
        approvals,
        fields.count("wait_days", 0),
        fields.count("max_per_day", 0),
        fields.count("sample_every", 0),
        fields.word("late_arrival", LateArrival, LateArrival.REFUSE),
    )


def communicable_of(node: yaml.Node | None) -> tuple[ClosedTerm, ...]:
    """Return how long what is kept for history is closed, in the order in which the terms are tried.

    Raises:
        ProfileError: a term counts from anything but death or birth, has no length, or cites nothing.
    """
    return () if node is None else tuple(_closed_term(each) for each in items(node, "communicable"))


def _closed_term(node: yaml.Node) -> ClosedTerm:
    fields = Fields(node, "a term of communicable", ("start", "after", "cite"))
    start = word_of(fields.need("start"), Start)
    if start not in (Start.DEATH, Start.BIRTH):
        raise wrong(fields.need("start"), "what is kept for history is closed from death or birth on")
    if not fields.text("cite"):
        raise wrong(node, "communicable needs cite: the text it follows")
    return ClosedTerm(start, span_of(Fields(fields.need("after"), "after", SPAN_KEYS)), fields.text("cite"))


def _approval(node: yaml.Node) -> Approval:
    fields = Fields(node, "an approval", ("role", "kind", "reference"))
    kind = word_of(fields.need("kind"), ApprovalKind)
    reference = fields.get("reference")
    role = text_of(fields.need("role"))
    if not role or any(each.isspace() for each in role):
        raise wrong(fields.need("role"), "a role is one word")
    return Approval(role, kind, kind is ApprovalKind.VISA if reference is None else flag_of(reference))
