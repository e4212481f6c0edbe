"""The committer: decisions, positions, savepoints, blobs that must be there."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from arrivals import PACS_A, PACS_B, Sender, arrival, description, digest_of, key
from databases import connected
from vna.events import Decision, PeerRegistered
from vna.index import BlobState, EventEntry, NeedsBlobs, NeedsComparison, Recorded, open_index, tables
from vna.model import Outcome, Peer


@pytest.fixture
def sender(index_url: str) -> Iterator[Sender]:
    index = open_index(index_url)
    yield Sender(index)
    index.close()


def outcome(result: object) -> Decision:
    assert isinstance(result, Recorded)
    assert result.decision is not None
    return result.decision


def test_a_first_arrival_is_stored_as_version_one(sender: Sender) -> None:
    result = sender.send(arrival("a"))

    assert outcome(result) == Decision(Outcome.STORED, 1)
    assert sender.index.reader.counts().instances == 1


def test_the_same_bytes_again_leave_one_receipt_and_no_version(sender: Sender) -> None:
    sender.send(arrival("a"))

    first = sender.index.committer.submit(sender.entry(arrival("a")))
    second = sender.index.committer.submit(replace(sender.entry(arrival("a")), receipt_due=False))

    assert outcome(first).outcome is Outcome.ALREADY_STORED
    assert (first.position, second.position) == (2, None)
    assert len(sender.index.reader.held_versions(key())) == 1


def test_other_content_must_be_compared_first(sender: Sender) -> None:
    sender.send(arrival("a"))

    result = sender.send(arrival("b"))

    assert result == NeedsComparison((digest_of("a"),))


def test_other_content_from_the_same_source_is_served(sender: Sender) -> None:
    sender.send(arrival("a"))

    result = sender.send(replace(arrival("b"), same_content={digest_of("a"): False}))

    assert outcome(result) == Decision(Outcome.NEW_VERSION, 2)
    assert sender.index.reader.counts().instances == 1


def test_other_content_from_another_source_is_kept_aside_and_flagged(sender: Sender) -> None:
    sender.send(arrival("a", source=PACS_A))

    result = sender.send(replace(arrival("b", source=PACS_B), same_content={digest_of("a"): False}))

    assert outcome(result) == Decision(Outcome.ASIDE, 2)
    assert sender.index.reader.counts().flags >= 1


def test_another_encoding_is_a_rendition(sender: Sender) -> None:
    sender.send(arrival("a"))

    result = sender.send(replace(arrival("b"), same_content={digest_of("a"): True}))

    assert outcome(result) == Decision(Outcome.RENDITION, 2)


def test_a_blob_that_is_not_present_is_asked_for(sender: Sender) -> None:
    result = sender.index.committer.submit(sender.entry(arrival("a"), written=False))

    assert result == NeedsBlobs((digest_of("pixels"),))
    assert sender.index.reader.counts().position == 0


def test_a_bad_blob_is_healed_by_an_identical_receive(sender: Sender, index_url: str) -> None:
    sender.send(arrival("a"))
    _set_state(index_url, BlobState.BAD)

    unwritten = sender.index.committer.submit(sender.entry(arrival("a"), written=False))
    written = sender.send(arrival("a"))

    assert unwritten == NeedsBlobs((digest_of("pixels"),))
    assert outcome(written).outcome is Outcome.ALREADY_STORED
    assert sender.index.reader.present_blobs([digest_of("pixels")])


def test_a_blob_being_deleted_is_waited_for(sender: Sender, index_url: str) -> None:
    sender.send(arrival("a"))
    _set_state(index_url, BlobState.DELETING)

    result = sender.send(arrival("a", key("1.2", "1.2.1", "1.2.1.1")))

    assert result == NeedsBlobs((digest_of("pixels"),), wait=True)


def test_concurrent_submissions_get_dense_positions(sender: Sender) -> None:
    keys = [key(f"1.{n}", f"1.{n}.1", f"1.{n}.1.1") for n in range(40)]
    results: list[object] = []

    def send(part: list[object]) -> None:
        results.extend(sender.send(arrival(str(k), k)) for k in part)

    threads = [threading.Thread(target=send, args=(keys[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(r.position for r in results) == list(range(1, 41))


def test_an_entry_that_fails_fails_alone(sender: Sender) -> None:
    bad = sender.entry(arrival("a", key("1.2", "1.2.1", "1.2.1.1")))
    bad = replace(bad, arrival=replace(bad.arrival, digest="no hex"))
    entries = [bad, *(sender.entry(arrival(str(n), key(f"1.3.{n}", f"1.3.{n}.1", "1.3.1.1"))) for n in range(3))]
    results: dict[int, object] = {}
    together = threading.Barrier(len(entries))

    def submit(n: int) -> None:
        together.wait()
        try:
            results[n] = sender.index.committer.submit(entries[n])
        except ValueError as exc:
            results[n] = exc

    threads = [threading.Thread(target=submit, args=(n,)) for n in range(len(entries))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert isinstance(results[0], ValueError)
    assert sorted(results[n].position for n in (1, 2, 3)) == [1, 2, 3]


def test_the_chain_goes_on_from_the_stored_head(sender: Sender, index_url: str) -> None:
    sender.send(arrival("a"))
    sender.send(arrival("b", key("1.2", "1.2.1", "1.2.1.1")))

    with connected(index_url) as connection:
        last = (
            connection.execute(select(tables.event.c.hash).order_by(tables.event.c.position.desc())).scalars().first()
        )
        head = connection.execute(select(tables.archive.c.head)).scalar_one()

    assert last is not None
    assert bytes(last) == bytes(head)


def test_a_study_shows_the_record_of_its_earliest_live_instance(sender: Sender, index_url: str) -> None:
    sender.send(arrival("a"))
    sender.send(arrival("b", key(instance="1.1.1.2")), description(study={"StudyDate": "20250101"}))

    corrected = replace(arrival("c"), same_content={digest_of("a"): False})
    sender.send(corrected, description(study={"StudyDate": "20260101"}))

    with connected(index_url) as connection:
        shown = select(tables.study_record.c.StudyDate).join(
            tables.study, tables.study.c.record_id == tables.study_record.c.id
        )
        assert connection.execute(shown).scalar_one() == "20250101"


def test_a_peer_is_registered_and_replaced(sender: Sender) -> None:
    for port in (104, 11112):
        event = PeerRegistered(Peer("PACS", "localhost", port))
        sender.index.committer.submit(EventEntry(sender.index.committer.next_sequence(), "t", "test", event))

    assert sender.index.reader.peers() == {"PACS": Peer("PACS", "localhost", 11112)}


def _set_state(url: str, state: BlobState) -> None:
    with connected(url) as connection:
        connection.execute(update(tables.blob).values(state=state.value))
