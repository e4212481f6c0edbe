"""What came in of late, and how long the space will last."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from conformance import phantoms
from sending import MODALITY, OTHER_PACS, Sending
from vna.archive import Archive, Intake, Space
from vna.archive.overview import days_left, growth, last_midnight

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def _stored(count: int) -> tuple[Intake, ...]:
    return (Intake("CT1", 1, 10 * count, count), Intake("MR1", 1, 10 * count, count))


def test_what_came_in_is_told_by_source(archive: Archive) -> None:
    sending = Sending(archive)
    for number in (1, 2):
        sending.store(phantoms.ct_slice(number=number, size=32))
    sending.store(phantoms.ct_slice(number=2, size=32))
    sending.store(phantoms.mr_slice(), source=OTHER_PACS)

    overview = archive.overview(datetime.now(UTC))

    assert [(intake.source, intake.arrived) for intake in overview.week] == [(MODALITY.name, 2), (OTHER_PACS.name, 1)]
    assert overview.week[0].received_bytes > 2 * 32 * 32 * 2
    assert sum(intake.stored_bytes for intake in overview.week) == overview.holds.stored_bytes > 0
    assert sum(intake.received_bytes for intake in overview.week) == overview.holds.received_bytes
    assert overview.holds.instances == 3


def test_an_empty_archive_tells_nothing(archive: Archive) -> None:
    overview = archive.overview(datetime.now(UTC))

    assert (overview.today, overview.week, overview.bytes_per_day, overview.days_left) == ((), (), None, None)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (None, None),
        (NOW - timedelta(hours=23), None),
        (NOW - timedelta(days=2), 700.0),
        (NOW - timedelta(days=7), 200.0),
        (NOW - timedelta(days=900), 200.0),
    ],
    ids=["nothing", "hours", "days", "a week", "years"],
)
def test_growth_is_that_of_the_last_days(first: datetime | None, expected: float | None) -> None:
    assert growth(_stored(700), first=first, now=NOW) == expected


@pytest.mark.parametrize(
    ("space", "rate", "expected"),
    [
        (Space(free=1100, total=9999, kept_free=100), 50.0, 20.0),
        (Space(free=90, total=9999, kept_free=100), 50.0, 0.0),
        (Space(free=1100, total=9999, kept_free=100), None, None),
        (Space(free=1100, total=9999, kept_free=100), 0.0, None),
        (None, 50.0, None),
    ],
    ids=["room", "used up", "no history", "no growth", "no limit"],
)
def test_the_space_lasts_until_what_is_kept_free(
    space: Space | None, rate: float | None, expected: float | None
) -> None:
    assert days_left(space, rate) == expected


def test_a_day_begins_at_local_midnight() -> None:
    here = timezone(timedelta(hours=9))

    assert last_midnight(datetime(2026, 3, 10, 1, 30, tzinfo=here)) == datetime(2026, 3, 9, 15, tzinfo=UTC)
