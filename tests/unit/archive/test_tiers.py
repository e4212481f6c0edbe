"""Where studies lie: placed, displaced, moved, recalled; and what arrives, is read and is repaired meanwhile."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from conformance import phantoms
from replicated import altered, missing
from storage_backends import Backend, Codec, Memory, NoSpace
from tiered import Tiered, slice_of
from vna.archive import Healer, HoldTarget, HoldTerms, Pace, Scrubber, Sweeper
from vna.errors import Held, NotFound, NotOnline, NotPlausible, OutOfResources, TooFewVerified
from vna.events import BlobsEntered, HoldKind, StudyDisplaced, StudyPlaced, SweepBegan, SweepEnded
from vna.index.committer import Committer
from vna.model import Availability

ME = "test"


@pytest.fixture
def tiered(tmp_path: Path) -> Iterator[Tiered]:
    opened = Tiered(f"sqlite:///{tmp_path / 'index.sqlite'}", tmp_path)
    yield opened
    opened.close()


def swept(tiered: Tiered) -> None:
    """Sweep as a node does, with no grace."""
    tiered.sweep()


def test_a_study_is_copied_in_the_codec_of_the_tier_and_comes_back_byte_for_byte(tiered: Tiered) -> None:
    stored = tiered.store(1, 2)
    study, before = stored[0].key.study, [tiered.sending.bytes_of(each.key) for each in stored]

    moved = tiered.archive.tiers.place(study, "cold", ME)

    assert (moved.copied, moved.deleted) == (2, 0)
    assert [name.rpartition(".")[2] for name in tiered.names("cold")] == [Codec.ZSTD.value] * 2
    assert tiered.rows() == {("", "present"): 2, ("cold", "present"): 2}
    assert [tiered.sending.bytes_of(each.key) for each in stored] == before
    assert [place.store for place in tiered.archive.tiers.show(study).places] == ["hot", "cold"]


def test_a_move_leaves_the_study_in_the_other_store_alone(tiered: Tiered) -> None:
    stored = tiered.store(1, 2)
    study, before = stored[0].key.study, [tiered.sending.bytes_of(each.key) for each in stored]

    moved = tiered.archive.tiers.move(study, "hot", "cold", ME)

    assert (moved.copied, moved.deleted) == (2, 2)
    assert tiered.names() == []
    assert tiered.rows() == {("cold", "present"): 2}
    assert tiered.placements() == [("", False, 1), ("cold", True, 0)]
    assert [tiered.sending.bytes_of(each.key) for each in stored] == before
    assert not [finding for finding in tiered.archive.verify() if finding.problem]


def test_what_is_done_already_is_not_done_again(tiered: Tiered) -> None:
    study = tiered.store(1)[0].key.study
    tiered.archive.tiers.move(study, "hot", "cold", ME)
    mark = tiered.archive.journal_mark()

    moved = tiered.archive.tiers.move(study, "hot", "cold", ME)

    assert (moved.copied, moved.deleted) == (0, 0)
    assert tiered.archive.journal_mark() == mark


@pytest.mark.parametrize("copies", [2, 3])
def test_a_study_does_not_leave_where_too_few_copies_would_stay(tiered: Tiered, copies: int) -> None:
    study = tiered.store(1)[0].key.study

    with pytest.raises(TooFewVerified, match=f"{copies} have to be"):
        tiered.archive.tiers.move(study, "hot", "cold", ME, copies=copies)

    assert tiered.rows() == {("", "present"): 1, ("cold", "present"): 1}


def test_the_last_copy_never_goes(tiered: Tiered) -> None:
    study = tiered.store(1)[0].key.study

    with pytest.raises(TooFewVerified):
        tiered.archive.tiers.displace(study, "hot", ME, copies=0)

    assert tiered.rows() == {("", "present"): 1}


@pytest.mark.parametrize("damage", [altered, missing])
def test_a_copy_counts_only_when_it_was_just_read_back(
    tiered: Tiered, damage: Callable[[Backend, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tiered.store(1)[0].key.study
    tiered.archive.tiers.place(study, "cold", ME)
    tiered.archive.tiers.place(study, "deep", ME)
    tiered.archive.tiers.displace(study, "hot", ME, copies=2)
    damage(tiered.backend("deep"), tiered.names("deep")[0])
    monkeypatch.setattr(Healer, "_heal", lambda *_: None)

    with pytest.raises(TooFewVerified, match="0 sound copies"):
        tiered.archive.tiers.displace(study, "cold", ME)

    assert tiered.rows() == {("cold", "present"): 1, ("deep", "bad"): 1}


def test_a_copy_found_damaged_before_a_study_leaves_is_healed_first(tiered: Tiered) -> None:
    stored = tiered.store(1)[0]
    before = tiered.sending.bytes_of(stored.key)
    tiered.archive.tiers.place(stored.key.study, "cold", ME)
    altered(tiered.backend("cold"), tiered.names("cold")[0])

    tiered.archive.tiers.displace(stored.key.study, "hot", ME)

    assert tiered.rows() == {("cold", "present"): 1}
    assert tiered.sending.bytes_of(stored.key) == before


def test_a_blob_that_two_studies_share_stays_while_one_of_them_needs_it_there(tiered: Tiered) -> None:
    first, second = tiered.store(1, study=1)[0], tiered.store(1, study=2)[0]
    assert tiered.rows() == {("", "present"): 1}

    tiered.archive.tiers.move(first.key.study, "hot", "cold", ME)
    assert tiered.rows() == {("", "present"): 1, ("cold", "present"): 1}
    tiered.archive.tiers.move(second.key.study, "hot", "cold", ME)
    assert tiered.rows() == {("cold", "present"): 1}
    tiered.archive.tiers.place(first.key.study, "hot", ME)
    tiered.archive.tiers.displace(first.key.study, "cold", ME)

    assert tiered.rows() == {("", "present"): 1, ("cold", "present"): 1}
    assert tiered.sending.bytes_of(first.key)
    assert tiered.sending.bytes_of(second.key)


def test_a_correction_of_a_study_on_a_tier_writes_no_pixels(tiered: Tiered) -> None:
    study = tiered.store(1)[0].key.study
    tiered.archive.tiers.move(study, "hot", "cold", ME)
    before = tiered.written(), tiered.written("cold")
    corrected = slice_of(1)
    corrected.PatientName = "RIGHT^NAME"

    stored = tiered.sending.store(corrected)

    assert stored.version == 2
    assert (tiered.written(), tiered.written("cold")) == before
    assert tiered.sending.bytes_of(stored.key) == phantoms.data_set_bytes(corrected)
    swept(tiered)
    assert tiered.sending.bytes_of(stored.key) == phantoms.data_set_bytes(corrected)


def test_another_study_of_the_same_pixels_gets_them_where_it_lies(tiered: Tiered) -> None:
    tiered.archive.tiers.move(tiered.store(1, study=1)[0].key.study, "hot", "cold", ME)

    tiered.store(1, study=2)

    assert tiered.rows() == {("", "present"): 1, ("cold", "present"): 1}


def test_what_comes_in_after_a_move_lies_in_the_main_store_and_follows_with_the_next_one(tiered: Tiered) -> None:
    study = tiered.store(1)[0].key.study
    tiered.archive.tiers.move(study, "hot", "cold", ME)
    tiered.store(2)
    swept(tiered)
    assert tiered.rows() == {("", "present"): 1, ("cold", "present"): 1}
    (cold,) = (place for place in tiered.archive.tiers.show(study).places if place.store == "cold")
    assert (cold.is_kept, cold.is_complete) == (True, False)

    moved = tiered.archive.tiers.move(study, "hot", "cold", ME)

    assert (moved.copied, moved.deleted) == (1, 1)
    assert tiered.rows() == {("cold", "present"): 2}


def test_an_arrival_between_copying_and_leaving_keeps_what_it_needs(
    tiered: Tiered, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tiered.store(1)[0].key.study
    submit, arrived = Committer.submit, []

    def late(committer: Committer, entry: object) -> object:
        if type(entry).__name__ == "DisplaceEntry" and not arrived:
            arrived.append(True)
            tiered.store(2)
        return submit(committer, entry)  # type: ignore[arg-type]

    monkeypatch.setattr(Committer, "submit", late)
    tiered.archive.tiers.move(study, "hot", "cold", ME)

    assert tiered.rows() == {("cold", "present"): 2}


def test_the_sweep_takes_what_a_move_left_and_nothing_else(tiered: Tiered, monkeypatch: pytest.MonkeyPatch) -> None:
    study = tiered.store(1)[0].key.study
    tiered.store(2, study=9)
    with monkeypatch.context() as patched:
        patched.setattr(Sweeper, "take_out", lambda _sweeper, _blobs: None)
        tiered.archive.tiers.move(study, "hot", "cold", ME)
    assert tiered.rows() == {("", "present"): 2, ("cold", "present"): 1}

    swept(tiered)

    assert tiered.rows() == {("", "present"): 1, ("cold", "present"): 1}


def test_the_sweep_leaves_the_last_sound_copies_whatever_was_said_before(
    tiered: Tiered, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = tiered.store(1)[0]
    with monkeypatch.context() as patched:
        patched.setattr(Sweeper, "take_out", lambda _sweeper, _blobs: None)
        tiered.archive.tiers.move(stored.key.study, "hot", "cold", ME)
    altered(tiered.backend("cold"), tiered.names("cold")[0])
    monkeypatch.setattr(Healer, "_heal", lambda *_: None)
    Scrubber(tiered.archive.healer, "cold", Pace(1e12)).run(threading.Event())
    assert tiered.rows()["cold", "bad"] == 1

    swept(tiered)

    assert tiered.rows()["", "present"] == 1


def test_a_tier_is_healed_from_another_store_in_its_own_codec(tiered: Tiered) -> None:
    study = tiered.store(1)[0].key.study
    tiered.archive.tiers.place(study, "cold", ME)
    (name,) = tiered.names("cold")
    altered(tiered.backend("cold"), name)

    Scrubber(tiered.archive.healer, "cold", Pace(1e12)).run(threading.Event())

    assert tiered.names("cold") == [name]
    assert tiered.rows()["cold", "present"] == 1


def test_a_retrieval_is_rescued_by_another_store(tiered: Tiered) -> None:
    stored = tiered.store(1)[0]
    before = tiered.sending.bytes_of(stored.key)
    tiered.archive.tiers.place(stored.key.study, "cold", ME)
    missing(tiered.backend(), tiered.names()[0])

    assert tiered.sending.bytes_of(stored.key) == before
    assert tiered.rows()["", "present"] == 1


def test_reading_from_nearline_asks_for_a_recall_once_and_gives_the_bytes(tiered: Tiered) -> None:
    stored = tiered.store(1)[0]
    before = tiered.sending.bytes_of(stored.key)
    tiered.archive.tiers.move(stored.key.study, "hot", "cold", ME)

    assert [tiered.sending.bytes_of(stored.key) for _ in range(3)] == [before] * 3
    assert tiered.index.placements.asked_for() == [stored.key.study]


def test_what_is_offline_is_refused_brought_back_and_then_given(tiered: Tiered) -> None:
    stored = tiered.store(1)[0]
    before = tiered.sending.bytes_of(stored.key)
    tiered.archive.tiers.move(stored.key.study, "hot", "deep", ME)
    with pytest.raises(NotOnline, match="offline"):
        tiered.sending.bytes_of(stored.key)

    assert tiered.archive.tiers.recall(threading.Event()) == 1

    assert tiered.sending.bytes_of(stored.key) == before
    assert tiered.index.placements.asked_for() == []
    assert tiered.archive.tiers.recall(threading.Event()) == 0
    assert tiered.archive.tiers.show(stored.key.study).availability is Availability.ONLINE


def test_nothing_under_hold_goes_offline(tiered: Tiered) -> None:
    study = tiered.store(1)[0].key.study
    tiered.archive.holds.place(HoldTarget(study=study), HoldTerms(HoldKind.INQUIRY, "asked for"), "a person")

    with pytest.raises(Held):
        tiered.archive.tiers.move(study, "hot", "deep", ME)
    tiered.archive.tiers.move(study, "hot", "cold", ME)

    assert tiered.placements() == [("", False, 1), ("cold", True, 0), ("deep", True, 0)]


def test_a_full_tier_takes_nothing(tiered: Tiered, monkeypatch: pytest.MonkeyPatch) -> None:
    study = tiered.store(1)[0].key.study
    monkeypatch.setattr(Memory, "free_bytes", lambda _self: 1)
    monkeypatch.setattr(Memory, "total_bytes", lambda _self: 100)
    room = tiered.archive._room.at("cold")
    monkeypatch.setattr(room, "_watermark", replace(room._watermark, percent=50, bytes=10))

    with pytest.raises(OutOfResources, match="watermark"):
        tiered.archive.tiers.place(study, "cold", ME)

    (cold,) = [each for each in tiered.archive.tiers.list(tiered.archive._room) if each.store == "cold"]
    assert tiered.names("cold") == []
    assert ("watermark" in cold.shortage, cold.free_bytes) == (True, None)


def test_a_disk_that_is_full_is_named_and_the_study_stays_where_it_is(
    tiered: Tiered, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = tiered.store(1, 2)
    study, before = stored[0].key.study, tiered.names()

    def refuse(_staged: object, _name: str) -> None:
        raise NoSpace("no space left on device")

    monkeypatch.setattr(tiered.backend("cold"), "commit_name", refuse)

    with pytest.raises(OutOfResources, match="store cold: the store is full"):
        tiered.archive.tiers.move(study, "hot", "cold", ME)

    assert (tiered.names(), tiered.names("cold")) == (before, [])
    monkeypatch.undo()
    assert tiered.archive.tiers.move(study, "hot", "cold", ME).copied == 2
    assert tiered.names() == []


def test_a_tier_that_fills_up_during_a_move_takes_nothing_from_where_the_study_lies(
    tiered: Tiered, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = tiered.store(1, 2, 3)
    study, told = stored[0].key.study, iter((None, "no more room"))
    before = [tiered.sending.bytes_of(each.key) for each in stored]
    monkeypatch.setattr(tiered.archive.tiers.placer, "shortage", lambda store: next(told, "no more room"))

    with pytest.raises(OutOfResources, match="no more room"):
        tiered.archive.tiers.move(study, "hot", "cold", ME)

    tiered.sweep()
    assert tiered.rows()["", "present"] == 3
    assert tiered.placements() == []
    assert [tiered.sending.bytes_of(each.key) for each in stored] == before
    monkeypatch.undo()
    assert tiered.archive.tiers.move(study, "hot", "cold", ME).deleted == 3
    assert tiered.rows() == {("cold", "present"): 3}


def test_stores_and_studies_that_are_not_there_are_named(tiered: Tiered) -> None:
    study = tiered.store(1)[0].key.study

    with pytest.raises(NotFound, match="there are hot, cold, deep"):
        tiered.archive.tiers.place(study, "warm", ME)
    with pytest.raises(NotFound, match=r"no study 1\.2 is held"):
        tiered.archive.tiers.place("1.2", "cold", ME)
    with pytest.raises(NotPlausible):
        tiered.archive.tiers.move(study, "hot", "hot", ME)


def test_a_study_is_written_anew_in_the_codec_of_its_store(tiered: Tiered, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = tiered.store(1, 2)
    before = [tiered.sending.bytes_of(each.key) for each in stored]
    monkeypatch.setattr(tiered.blobs, "codec", Codec.RAW)

    moved = tiered.archive.tiers.reencode(stored[0].key.study, "hot", ME)

    assert (moved.copied, moved.deleted) == (2, 2)
    assert [name.rpartition(".")[2] for name in tiered.names()] == ["raw", "raw"]
    assert [tiered.sending.bytes_of(each.key) for each in stored] == before
    assert tiered.archive.tiers.reencode(stored[0].key.study, "hot", ME).copied == 0


def test_a_replica_lets_go_of_a_study_and_is_not_filled_again(tmp_path: Path) -> None:
    tiered = Tiered(f"sqlite:///{tmp_path / 'index.sqlite'}", tmp_path, replicas={"second": Memory()}, mirrored=True)
    study = tiered.store(1)[0].key.study

    tiered.archive.tiers.displace(study, "second", ME)

    assert tiered.rows() == {("", "present"): 1}
    assert [window.blobs for window in tiered.index.blobs.lacking("second", after=0)] == [()]
    tiered.store(2)
    assert tiered.rows() == {("", "present"): 2, ("second", "present"): 1}
    tiered.close()


def test_each_move_is_told_by_the_journal_in_order(tiered: Tiered) -> None:
    study = tiered.store(1)[0].key.study
    tiered.archive.tiers.move(study, "hot", "cold", ME)

    events = [link.event.record().event for link in tiered.index.journal.links(after=1, upto=100)]

    assert [type(event) for event in events] == [BlobsEntered, StudyPlaced, StudyDisplaced, SweepBegan, SweepEnded]
