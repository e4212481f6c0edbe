"""Locks of a tier are renewed at a real S3 service: moved on, never shortened, and left to end behind retention.

The service knows the real time alone; the keeper and its bucket live some days ahead of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

import s3_server
from conformance import phantoms
from eliminating import bring_into_force, visit
from sending import Sending
from storage_backends import Access, BlobLocked, BlobStore, Codec, LockedBucket, Memory, ObjectLock, ObjectStore
from storage_backends.bucket_control import Control
from storage_backends.errors import StoreUnavailable
from storage_backends.object_store import open_service
from storage_backends.versions import Versions
from vna.archive import Archive, HoldTarget, HoldTerms, LockKeeper, Reasons, Room, Spool
from vna.events import HoldKind
from vna.index import open_index

pytestmark = pytest.mark.long

DAYS = 8


@dataclass
class Vault:
    """An archive with a locked tier in a bucket, what keeps its locks, and the days that have passed for both."""

    archive: Archive
    bucket: LockedBucket
    keeper: LockKeeper
    days: float = 0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)

    def study(self, number: int, visited: str) -> list[str]:
        """Store a study whose pixels are its own, bring it to the tier, and return the names of its files."""
        for image in (1, 2):
            ds = phantoms.ct_slice(study=number, number=image, size=16)
            ds.StudyDate, ds.PatientID, ds.PatientBirthDate = "20100131", f"P{number}", "19500101"
            ds.PixelData = bytes([number, image]) * (len(ds.PixelData) // 2)
            Sending(self.archive).store(ds)
        visit(self.archive, number, visited)
        self.archive.retention.follow(Event())
        self.archive.tiers.place(ds.StudyInstanceUID, "vault", "tester")
        blobs = self.archive.healer.index.locks.of_study("vault", ds.StudyInstanceUID, None)
        return [f"{blob.digest}.{blob.codec}" for blob in blobs]

    def until(self, names: list[str]) -> list[datetime | None]:
        return [self.bucket.protection(name).until for name in names]


@pytest.fixture(params=["governance", "compliance"])
def vault(s3: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    for name, value in s3_server.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    keys = {"aws_access_key_id": s3_server.ACCESS_KEY, "aws_secret_access_key": s3_server.SECRET_KEY}
    access = replace(Access(endpoint=s3), credentials=keys)
    control = Control(s3_server.new_versioned_bucket(s3, lock=True), access)
    versions = Versions(control.bucket, "archive", access, control=control)
    service, location = open_service(f"s3://{control.bucket}/archive", Access(endpoint=s3))
    bucket = LockedBucket(
        ObjectStore(service, location, versions=versions),
        versions,
        ObjectLock(request.param, DAYS),
        now=lambda: found.now(),
    )
    tier = BlobStore(bucket, codec=Codec.SMALLEST)
    blobs = BlobStore(Memory(), codec=Codec.ZSTD, tiers={"vault": tier})
    index, rooms = open_index(f"sqlite:///{tmp_path / 'index.sqlite'}"), {"vault": _room(tier)}
    archive = Archive(index, blobs, Spool(tmp_path / "spool"), _room(blobs, rooms))
    reasons = Reasons(index, archive.retention, archive.holds)
    found = Vault(archive, bucket, LockKeeper(index, bucket, "vault", reasons, now=lambda: found.now()))
    bring_into_force(archive)
    yield found
    archive.close()


def _room(blobs: BlobStore, tiers: dict[str, Room] | None = None) -> Room:
    return Room(blobs, min_free_percent=0, min_free_bytes=0, tiers=tiers or {})


def test_locks_move_on_while_retention_runs_and_end_behind_it(vault: Vault) -> None:
    running, over = vault.study(1, "2026-01-31"), vault.study(2, "2011-05-01")
    before, left = vault.until(running), vault.until(over)
    assert vault.keeper.run(Event()).renewed == 2  # the locks are not known yet

    vault.days = DAYS / 2
    renewed = vault.keeper.run(Event()).renewed

    assert renewed == 2
    for old, new in zip(before, vault.until(running), strict=True):
        assert old is not None
        assert new is not None
        assert timedelta(0) <= vault.now() + timedelta(days=DAYS) - new < timedelta(minutes=1)
        assert timedelta(0) <= new - old - timedelta(days=DAYS / 2) < timedelta(minutes=1)
    assert vault.until(over) == left
    for name in (*running, *over):
        with pytest.raises(BlobLocked):
            vault.bucket.delete(name)


def test_no_lock_is_shortened(vault: Vault) -> None:
    (first, second) = vault.study(1, "2026-01-31")
    before = vault.until([first, second])
    vault.bucket.lock = ObjectLock(vault.bucket.lock.mode, 1)

    vault.keeper.run(Event())

    assert vault.until([first, second]) == before
    path = vault.bucket.versions.path(f"blobs/{first[:3]}/{first}")
    with pytest.raises(StoreUnavailable):
        vault.bucket.versions.control.protect(path, vault.bucket.lock.mode, vault.now() + timedelta(days=1))
    assert vault.until([first]) == before[:1]


def test_a_hold_keeps_the_locks_of_a_study_whose_retention_is_over_moving(vault: Vault) -> None:
    over = vault.study(2, "2011-05-01")
    study = phantoms.ct_slice(study=2, number=1, size=16).StudyInstanceUID
    number = vault.archive.holds.place(HoldTarget(study=study), HoldTerms(HoldKind.INQUIRY, "asked"), "anne").number
    vault.archive.retention.follow(Event())
    before = vault.until(over)
    vault.days = DAYS / 2

    done = vault.keeper.run(Event())

    assert (done.renewed, done.held) == (2, 2)
    assert all(new > old for new, old in zip(vault.until(over), before, strict=True) if new and old)
    assert all(vault.bucket.protection(name).is_held for name in over)
    vault.archive.holds.release(number, "bob", "settled")
    assert vault.keeper.run(Event()).let_go == 2
    assert not any(vault.bucket.protection(name).is_held for name in over)


def test_a_study_is_taken_back_into_the_tier_that_has_locked_it(vault: Vault) -> None:
    names = vault.study(1, "2026-01-31")
    study = phantoms.ct_slice(study=1, number=1, size=16).StudyInstanceUID
    vault.archive.tiers.displace(study, "vault", "tester")
    vault.days = 1

    moved = vault.archive.tiers.place(study, "vault", "tester")

    assert (moved.copied, sorted(vault.bucket.names())) == (0, sorted(names))
    control, versions = vault.bucket.versions.control, vault.bucket.versions
    assert [len(list(control.versions(versions.path(f"blobs/{name[:3]}/{name}")))) for name in names] == [1, 1]
    assert all(until > vault.now() + timedelta(days=DAYS - 1) for until in vault.until(names) if until)
