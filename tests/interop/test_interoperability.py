"""A running node with other stacks, as sender, querier, retriever and destination: what arrives is what was sent."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from conformance.corpus import Instance
from conformance.requests import STUDY_ROOT_GET, get, move, query_proposals
from conformance.upper_layer import Address, Association, Proposal
from exchange import unique_keys
from interop.collection import GROUPS, MANY, Study, group, instances, series_keys, study
from interop.comparison import compare, read_folder
from interop.listeners import Listeners
from interop.questions import QUESTIONS
from interop.stacks import STACKS
from interop.stacks.roles import (
    ROLES,
    Aborter,
    Destination,
    Mover,
    Querier,
    QueryCanceller,
    Question,
    RetrieveCanceller,
    Retriever,
    Sender,
    Stack,
    StackFailed,
    Verifier,
)
from running_node import RunningNode

SYNTAXES = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
)
CANCELLED = 0xFE00
MOVED = ("images", "utf-8")
"""The studies that a stack's own C-MOVE is tried with; every group goes through its listener anyway."""


def role(name: str, *, cases: Iterable[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test for every stack of a role, and every case."""

    def of(test: Callable[..., None]) -> Callable[..., None]:
        stacks = [
            pytest.param(stack, id=stack.about.name, marks=[pytest.mark.long] * stack.about.long)
            for stack in STACKS
            if isinstance(stack, ROLES[name])
        ]
        if listed := list(cases):
            test = pytest.mark.parametrize("case", listed)(test)
        marked: Callable[..., None] = pytest.mark.role(name)(pytest.mark.parametrize("stack", stacks)(test))
        return marked

    return of


@role("verifier", cases=["", "wrong title"])
def test_a_stack_verifies_the_node(
    stack: Stack, case: str, receiving: RunningNode, tried: Callable[[str], None]
) -> None:
    assert isinstance(stack, Verifier)
    if case:
        elsewhere = Address(receiving.address.host, receiving.address.port, "SOMEBODY")
        with pytest.raises(StackFailed):
            stack.echo(elsewhere)
    else:
        stack.echo(receiving.address)


@role("sender", cases=GROUPS)
def test_what_a_stack_sends_is_kept(
    stack: Stack, case: str, receiving: RunningNode, tmp_path: Path, tried: Callable[[str], None]
) -> None:
    assert isinstance(stack, Sender)
    studies = group(case, label=stack.about.name)

    stack.send(receiving.address, [file for each in studies for file in each.write(tmp_path)])

    sent = instances(studies)
    tried(compare(sent, held(receiving, sent)))


@role("querier", cases=QUESTIONS)
def test_a_stack_finds(stack: Stack, case: str, holding: RunningNode, tried: Callable[[str], None]) -> None:
    assert isinstance(stack, Querier)
    expected = QUESTIONS[case]

    found = [answer[expected.keyword] for answer in stack.find(holding.address, expected.question)]

    assert sorted(found) == sorted(expected.values)


@role("retriever", cases=GROUPS)
def test_a_stack_retrieves_what_is_held(
    stack: Stack, case: str, holding: RunningNode, tmp_path: Path, tried: Callable[[str], None]
) -> None:
    assert isinstance(stack, Retriever)
    studies = group(case, label="held")

    for each in studies:
        folder = tmp_path / each.name
        folder.mkdir()
        stack.get(holding.address, each.wanted, folder)

    tried(compare(instances(studies), read_folder(tmp_path)))


@role("destination", cases=GROUPS)
def test_a_stack_is_sent_what_is_held(
    stack: Stack, case: str, holding: RunningNode, listeners: Listeners, tried: Callable[[str], None]
) -> None:
    assert isinstance(stack, Destination)
    folder = listeners.folder(stack, stack.about.name)
    studies = group(case, label="held")

    for each in studies:
        assert moved(holding, each, stack.about.name.upper()) == len(each.instances)

    tried(compare(instances(studies), read_folder(folder)))


@role("mover", cases=MOVED)
def test_a_stack_has_a_study_sent_to_itself(
    stack: Stack, case: str, holding: RunningNode, listeners: Listeners, tried: Callable[[str], None]
) -> None:
    assert isinstance(stack, Mover)
    assert isinstance(stack, Destination)
    folder = listeners.folder(stack, stack.about.name)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        path.unlink()
    wanted = study(case, label="held")

    stack.move(holding.address, wanted.uid, stack.about.name.upper())

    tried(compare(wanted.instances, read_folder(folder)))


@role("query canceller")
def test_a_stack_cancels_a_query(stack: Stack, holding: RunningNode, tried: Callable[[str], None]) -> None:
    """The last answer may be on its way when the C-CANCEL is read: then the status is Success (PS3.4 C.4.1.3)."""
    assert isinstance(stack, QueryCanceller)
    keys = {**series_keys("many", "OT", label="held"), "SOPInstanceUID": ""}

    status = stack.cancel_find(holding.address, Question("IMAGE", keys), after=1)

    tried("FE00" if status else "0000: every answer was on its way when the C-CANCEL was read")
    assert status in (CANCELLED, 0)


@pytest.mark.long
@role("retrieve canceller")
def test_a_stack_cancels_a_retrieve(
    stack: Stack, holding: RunningNode, listeners: Listeners, tried: Callable[[str], None]
) -> None:
    assert isinstance(stack, RetrieveCanceller)
    assert isinstance(stack, Destination)
    folder = listeners.folder(stack, stack.about.name)
    many = study("many", label="held")
    already = read_folder(folder).keys()

    status = stack.cancel_retrieve(holding.address, many.wanted, stack.about.name.upper())

    new = len(read_folder(folder).keys() - already)
    tried(f"{status:04X}, before the last instance was sent")
    assert status == CANCELLED
    assert new < MANY


@role("aborter")
def test_a_stack_aborts_and_the_node_goes_on(
    stack: Stack, receiving: RunningNode, tmp_path: Path, tried: Callable[[str], None]
) -> None:
    assert isinstance(stack, Aborter)
    assert isinstance(stack, Verifier)
    sent = study("images", label=f"{stack.about.name} aborts")

    stack.abort(receiving.address, sent.write(tmp_path)[0])

    stack.echo(receiving.address)
    assert held(receiving, sent.instances[:1])


def held(node: RunningNode, sent: Iterable[Instance]) -> dict[str, Instance]:
    """Return what the node holds of these instances, each in the transfer syntax it is kept in."""
    found: dict[str, Instance] = {}
    for one in sent:
        storage = [Proposal(one.sop_class_uid, (syntax,), as_scp=True) for syntax in SYNTAXES]
        proposals = (Proposal(STUDY_ROOT_GET, ("1.2.840.10008.1.2",)), *storage)
        with Association.open(node.address, proposals) as association:
            got = get(association, unique_keys(one), level="IMAGE").instances
        found |= {each.sop_instance_uid: each for each in got}
    return found


def moved(node: RunningNode, wanted: Study, destination: str) -> int:
    """Have a study sent, and return how many instances of it were; an assertion fails where the node says otherwise."""
    with Association.open(node.address, query_proposals()) as association:
        answer = move(association, {"StudyInstanceUID": wanted.uid}, destination=destination)
    assert (answer.status, answer.failed) == (0, 0), answer.comment
    return answer.completed
