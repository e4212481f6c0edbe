"""A clock that is set, forward or back by hours: times are told by it, and nothing is ordered or decided by it."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest

from conformance.phantoms import ct_slice
from journals import PACS, SealedArchive
from rebuilding import rows_of
from sending import Sending
from storage_backends import MemoryDocuments
from vna.archive import Rebuilder, Spool
from vna.events import CommitmentRequested
from vna.index import EventEntry, open_index, open_replay
from vna.journal import make_key, verify
from vna.model import InstanceUID, Outcome

JUMPS = (5, -9, -48, 24, 1)
"""By how many hours the clock is set, one after the other."""

SetClock = Callable[[float], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Set the clock that every module of the node reads by so many hours; that which only measures goes on."""
    shift, really = [timedelta()], time.time

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Self:
            return cls.fromtimestamp(time.time(), tz)

    monkeypatch.setattr(time, "time", lambda: really() + shift[0].total_seconds())
    for name, module in list(sys.modules.items()):
        if name.startswith("vna.") and getattr(module, "datetime", None) is datetime:
            monkeypatch.setattr(module, "datetime", Clock)

    def set_by(hours: float) -> None:
        shift[0] += timedelta(hours=hours)

    return set_by


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'index.sqlite'}"


def test_everything_goes_on_and_a_rebuild_gives_the_same_whatever_the_clock(
    set_clock: SetClock, url: str, tmp_path: Path
) -> None:
    documents, onto = MemoryDocuments(), f"sqlite:///{tmp_path / 'new.sqlite'}"
    archive, key = SealedArchive(url, Spool(tmp_path / "spool"), documents), make_key(tmp_path / "keys" / "key")
    for number, hours in enumerate(JUMPS, 1):
        archive.store(number)
        set_clock(hours)
        archive.store(number, 100 + number)
        archive.sealer.seal()
        archive.sealer.sign(key, datetime.now(UTC) + timedelta(hours=sum(JUMPS[:number])))

    replayer = open_replay(onto)
    Rebuilder(replayer, archive.blobs).from_journal(archive.journal, 0, lambda _position: None)
    replayer.close()

    times = [link.event.time for link in archive.index.journal.links(after=0, upto=100)]
    assert times != sorted(times)
    assert archive.archive.counts().instances == 2 * len(JUMPS)
    report = verify(documents, key.public)
    assert (report.mark.position, report.problems, report.signed_heads) == (len(times), [], len(JUMPS))
    assert rows_of(onto) == rows_of(url)
    archive.close()


def test_what_came_last_is_served_though_it_came_before_by_the_clock(
    set_clock: SetClock, url: str, tmp_path: Path
) -> None:
    archive = SealedArchive(url, Spool(tmp_path / "spool"), MemoryDocuments())
    sending, first, corrected = Sending(archive.archive), ct_slice(size=16), ct_slice(size=16)
    corrected.StudyDescription = "corrected"
    key = sending.store(first).key
    set_clock(-9)

    stored = sending.store(corrected)

    assert (stored.outcome, stored.version) == (Outcome.NEW_VERSION, 2)
    assert b"corrected" in sending.bytes_of(key)
    archive.close()


def test_a_commitment_is_not_kept_waiting_by_a_clock_that_was_ahead(set_clock: SetClock, url: str) -> None:
    index = open_index(url)
    asked = CommitmentRequested("1.2.3", PACS.name, "PACS", "VNA", (("1.2.840.10008.5.1.4.1.1.2", InstanceUID("1.2")),))
    index.committer.submit(EventEntry(1, datetime.now(UTC).isoformat(), "test", asked))
    (waiting,) = index.commitments.waiting()
    set_clock(9)
    assert index.commitments.take(waiting.number, 60) is not None

    set_clock(-9)

    assert index.commitments.waiting() == [waiting]
    assert index.commitments.take(waiting.number, 60) is not None
    assert index.commitments.waiting() == []
    index.close()
