"""Where studies lie, in each database: what is placed, what may go, who read it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tiered import Tiered
from vna.dicom.attributes import Level, Model
from vna.dicom.query import Query
from vna.errors import TooFewVerified

ME = "test"


@pytest.fixture
def tiered(index_url: str, tmp_path: Path) -> Iterator[Tiered]:
    opened = Tiered(index_url, tmp_path)
    yield opened
    opened.close()


def test_a_study_goes_from_store_to_store_and_is_seen_where_it_lies(tiered: Tiered) -> None:
    first, second = tiered.store(1, study=1)[0].key.study, tiered.store(1, 2, study=2)[0].key.study
    tiers, placements = tiered.archive.tiers, tiered.index.placements

    tiers.move(first, "hot", "cold", ME)
    with pytest.raises(TooFewVerified):
        tiers.displace(second, "hot", ME)
    tiers.move(second, "hot", "deep", ME)
    tiers.place(second, "cold", ME)
    tiers.displace(second, "deep", ME)

    assert tiered.rows() == {("cold", "present"): 2}
    assert {store: filling.studies for store, filling in placements.fillings().items()} == {"": 0, "cold": 2}
    found = tiered.archive.find(Query(Level.IMAGE, Model.STUDY_ROOT, {}, relational=True))
    assert {values["InstanceAvailability"] for values in found} == {"NEARLINE"}
    assert list(tiered.index.sweeping.lost_uses()) == []
    rows = [row for at in range(256) for row in tiered.index.sweeping.rows("cold", f"{at:02x}", is_tier=True)]
    assert [(row.used, row.needed) for row in rows] == [(True, True)] * 2

    placements.note_accesses({first: "2026-01-02", second: "2026-01-03"})
    placements.note_accesses({first: "2026-01-01", second: "2026-01-04"})
    placements.ask_for(first, "2026-01-02T00:00:00+00:00")
    placements.ask_for(first, "2026-01-03T00:00:00+00:00")
    ids = [1, 2]
    assert [placements.last_access(each) for each in (first, second)] == ["2026-01-02", "2026-01-04"]
    assert {where.last_access for where in placements.whereabouts(ids).values()} == {"2026-01-02", "2026-01-04"}
    assert placements.asked_for() == [first]
    placements.done_with([first, "1.2.3"])
    assert placements.asked_for() == []
