"""`vna lifecycle`, as an administrator types it."""

import json
import re
from contextlib import closing
from pathlib import Path

import pytest

from administering import Run
from eliminating import approved, bring_into_force, store_due, store_study
from vna import settings
from vna.node import open_archive

TIERS = """
tiers:
  rules:
    - {id: COLD, after: {study_date: {years: 3}}, action: move, from: main, to: cold, codec: zstd, cite: policy}
    - {id: LOST, action: copy, from: main, to: nowhere, cite: policy}
"""


@pytest.fixture(autouse=True)
def _tiered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive has a tier."""
    monkeypatch.setenv("VNA_STORE__TIERS", f"cold=file://{tmp_path / 'cold'};codec=zstd")


def test_what_is_planned_is_done_and_then_nothing_is_due(run: Run) -> None:
    with closing(open_archive(settings.load())) as archive:
        bring_into_force(archive, more=TIERS)
        (going,) = store_due(archive, 1)
        number = approved(archive)
        moving = store_study(archive, 2)

    _, planned, _ = run("lifecycle", "plan")
    told = json.loads(run("lifecycle", "plan", "--json")[1])
    code, done, _ = run("lifecycle", "run", "--by", "Operator")

    assert re.search(rf"elimination {number}: 1 go, 0 kept, 0 left, \d+(\.\d kB| bytes)\n", planned)
    assert re.search(r"main -> cold as zstd  \d+(\.\d kB| bytes)  COLD", planned)
    assert f"eliminate  study {going}" in planned
    assert f"study {moving}  main -> cold as zstd" in planned
    assert "rule LOST is not followed: there is no store nowhere" in planned
    assert [each["number"] for each in told["eliminations"]] == [number]
    assert [(move["study_uid"], move["verb"], move["rule"]) for move in told["moves"]] == [(moving, "move", "COLD")]
    assert code == 1  # a rule could not be followed
    assert f"elimination {number}: 1 went, 0 kept" in done
    assert f"study {moving}  main -> cold" in done
    assert "Nothing is due." in run("lifecycle", "plan")[1]
    assert run("lifecycle", "plan", "--on", "tomorrow")[0] == 2


def test_a_clock_that_jumped_is_told_and_confirmed(run: Run) -> None:
    with closing(open_archive(settings.load())) as archive:
        store_study(archive, 1)
        archive.healer.index.clock.keep("2099-01-01T00:00:00+00:00")

    codes = [run("lifecycle", command)[0] for command in ("plan", "run")]
    status = run("status")[1]
    code, out, _ = run("lifecycle", "confirm-clock", "--yes", "--by", "A. Person")

    assert codes == [1, 1]
    assert "CLOCK NOT TRUSTED since it went from 2099-01-01" in status
    assert code == 0
    assert "The clock is trusted from" in out
    assert run("lifecycle", "plan") == (0, "Nothing is due.\n", "")
    code, _, err = run("lifecycle", "confirm-clock", "--yes")
    assert (code, "nothing to confirm" in err) == (1, True)
