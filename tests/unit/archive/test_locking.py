"""Locks of a store with Object Lock: renewed while retention runs or a hold stands, and left to end behind its end."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import create_engine, delete

from conformance import phantoms
from destroying import DestroyingArchive, study_of
from eliminating import SECOND_SERIES, bring_into_force, visit
from locking_service import LockingService
from rebuilding import rows_of
from sending import Sending
from storage_backends import BlobStore, Codec, Memory, MemoryDocuments, Protection
from storage_backends.contract import put
from vna.archive import (
    Archive,
    HoldTarget,
    HoldTerms,
    LockKeeper,
    Reasons,
    Rebuilder,
    Room,
    Sealer,
    Spool,
    Sweeper,
    Swept,
    locked_stores,
)
from vna.console import wording
from vna.events import HoldKind
from vna.index import Index, open_index, open_replay
from vna.index.lock_tables import object_lock
from vna.journal import SealedJournal

DAYS = 100
RECENT = "2026-01-31"
LONG_AGO = "2011-05-01"


@dataclass
class Locking:
    """An archive with a tier that locks, and what keeps its locks."""

    service: LockingService
    archive: Archive
    index: Index
    keeper: LockKeeper

    def study(self, number: int, visited: str = RECENT, series: tuple[int, ...] = (1,)) -> str:
        """Store a study whose pixels are its own, and bring it to the tier."""
        for each in series:
            for image in (1, 2):
                ds = phantoms.ct_slice(study=number, series=each, number=image, size=16)
                ds.StudyDate, ds.PatientID, ds.PatientBirthDate = "20100131", f"P{number}", "19500101"
                ds.PixelData = bytes([number, each, image, 0]) * (len(ds.PixelData) // 4)
                Sending(self.archive).store(ds)
        uid = ds.StudyInstanceUID
        visit(self.archive, number, visited)
        self.archive.retention.follow(Event())
        self.archive.tiers.place(uid, "vault", "tester")
        return uid

    def locks(self, study: str, series: str | None = None) -> list[Protection]:
        blobs = self.index.locks.of_study("vault", study, series)
        (_, bucket), *_ = locked_stores(self.archive.healer.blobs)
        return [bucket.protection(f"{blob.digest}.{blob.codec}") for blob in blobs]

    def until(self, study: str, series: str | None = None) -> set[datetime | None]:
        return {lock.until for lock in self.locks(study, series)}

    def hold(self, study: str) -> int:
        target = HoldTarget(study, "", "", "", ())
        return self.archive.holds.place(target, HoldTerms(HoldKind.INQUIRY, "an inquiry"), "anne").number

    def take_up(self) -> Swept | None:
        with closing(open_index(self.index.url)) as index:  # what one sweeper found locked it does not try again
            return Sweeper(index, self.archive.healer.blobs, 0).take_up()

    def ahead(self, days: float = DAYS) -> set[datetime | None]:
        return {self.service.now + timedelta(days=days)}


@pytest.fixture
def locking(tmp_path: Path) -> Iterator[Locking]:
    service = LockingService()
    tier = BlobStore(service.bucket(DAYS), codec=Codec.ZSTD)
    blobs = BlobStore(Memory(), codec=Codec.ZSTD, tiers={"vault": tier})
    room = Room(
        blobs, min_free_percent=0, min_free_bytes=0, tiers={"vault": Room(tier, min_free_percent=0, min_free_bytes=0)}
    )
    index = open_index(f"sqlite:///{tmp_path / 'index.sqlite'}")
    archive = Archive(index, blobs, Spool(tmp_path / "spool"), room)
    ((name, bucket),) = locked_stores(blobs)
    reasons = Reasons(index, archive.retention, archive.holds)
    yield Locking(service, archive, index, LockKeeper(index, bucket, name, reasons, now=lambda: service.now))
    archive.close()


def test_locks_are_renewed_when_a_quarter_of_them_is_over_while_retention_runs(locking: Locking) -> None:
    bring_into_force(locking.archive)
    study = locking.study(1)
    assert locking.until(study) == locking.ahead()

    first = locking.keeper.run(Event())
    locking.service.pass_days(24)
    early = locking.keeper.run(Event())
    locking.service.pass_days(2)
    due = locking.keeper.run(Event())

    assert (first.renewed, early.renewed, due.renewed) == (2, 0, 2)
    assert locking.until(study) == locking.ahead()


def test_without_a_profile_nothing_ends_and_locks_roll_on(locking: Locking) -> None:
    study = locking.study(1, LONG_AGO)
    locking.service.pass_days(30)

    locking.keeper.run(Event())

    assert locking.until(study) == locking.ahead()


def test_a_lock_is_never_set_to_the_end_of_retention_nor_renewed_behind_it(locking: Locking) -> None:
    bring_into_force(locking.archive)
    due, running = locking.study(1, LONG_AGO), locking.study(2)
    before = locking.until(due)
    locking.service.pass_days(30)

    locking.keeper.run(Event())

    assert locking.until(due) == before
    assert locking.until(running) == locking.ahead()


def test_a_series_behind_its_own_end_is_left_to_end(locking: Locking) -> None:
    bring_into_force(locking.archive, more=SECOND_SERIES)
    study = locking.study(1, series=(1, 2))
    first, second = (phantoms.uid("series", "CT", 1, number) for number in (1, 2))
    before = locking.until(study)
    locking.service.pass_days(30)

    locking.keeper.run(Event())

    assert locking.until(study, first) == locking.ahead()
    assert locking.until(study, second) == before


def test_pixels_that_another_study_needs_are_kept_locked(locking: Locking) -> None:
    bring_into_force(locking.archive)
    due, running = locking.study(1, LONG_AGO), phantoms.ct_slice(study=2, number=1, size=16)
    running.PatientID, running.StudyDate = "P2", "20260131"
    running.PixelData = bytes([1, 1, 1, 0]) * (len(running.PixelData) // 4)
    Sending(locking.archive).store(running)
    before = locking.until(due)
    locking.service.pass_days(30)

    locking.keeper.run(Event())

    assert locking.until(due) == before | locking.ahead()


def test_a_legal_hold_is_set_while_a_hold_stands_and_taken_away_behind_it(locking: Locking) -> None:
    bring_into_force(locking.archive)
    study, other = locking.study(1, LONG_AGO), locking.study(2)
    number = locking.hold(study)
    held = locking.keeper.run(Event())
    assert {lock.is_held for lock in locking.locks(study)} == {True}
    assert {lock.is_held for lock in locking.locks(other)} == {False}

    locking.archive.holds.release(number, "bob", "settled")
    let_go = locking.keeper.run(Event())

    assert (held.held, let_go.let_go) == (2, 2)
    assert {lock.is_held for lock in locking.locks(study)} == {False}


def test_a_hold_keeps_locks_rolling_behind_the_end(locking: Locking) -> None:
    bring_into_force(locking.archive)
    study = locking.study(1, LONG_AGO)
    locking.hold(study)
    locking.archive.retention.follow(Event())
    locking.service.knows_legal_holds = False
    locking.service.pass_days(30)

    locking.keeper.run(Event())

    assert locking.until(study) == locking.ahead()


def test_what_is_known_of_the_locks_may_be_lost(locking: Locking) -> None:
    study = locking.study(1)
    number = locking.hold(study)
    locking.keeper.run(Event())
    engine = create_engine(locking.index.url)
    with engine.begin() as connection:
        connection.execute(delete(object_lock))
    engine.dispose()
    locking.archive.holds.release(number, "bob", "settled")
    locking.service.pass_days(1)

    locking.keeper.run(Event())
    locking.keeper.run(Event())

    assert {lock.is_held for lock in locking.locks(study)} == {False}


def test_a_round_that_is_stopped_goes_on_next_time(locking: Locking) -> None:
    study = locking.study(1)
    locking.service.pass_days(30)
    stopping = Event()
    stopping.set()

    assert locking.keeper.run(stopping).renewed == 0
    assert locking.keeper.run(Event()).renewed == 2
    assert locking.until(study) == locking.ahead()


def test_what_is_locked_stays_deleting_and_in_the_status_until_its_lock_ends(locking: Locking) -> None:
    study = locking.study(1, series=(1, 2))
    moved = locking.archive.tiers.displace(study, "vault", "tester")
    tries = count_deletions(locking.service)
    with closing(open_index(locking.index.url)) as index:
        sweeper = Sweeper(index, locking.archive.healer.blobs, 0)
        sweeper.take_up()
        sweeper.take_up()
    (vault,) = (each for each in locking.archive.stores() if each.store == "vault")
    assert (moved.deleted, vault.present, vault.locked, len(tries)) == (0, 0, 4, 4)
    end = (locking.service.now + timedelta(days=DAYS)).isoformat(timespec="seconds")
    assert vault.locked_until == end
    assert f"4 files to be deleted locked until {end[:10]}" in wording.store(vault)

    locking.service.pass_days(DAYS + 1)
    locking.keeper.run(Event())
    swept = locking.take_up()

    assert swept is not None
    assert swept.blobs == 4
    (_, bucket), *_ = locked_stores(locking.archive.healer.blobs)
    assert list(bucket.names()) == []
    assert locking.index.locks.deleting() == []


def test_a_study_is_taken_back_into_a_tier_that_has_locked_it(locking: Locking) -> None:
    study = locking.study(1)
    names = vault_names(locking)
    locking.archive.tiers.displace(study, "vault", "tester")
    locking.service.pass_days(30)
    assert locking.locks(study) == []
    moved = locking.archive.tiers.place(study, "vault", "tester")

    assert moved.copied == 0
    assert vault_names(locking) == names
    assert locking.until(study) == locking.ahead()
    assert next(each for each in locking.archive.stores() if each.store == "vault").present == 2
    locking.take_up()
    locking.service.pass_days(DAYS + 1)
    locking.take_up()
    assert vault_names(locking) == names


def test_a_rebuild_knows_what_was_taken_back(locking: Locking, tmp_path: Path) -> None:
    study = locking.study(1)
    locking.archive.tiers.displace(study, "vault", "tester")
    locking.archive.tiers.place(study, "vault", "tester")
    journal, onto = SealedJournal(MemoryDocuments()), f"sqlite:///{tmp_path / 'new.sqlite'}"
    with closing(Sealer(open_index(locking.index.url), journal)) as sealer:
        sealer.seal()

    with closing(open_replay(onto)) as replayer:
        Rebuilder(replayer, locking.archive.healer.blobs).from_journal(journal, 0, lambda _position: None)

    assert rows_of(onto) == rows_of(locking.index.url)


def test_what_is_damaged_there_is_written_again_when_it_is_taken_back(locking: Locking) -> None:
    study = locking.study(1)
    (_, bucket), *_ = locked_stores(locking.archive.healer.blobs)
    locking.archive.tiers.displace(study, "vault", "tester")
    right = bucket.read(name := vault_names(locking)[0])
    put(bucket, name, b"damaged")

    locking.archive.tiers.place(study, "vault", "tester")

    assert bucket.read(name) == right
    assert len(locking.locks(study)) == 2


def test_what_has_gone_meanwhile_is_copied_again(locking: Locking, monkeypatch: pytest.MonkeyPatch) -> None:
    study = locking.study(1)
    locking.archive.tiers.displace(study, "vault", "tester")
    locking.service.pass_days(DAYS + 1)
    monkeypatch.setattr("vna.archive.placing._WAIT_S", 0)
    sweeper, (_, bucket) = (
        Sweeper(locking.index, locking.archive.healer.blobs, 0),
        *locked_stores(locking.archive.healer.blobs),
    )
    assert len(sweeper.delete()) == 2  # and dies before it has said so

    moved = locking.archive.tiers.place(study, "vault", "tester")

    assert moved.copied == 2
    assert len(list(bucket.names())) == len(locking.locks(study)) == 2


def vault_names(locking: Locking) -> list[str]:
    (_, bucket), *_ = locked_stores(locking.archive.healer.blobs)
    return sorted(bucket.names())


def count_deletions(service: LockingService) -> list[str]:
    """Return the paths that are tried to be deleted from now on."""
    tried: list[str] = []
    delete_one = service.delete

    def counting(path: str, version: str) -> None:
        tried.append(path)
        delete_one(path, version)

    service.delete = counting  # type: ignore[method-assign]
    return tried


def test_what_has_gone_is_forgotten(locking: Locking) -> None:
    study = locking.study(1)
    locking.keeper.run(Event())
    (blob, *_) = locking.index.locks.of_study("vault", study, None)
    assert locking.index.locks.known(blob) is not None
    locking.archive.tiers.displace(study, "vault", "tester")
    locking.service.pass_days(DAYS + 1)
    locking.take_up()

    locking.keeper.run(Event())

    assert locking.index.locks.known(blob) is None


def test_an_elimination_is_not_done_before_the_locks_have_ended(tmp_path: Path) -> None:
    service, ds = LockingService(), phantoms.ct_slice(size=16)
    with DestroyingArchive(tmp_path / "destroying", stores={"vault": service.bucket(DAYS)}) as node:
        node.store(ds)
        number, (item,) = node.agreed(study_of(ds))
        node.eliminate(number, item)

        before = node.archive.destruction.finish(number)
        service.pass_days(DAYS + 1)
        after = node.archive.destruction.finish(number)

    assert "files locked until" in before.waiting["store:vault"]
    assert not before.is_done
    assert after.is_done
    assert list(service.bucket().names()) == []
