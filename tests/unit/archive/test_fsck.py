"""fsck: each kind of thing that can be wrong is made for real, found, and put right where that can be done."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from arrivals import Sender
from conformance import phantoms
from databases import connected
from sending import Sending
from storage_backends import (
    PREFIXES,
    BlobRef,
    BlobStore,
    Codec,
    Memory,
    MemoryContent,
    MemoryDocuments,
    StoreUnavailable,
)
from vna.archive import Archive, Discrepancy, Fsck, Healer, Plan, Room, Sealer, Spool, fsck
from vna.archive.fsck import Kind
from vna.archive.same_history import NOTHING_REMEMBERED, Remembered
from vna.errors import OutOfResources
from vna.events import BlobDamaged, BlobEntry, BlobsEntered, SweepBegan, link_hash
from vna.index import BlobState, open_index, tables
from vna.journal import SealedJournal
from vna.metrics import Metrics

GRACE_S = 3600.0
ANOTHER = f"{'ab' * 32}.new"


class House:
    """An archive with one instance, stored in the store and its replica and sealed, and what checks it."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'index.sqlite'}"
        self.index, self.folder = open_index(self.url), folder
        self.blobs = BlobStore(Memory(), replicas={"r1": BlobStore(Memory())}, mirrored=True)
        room = Room(self.blobs, min_free_percent=0, min_free_bytes=0)
        self.sending = Sending(Archive(self.index, self.blobs, Spool(folder / "spool"), room))
        self.sender = Sender(self.index)
        self.journal = SealedJournal(MemoryDocuments())
        self.sealer = Sealer(open_index(self.url), self.journal)
        self.remembered = NOTHING_REMEMBERED
        self.store()
        ((digest, codec),) = self.blobs.names()
        self.entry = self.index.reader.present_blobs([digest])[digest]
        self.ref = BlobRef(digest, codec, self.entry.plain_size, 0)
        self.sealer.seal()
        for name in ("", "r1"):
            self._put_another(name)

    def close(self) -> None:
        """Close everything."""
        self.sealer.close()
        self.sending.archive.close()

    def store(self) -> None:
        """Store the one instance, or store it again."""
        self.sending.store(phantoms.ct_slice(size=32))

    def fsck(self, *, deep: bool = False, repair: bool = False, grace_s: float = -1) -> list[Discrepancy]:
        """Return what is found."""
        healer = Healer(self.index, self.blobs, Metrics(), self.folder)
        plan = Plan(grace_s, deep, repair, remembered=self.remembered)
        return list(Fsck(healer, self.sealer, self.journal, plan).run(lambda _share: None))

    def kinds(self, **how: bool) -> list[Kind]:
        """Return what is found, in a word each."""
        return [each.kind for each in self.fsck(**how)]

    def _put_another(self, store: str) -> None:
        """Have a file of another release there too, so that the store is not empty when ours is gone."""
        self.blobs.at(store).backend.stage().commit(ANOTHER)

    def overwrite(self, stored: bytes, store: str = "") -> None:
        """Have other bytes in the place of the file."""
        staged = self.blobs.at(store).backend.stage()
        staged.write(stored)
        staged.commit(self.ref.name)

    def lose_row(self, store: str = "") -> None:
        """Lose the row of the blob in one store."""
        with connected(self.url) as connection:
            connection.execute(delete(tables.blob).where(tables.blob.c.store == store))

    def state(self) -> BlobState | None:
        """Return the state of the blob in the store itself."""
        return self.index.sweeping.state(self.entry.place)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    made = House(tmp_path)
    texts = [hashlib.sha256(text).hexdigest() for text in (b"leftover", b"unused")]
    prefixes = {name[:2] for name in (*texts, made.entry.digest, ANOTHER)}
    monkeypatch.setattr(fsck, "PREFIXES", sorted(prefixes))  # the others are empty, and there are many
    yield made
    made.close()


def test_what_is_right_is_not_told_of(house: House) -> None:
    assert house.fsck(deep=True) == []


def test_everything_is_counted_and_progress_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsck, "PREFIXES", PREFIXES)
    told: list[float] = []
    healer = Healer(house.index, house.blobs, Metrics(), house.folder)
    check = Fsck(healer, house.sealer, house.journal, Plan(GRACE_S))

    list(check.run(told.append))

    assert (check.tally.rows, check.tally.files, check.tally.segments, check.tally.young) == (2, 4, 1, 0)
    assert told[-1] == 1.0
    assert len(told) == 256


def test_a_missing_file_is_marked_and_comes_back_with_the_instance(house: House) -> None:
    house.blobs.delete(house.ref)
    house.blobs.at("r1").delete(house.ref)

    found = house.fsck(repair=True)

    assert [(each.kind, each.is_problem, each.instances) for each in found] == [(Kind.MISSING, True, 1)] * 2
    assert {each.study for each in found} == {phantoms.ct_slice(size=32).StudyInstanceUID}
    assert house.state() is BlobState.BAD
    house.store()
    assert house.kinds(deep=True, repair=True) == [Kind.UNSEALED]
    assert house.fsck(deep=True) == []


@pytest.mark.parametrize("store", ["", "r1"], ids=["main", "replica"])
def test_a_missing_file_is_healed_from_the_other_store(house: House, store: str) -> None:
    house.blobs.at(store).delete(house.ref)

    (found,) = house.fsck(repair=True)

    assert (found.kind, found.is_problem, found.repair) == (Kind.MISSING, False, "healed from another store")
    assert house.blobs.at(store).exists(house.ref)
    assert house.kinds(deep=True) == [Kind.UNSEALED]


def test_without_repair_nothing_is_changed(house: House) -> None:
    house.blobs.delete(house.ref)
    position = house.index.reader.position()

    assert [each.is_problem for each in house.fsck()] == [True]
    assert (house.index.reader.position(), house.state()) == (position, BlobState.PRESENT)


def test_a_file_cut_short_is_found_by_its_size(house: House) -> None:
    house.overwrite(b"0123")

    assert house.kinds() == [Kind.DAMAGED]


def test_a_file_of_the_right_size_is_found_damaged_in_depth_alone(house: House) -> None:
    stored = bytearray(house.blobs.backend.read(house.ref.name))
    stored[len(stored) // 2] ^= 1
    house.overwrite(bytes(stored))

    assert house.kinds() == []
    assert house.kinds(deep=True) == [Kind.DAMAGED]


def test_a_file_of_another_size_with_the_right_bytes_is_right(house: House) -> None:
    plain = house.blobs.get(house.ref)
    again = BlobStore(house.blobs.backend)
    ref = again.put(MemoryContent(plain), incompressible=True)
    again.close()

    assert ref.stored_size != house.entry.stored_size
    assert house.kinds(deep=True) == []


def test_a_blob_marked_as_damaged_that_is_right_is_marked_right(house: House) -> None:
    house.sender.record(BlobDamaged(house.entry.place, "altered"))
    house.sealer.seal()

    assert [(each.kind, each.is_problem) for each in house.fsck()] == [(Kind.DAMAGED, True)]
    assert [each.is_problem for each in house.fsck(repair=True)] == [False]
    assert house.state() is BlobState.PRESENT


def test_a_store_that_is_not_mounted_is_not_taken_for_damaged(house: House) -> None:
    house.blobs.delete(house.ref)
    house.blobs.backend.delete(ANOTHER)

    with pytest.raises(OutOfResources, match="is it mounted"):
        house.fsck(repair=True)

    assert house.state() is BlobState.PRESENT


def test_a_file_that_nobody_knows_is_told_of_when_it_is_old(house: House) -> None:
    house.blobs.put(MemoryContent(b"leftover"))

    assert house.fsck(grace_s=GRACE_S) == []
    found = house.fsck(repair=True)

    assert [(each.kind, each.is_problem) for each in found] == [(Kind.LEFTOVER, False)] * 2
    assert len(list(house.blobs.names())) == 2


def test_a_row_that_nobody_uses_is_told_of(house: House) -> None:
    ref = house.blobs.put(MemoryContent(b"unused"))
    house.blobs.at("r1").delete(ref)
    house.sender.record(BlobsEntered((BlobEntry(ref.digest, ref.codec.value, ref.plain_size, ref.stored_size),)))
    house.sealer.seal()

    assert house.kinds() == [Kind.UNUSED]


def test_what_a_sweep_has_left_is_told_of(house: House) -> None:
    house.sender.record(SweepBegan((BlobEntry("ab" * 32, Codec.DENSE.value, 0, 0),)))
    house.sealer.seal()

    assert [(each.kind, each.is_problem) for each in house.fsck()] == [(Kind.DELETING, False)]


def test_a_lost_row_is_entered_again_when_the_file_is_right(house: House) -> None:
    house.lose_row()

    assert [(each.kind, each.is_problem) for each in house.fsck()] == [(Kind.LOST, True)]
    assert [(each.kind, each.is_problem) for each in house.fsck(repair=True)] == [(Kind.LOST, False)]

    assert house.state() is BlobState.PRESENT
    assert [finding.problem for finding in house.sending.archive.verify()] == [None]
    assert house.kinds(deep=True) == [Kind.UNSEALED]


@pytest.mark.parametrize("spoil", [lambda house: house.overwrite(b"x"), lambda house: house.blobs.delete(house.ref)])
def test_a_lost_row_without_a_right_file_stays_lost(house: House, spoil: Callable[[House], None]) -> None:
    house.lose_row()
    spoil(house)

    (found,) = house.fsck(repair=True)

    assert (found.kind, found.is_problem, found.repair) == (Kind.LOST, True, "send the instance again to get it back")
    assert house.state() is None


def test_a_copy_that_the_index_does_not_know_is_entered(house: House) -> None:
    house.lose_row("r1")

    assert [(each.kind, each.is_problem) for each in house.fsck()] == [(Kind.UNKNOWN, True)]
    assert [(each.kind, each.is_problem) for each in house.fsck(repair=True)] == [(Kind.UNKNOWN, False)]
    assert house.kinds(deep=True) == [Kind.UNSEALED]


def test_what_is_not_sealed_is_sealed(house: House) -> None:
    house.store()

    assert [(each.kind, each.is_problem) for each in house.fsck()] == [(Kind.UNSEALED, False)]
    assert [each.repair for each in house.fsck(repair=True)] == ["sealed up to position 2"]
    assert house.fsck() == []


def test_a_journal_that_was_tampered_with_is_told_of(house: House) -> None:
    (name,) = [name for name in house.journal.documents.names() if name.startswith("payloads/")]
    house.journal.documents.delete(name)

    (found,) = house.fsck(repair=True)

    assert (found.kind, found.subject, found.is_problem) == (Kind.JOURNAL, name, True)


def test_a_replica_that_is_away_is_told_of_and_the_rest_is_compared(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_arguments: object) -> Iterator[str]:
        raise StoreUnavailable("no such folder")

    monkeypatch.setattr(house.blobs.at("r1").backend, "names", away)
    house.blobs.delete(house.ref)

    found = house.fsck()

    assert {(each.kind, each.subject) for each in found} == {
        (Kind.AWAY, "r1"),
        (Kind.MISSING, f"main/{house.ref.name}"),
    }
    assert all(each.is_problem for each in found)


def test_a_replica_that_is_empty_is_not_taken_for_damaged(house: House) -> None:
    backend = house.blobs.at("r1").backend
    for name in list(backend.names()):
        backend.delete(name)

    (found,) = house.fsck(repair=True)

    assert (found.kind, "is it mounted?" in found.problem) == (Kind.AWAY, True)


def test_a_store_that_is_empty_is_not_taken_for_damaged(house: House) -> None:
    for name in list(house.blobs.backend.names()):
        house.blobs.backend.delete(name)

    with pytest.raises(OutOfResources, match="is it mounted"):
        house.fsck()


@pytest.mark.parametrize("column", ["hash", "actor", "body"])
def test_an_event_that_was_altered_in_the_index_is_named(house: House, column: str) -> None:
    with connected(house.url) as connection:
        connection.execute(update(tables.event).values({column: b"x" if column != "actor" else "EVIL"}))

    (found,) = house.fsck()

    assert (found.kind, found.is_problem) == (Kind.EVENT, True)
    assert found.problem.startswith("event 1 was altered in the index")
    assert "vna rebuild" in found.repair


def test_an_index_of_another_history_is_told_of(house: House) -> None:
    with connected(house.url) as connection:
        event = next(iter(house.index.journal.links(after=0, upto=1))).event
        forged = replace(event, actor="EVIL")
        head = link_hash(bytes(32), forged.encode())
        connection.execute(update(tables.event).values(actor="EVIL", hash=head))
        connection.execute(update(tables.archive).values(head=head))

    assert [(each.kind, each.is_problem) for each in house.fsck()] == [(Kind.HISTORY, True)]


def test_a_head_that_is_not_that_of_the_last_event_is_told_of(house: House) -> None:
    with connected(house.url) as connection:
        connection.execute(update(tables.archive).values(head=b"x" * 32))

    assert [(each.kind, each.is_problem) for each in house.fsck()] == [(Kind.HISTORY, True)]


def test_events_that_are_gone_from_the_index_are_told_of(house: House) -> None:
    house.sender.record(BlobDamaged(house.entry.place, "altered"))
    with connected(house.url) as connection:
        connection.execute(delete(tables.event).where(tables.event.c.position == 1))

    assert "event 1 is missing in the index" in [each.problem for each in house.fsck()]


def test_a_payload_that_is_gone_is_told_of_and_an_altered_one_in_depth(house: House) -> None:
    with connected(house.url) as connection:
        connection.execute(update(tables.payload).values(salt=b"x" * 16))
    assert (house.kinds(), house.kinds(deep=True)) == ([], [Kind.EVENT])

    with connected(house.url) as connection:
        connection.execute(delete(tables.payload))
    assert house.kinds() == [Kind.EVENT]


ROWS = {
    "altered": (update(tables.version).values(digest=b"x" * 32), "it is not what the journal says: digest"),
    "missing": (delete(tables.version), "it is missing, and follows from the journal"),
    "added": (
        insert(tables.quiet).values(study_id=7, arrivals_upto=1, settled_upto=1),
        "nothing in the journal made it",
    ),
}


@pytest.mark.parametrize("done", ROWS)
def test_rows_that_are_not_what_the_journal_says_are_found_in_depth(house: House, done: str) -> None:
    write, told = ROWS[done]
    with connected(house.url) as connection:
        connection.execute(write)

    assert Kind.TABLE not in house.kinds()
    found = [each for each in house.fsck(deep=True) if each.kind is Kind.TABLE]

    assert [(each.problem, each.is_problem) for each in found] == [(told, True)]
    assert "vna rebuild" in found[0].repair


def test_a_patients_data_that_was_altered_is_found_in_depth_and_not_told(house: House) -> None:
    with connected(house.url) as connection:
        connection.execute(update(tables.term).values(value="EVIL^NAME"))

    found = [each for each in house.fsck(deep=True) if each.kind is Kind.TABLE]

    assert found
    assert not any("EVIL" in f"{each.subject}{each.problem}" for each in found)


def test_a_journal_that_lost_its_end_is_told_of_and_sealed_again(house: House) -> None:
    house.sender.record(BlobDamaged(house.entry.place, "altered"))
    house.sealer.seal()
    house.remembered = Remembered(house.journal.mark(), "sealed")
    house.journal.documents.delete(house.journal.documents.names("journal/")[-1])
    house.sealer.close()
    house.sealer = Sealer(open_index(house.url), house.journal)

    problems = [(each.kind, each.is_problem) for each in house.fsck() if each.kind is not Kind.DAMAGED]
    assert problems == [(Kind.JOURNAL, True), (Kind.UNSEALED, False)]

    house.fsck(repair=True)
    assert house.journal.mark().position == 2


def test_the_way_out_of_a_damaged_last_segment_is_named_and_leads_out(house: House) -> None:
    documents = house.journal.documents
    (last,) = documents.names("journal/")
    documents.delete(last)
    documents.create_exclusively(last, b"damaged")

    (found,) = house.fsck()

    assert "move it away: the index holds these events" in found.repair
    documents.delete(last)
    with closing(Sealer(open_index(house.url), house.journal)) as sealer:
        sealer.seal()
    assert house.fsck() == []


def test_an_index_put_back_from_a_backup_is_told_of(house: House) -> None:
    with connected(house.url) as connection:
        connection.execute(update(tables.archive).values(position=0))

    (found,) = house.fsck()

    assert (found.kind, found.is_problem) == (Kind.HISTORY, True)
    assert "start the node" in found.repair
