"""The duties of the lifecycle: which there are, and that they do what they say."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from storage_backends import BlobStore, Memory
from vna.archive import Archive, Room, Spool
from vna.errors import ClockNotTrusted
from vna.index import open_index
from vna.node.lifecycle import lifecycle_of, living
from vna.settings import LifecycleSettings


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    index, blobs = open_index(f"sqlite:///{tmp_path / 'index.sqlite'}"), BlobStore(Memory())
    opened = Archive(index, blobs, Spool(tmp_path / "spool"), Room(blobs, min_free_percent=0, min_free_bytes=0))
    yield opened
    opened.close()


def test_runs_come_as_often_as_set_or_not_by_themselves(archive: Archive) -> None:
    often = {duty.name: duty.every_s for duty in living(archive, LifecycleSettings(run_every_s=120))}
    by_hand = {duty.name: duty.every_s for duty in living(archive, LifecycleSettings(run_every_s=0))}

    assert often == {"clock": 60, "lifecycle": 120}
    assert by_hand == {"clock": 60}


def test_the_clock_is_watched_by_a_duty(archive: Archive) -> None:
    (clock,) = living(archive, LifecycleSettings(run_every_s=0))
    clock.run(Event())
    archive.clock.wall = lambda: datetime.now(UTC) + timedelta(days=30)

    clock.run(Event())

    with pytest.raises(ClockNotTrusted):
        archive.clock.now()


def test_a_run_by_the_duty_is_a_run(archive: Archive) -> None:
    clock, run = living(archive, LifecycleSettings())
    before = archive.journal_mark()

    clock.run(Event())
    run.run(Event())

    assert archive.journal_mark() == before
    assert lifecycle_of(archive, LifecycleSettings()).plan().is_empty
