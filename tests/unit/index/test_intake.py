"""What was kept by hour and source: summed up as it comes, and counted once in an index from before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select

from arrivals import PACS_A, PACS_B, Sender, arrival, key
from databases import connected, copy_rows, make_schema
from vna.events import BlobEntry
from vna.index import Intake, open_index, tables

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def sender(index_url: str):
    index = open_index(index_url)
    yield Sender(index)
    index.close()


def _send(sender: Sender, number: int, *, at: datetime = NOON, source=PACS_A, blobs: tuple[str, ...] = ()) -> None:
    arrived = arrival(f"content {number}", key(instance=f"1.1.1.{number}"), source=source, blobs=blobs)
    sender.index.committer.submit(replace(sender.entry(arrived), time=at.isoformat(timespec="microseconds")))


def test_what_is_kept_is_summed_up_by_source_and_hour(sender: Sender) -> None:
    _send(sender, 1, at=NOON - timedelta(hours=2))
    _send(sender, 2, blobs=("a", "b"))
    _send(sender, 3, blobs=("b", "c"), source=PACS_B)

    since = sender.index.intake.since

    assert since(NOON) == [Intake(PACS_A.name, 1, 1000, 20), Intake(PACS_B.name, 1, 1000, 10)]
    assert since(NOON - timedelta(hours=2)) == [Intake(PACS_A.name, 2, 2000, 20), Intake(PACS_B.name, 1, 1000, 10)]
    assert since(NOON + timedelta(hours=1)) == []
    assert sender.index.intake.first_hour() == NOON - timedelta(hours=2)


def test_an_hour_is_asked_for_in_any_time_zone(sender: Sender) -> None:
    _send(sender, 1)

    here = timezone(timedelta(hours=9))

    assert len(sender.index.intake.since(datetime(2026, 1, 1, 21, 59, tzinfo=here))) == 1
    assert sender.index.intake.since(datetime(2026, 1, 1, 22, 0, tzinfo=here)) == []


def test_what_is_held_already_is_not_counted_and_a_new_version_is(sender: Sender) -> None:
    _send(sender, 1, blobs=("a",))
    _send(sender, 1, blobs=("a",))
    same_key = arrival("other content", key(instance="1.1.1.1"), blobs=("a", "z"))
    held = arrival("content 1").digest
    sender.index.committer.submit(
        replace(sender.entry(replace(same_key, same_content={held: False})), time=NOON.isoformat())
    )

    assert sender.index.intake.since(NOON) == [Intake(PACS_A.name, 2, 2000, 20)]
    counts = sender.index.reader.counts()
    assert (counts.instances, counts.received_bytes, counts.stored_bytes) == (1, 2000, 20)


def test_what_fails_is_not_counted(sender: Sender) -> None:
    _send(sender, 1)
    bad = arrival("content 2", key(instance="1.1.1.2"))
    broken = replace(bad, blobs=(BlobEntry(bad.blobs[0].digest, "dns", 100, None),))  # type: ignore[arg-type]

    with pytest.raises(Exception, match=r"(?i)null"):
        sender.send(broken)
    _send(sender, 3)

    assert sender.index.intake.since(NOON) == [Intake(PACS_A.name, 2, 2000, 0)]


def test_an_empty_index_has_no_first_hour(sender: Sender) -> None:
    assert sender.index.intake.first_hour() is None


def test_an_index_from_before_is_counted_once(empty_url: str, tmp_path: Path) -> None:
    fresh = f"sqlite:///{tmp_path / 'fresh.sqlite'}"
    index = open_index(fresh)
    old = Sender(index)
    for number, source in enumerate([PACS_A, PACS_A, PACS_B]):
        _send(old, number, at=NOON + timedelta(hours=number), source=source, blobs=("shared", f"own {number}"))
    counts = index.reader.counts()
    index.close()
    make_schema(empty_url, "0002")
    copy_rows(fresh, empty_url)

    open_index(empty_url).close()

    with connected(empty_url) as connection, connected(fresh) as kept:
        rows = sorted(tuple(row) for row in connection.execute(select(tables.intake)))
        assert rows == sorted(tuple(row) for row in kept.execute(select(tables.intake)))
    assert len(rows) == 3
    again = open_index(empty_url)
    assert again.reader.counts() == counts
    again.close()
