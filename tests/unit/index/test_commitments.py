"""Commitments that are owed: taken in turn, gone when settled, the same when rebuilt."""

import importlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from arrivals import CT, PACS_A, PACS_B, Sender, arrival, description, digest_of, key
from databases import connected
from rebuilding import rebuild, rows_of
from vna.events import CommitmentAnswered, CommitmentRequested, CommitmentSettled, Rejected
from vna.index import BlobState, Index, open_index, tables
from vna.model import InstanceUID, RejectionReason, Scope

INSTANCE = key().instance
ASKED = ((CT, INSTANCE),)
SOON_S = 60.0


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'index.sqlite'}"


@pytest.fixture
def index(url: str) -> Iterator[Index]:
    opened = open_index(url)
    yield opened
    opened.close()


@pytest.fixture
def sender(index: Index) -> Sender:
    return Sender(index)


def requested(transaction: str = "2.25.1", instances: tuple[tuple[str, InstanceUID], ...] = ASKED):
    return CommitmentRequested(transaction, PACS_A.name, "PACS_A", "VNA", instances)


def test_one_turn_at_a_time_whoever_asks(index_url: str) -> None:
    nodes = [open_index(index_url) for _ in range(2)]
    number = Sender(nodes[0]).record(requested())

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda n: nodes[n % 2].commitments.take(number, SOON_S), range(8)))

    (turn,) = filter(None, taken)
    assert (turn.owed.instances, turn.owed.failed, turn.attempts) == (ASKED, None, 0)
    assert nodes[1].commitments.waiting() == []
    assert nodes[1].commitments.keep(turn, 0, attempts=1)
    assert [waiting.number for waiting in nodes[1].commitments.waiting()] == [number]
    for node in nodes:
        node.close()


def test_a_turn_that_ends_is_anybodys_and_remembers_the_attempts(index: Index, sender: Sender) -> None:
    number = sender.record(requested())
    first = index.commitments.take(number, SOON_S)
    assert first is not None

    assert index.commitments.keep(first, 0, attempts=3)

    assert [waiting.number for waiting in index.commitments.waiting()] == [number]
    second = index.commitments.take(number, SOON_S)
    assert second is not None
    assert second.attempts == 3
    assert not index.commitments.keep(first, SOON_S, attempts=9), "the first one has lost its turn"


def test_a_turn_of_a_clock_that_was_set_back_is_over(
    index: Index, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, now = sender.record(requested()), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86400)
    assert index.commitments.take(number, SOON_S) is not None

    monkeypatch.setattr(time, "time", lambda: now)

    assert [waiting.number for waiting in index.commitments.waiting()] == [number]
    assert index.commitments.take(number, SOON_S) is not None


def test_what_is_settled_is_owed_no_more_and_its_turn_is_forgotten(index: Index, url: str, sender: Sender) -> None:
    number = sender.record(requested())
    index.commitments.take(number, SOON_S)

    sender.record(CommitmentSettled(number, True))
    index.commitments.forget_turns()

    assert (index.commitments.count(), index.commitments.take(number, SOON_S)) == (0, None)
    with connected(url) as connection:
        assert connection.execute(tables.commitment_turn.select()).all() == []


def test_an_answer_is_kept_for_the_next_turn(index: Index, sender: Sender) -> None:
    number = sender.record(requested())
    failed = ((CT, INSTANCE, 0x0112),)

    sender.record(CommitmentAnswered(number, failed, 1))

    turn = index.commitments.take(number, SOON_S)
    assert turn is not None
    assert turn.owed.failed == failed


def test_a_transaction_uid_is_used_when_an_older_commitment_has_it_for_something_else(
    index: Index, sender: Sender
) -> None:
    other = ((CT, InstanceUID("9.9")),)
    numbers = [sender.record(requested(instances=each)) for each in (ASKED, ASKED, other)]
    turns = [index.commitments.take(number, SOON_S) for number in numbers]

    assert [index.commitments.used_before(turn.owed) for turn in turns if turn] == [False, False, True]


def test_who_sent_what_by_first_version_and_by_receipt(index: Index, sender: Sender) -> None:
    sender.send(arrival("a"))

    def seen() -> tuple[int, int]:
        return tuple(len(index.commitments.sent(INSTANCE, source.name)) for source in (PACS_A, PACS_B))

    assert seen() == (1, 0)
    sender.send(arrival("a", source=PACS_B))
    assert seen() == (1, 1)
    number = sender.record(Rejected(Scope("1.1"), RejectionReason.QUALITY))
    assert seen() == (0, 0)
    sender.restore(number)
    sender.send(replace(arrival("b"), same_content={digest_of("a"): False}))
    assert [held.version for held in index.commitments.sent(INSTANCE, PACS_A.name)] == [2]


def test_copies_are_told_with_their_state(index: Index, sender: Sender) -> None:
    stored = sender.send(arrival("a"))

    (copy,) = index.commitments.copies(stored.position)

    assert (copy.state, copy.blob.store) == (BlobState.PRESENT, "")


def test_rebuilding_gives_what_is_owed_and_who_sent_again(
    index: Index, url: str, sender: Sender, tmp_path: Path
) -> None:
    sender.send(arrival("a"))
    sender.send(arrival("a", source=PACS_B))
    numbers = [sender.record(requested(transaction)) for transaction in ("2.25.1", "2.25.2", "2.25.3")]
    sender.record(CommitmentAnswered(numbers[1], ((CT, INSTANCE, 0x0110),), 4))
    sender.record(CommitmentSettled(numbers[2], False))
    onto = f"sqlite:///{tmp_path / 'again.sqlite'}"

    rebuild(url, onto, {1: description()})

    old, new = rows_of(url), rows_of(onto)
    assert len(new["commitment"]) == 2
    assert [source for _study, source in new["resent"]] == ["PACS_B"]
    assert {name: new[name] for name in ("commitment", "resent")} == {
        name: old[name] for name in ("commitment", "resent")
    }


def test_an_index_of_before_is_told_by_its_journal_who_sent_again(index: Index, url: str, sender: Sender) -> None:
    sender.send(arrival("a"))
    sender.send(arrival("a", source=PACS_B))
    module = importlib.import_module("vna.index.migrations.versions.0004_keeping")

    with connected(url) as connection:
        rows = module._resent(connection)

    assert rows == [{"study_id": 1, "source": "PACS_B"}]
