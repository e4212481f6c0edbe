"""What the index says of blobs store by store, and what events make of their rows."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from arrivals import Sender, arrival, digest_of, key
from databases import new_database
from rebuilding import rebuild, rows_of
from vna.events import Arrival, BlobDamaged, BlobEntry, BlobHealed, BlobsEntered, SweepBegan, SweepEnded
from vna.index import BlobState, Holding, Recorded, open_index, place_key
from vna.model import Outcome


@pytest.fixture
def sender(index_url: str) -> Iterator[Sender]:
    index = open_index(index_url)
    yield Sender(index)
    index.close()


def test_pages_go_through_a_store_by_digest_and_codec_without_what_is_being_deleted(sender: Sender) -> None:
    for number in range(5):
        sender.send(_arrival(number))
    first, second, third, fourth, fifth = sorted(_blob(number).digest for number in range(5))
    sender.record(BlobsEntered((replace(_blob_of(second), codec="zst"), replace(_blob_of(second), store="far"))))
    sender.record(BlobDamaged(_blob_of(third).place, "altered"))
    sender.record(SweepBegan((_blob_of(fourth),)))

    found, after = [], b""
    while page := sender.index.blobs.page("", after=after, most=2):
        found += page
        after = place_key(page[-1][0])

    assert [(blob.digest, blob.codec, state) for blob, state in found] == [
        (first, "dns", BlobState.PRESENT),
        (second, "dns", BlobState.PRESENT),
        (second, "zst", BlobState.PRESENT),
        (third, "dns", BlobState.BAD),
        (fifth, "dns", BlobState.PRESENT),
    ]


def test_what_a_replica_lacks_is_what_the_store_has_present(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vna.index.blob_reading._WINDOW", 2)
    for number in range(4):
        sender.send(_arrival(number))
    sender.record(BlobsEntered((replace(_blob(1), store="far"),)))
    sender.record(BlobDamaged(_blob(2).place, "missing"))

    windows = list(sender.index.blobs.lacking("far", after=0))
    later = list(sender.index.blobs.lacking("far", after=2))

    assert [(window.upto, window.blobs) for window in windows] == [(2, (_blob(0),)), (4, (_blob(3),)), (6, ())]
    assert [window.upto for window in later] == [4, 6]


def test_stores_are_counted_apart(sender: Sender) -> None:
    for number in range(3):
        sender.send(_arrival(number, "far"))
    sender.record(BlobDamaged(replace(_blob(1), store="far").place, "missing"))

    assert sender.index.blobs.holdings() == {"": Holding(3, 0), "far": Holding(2, 1)}
    assert sender.index.blobs.bad() == {"far": 1}
    assert sender.index.blobs.states(_blob(1)) == {"": BlobState.PRESENT, "far": BlobState.BAD}
    assert (sender.index.blobs.has_any("far"), sender.index.blobs.has_any("near")) == (True, False)


def test_damage_and_healing_are_recorded_when_they_say_something_new(sender: Sender) -> None:
    sender.send(_arrival(0))
    damaged, healed = BlobDamaged(_blob(0).place, "altered"), BlobHealed(_blob(0).place, "far")
    elsewhere = BlobDamaged(_blob(0, "far").place, "altered")

    positions = [sender.record(event) for event in (healed, damaged, damaged, elsewhere, healed, healed)]

    assert positions == [None, 2, None, None, 3, None]


def test_a_copy_of_what_the_store_no_longer_has_is_not_entered(sender: Sender) -> None:
    sender.send(_arrival(0))
    sender.record(SweepBegan((_blob(0),)))

    assert sender.record(BlobsEntered((_blob(0, "far"),))) is None
    assert sender.index.blobs.states(_blob(0)) == {"": BlobState.DELETING}


def test_an_arrival_that_was_held_enters_and_heals_the_copies_it_wrote(sender: Sender) -> None:
    sender.send(_arrival(0))
    lacking = sender.send(_arrival(0, "far"))
    sender.record(BlobDamaged(_blob(0, "far").place, "altered"))

    bad = sender.send(_arrival(0, "far"))

    for result in (lacking, bad):
        assert isinstance(result, Recorded)
        assert result.decision is not None
        assert result.decision.outcome is Outcome.ALREADY_STORED
    assert sender.index.blobs.states(_blob(0)) == {"": BlobState.PRESENT, "far": BlobState.PRESENT}


def test_the_rows_of_blobs_are_rebuilt_and_copies_are_not_counted_as_received(
    index_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    index = open_index(index_url)
    sender = Sender(index)
    descriptions = {}
    for number in range(4):
        result = sender.send(_arrival(number, *(["far"] if number else [])))
        descriptions[result.position] = sender.entry(_arrival(number)).description
    sender.record(BlobsEntered((_blob(0, "far"),)))
    sender.record(BlobDamaged(_blob(1).place, "altered"))
    sender.record(BlobDamaged(_blob(2, "far").place, "missing"))
    sender.record(BlobHealed(_blob(2, "far").place, "main"))
    sender.record(SweepBegan((_blob(3), _blob(3, "far"))))
    sender.record(SweepEnded((_blob(3).place, _blob(3, "far").place)))
    index.close()
    onto = f"sqlite:///{tmp_path / 'again.sqlite'}"
    if index_url.startswith("postgresql"):
        onto = new_database(request.getfixturevalue("postgresql_server"))

    rebuild(index_url, onto, descriptions)

    assert rows_of(onto) == rows_of(index_url)
    assert len(rows_of(onto)["blob"]) == 6
    assert sum(row[-1] for row in rows_of(onto)["intake"]) == 4 * _blob(0).stored_size


def _blob(number: int, store: str = "") -> BlobEntry:
    return BlobEntry(digest_of(f"pixels {number}"), "dns", 100, 10, store)


def _blob_of(digest: str) -> BlobEntry:
    return BlobEntry(digest, "dns", 100, 10)


def _arrival(number: int, *replicas: str) -> Arrival:
    """Return an arrival of one blob, which lies in the store and these replicas."""
    made = arrival(f"content {number}", key(instance=f"1.1.1.{number + 1}"), blobs=(f"pixels {number}",))
    return replace(made, blobs=tuple(_blob(number, store) for store in ("", *replicas)))
