"""Killed at any step, a run of the lifecycle is gone on with by the next one: nothing is lost, nothing is half gone."""

from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from dying import deaths
from eliminating import approved, bring_into_force, now, store_due, store_study
from storage_backends import Filesystem
from vna import settings
from vna.archive import Archive, EliminationState, HoldTarget, HoldTerms
from vna.events import HoldKind
from vna.node import lifecycle_of, open_sealing_archive

TIERS = """
tiers:
  rules:
    - {id: COLD, after: {study_date: {years: 3}}, action: move, from: main, to: cold, cite: policy}
"""


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_run_that_is_killed_at_each_step_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    monkeypatch.setenv("VNA_DATA_DIR", str(data))
    monkeypatch.setenv("VNA_STORE__TIERS", f"cold=file://{tmp_path / 'cold'};codec=zstd")
    with closing(open_sealing_archive(settings.load())) as archive:
        number, moved, held = prepare(archive)

    killed = deaths("lifecycle", data, timeout_s=540)

    with closing(open_sealing_archive(settings.load())) as archive:
        left = lifecycle_of(archive, settings.load().lifecycle).run(Event())
        assert (left.moves, left.problems) == ((), 0)
        shown = archive.eliminations.show(number, now())
        assert shown.standing.state is EliminationState.CERTIFIED
        assert [item.scope.study for item in shown.items if item.kept_at] == [held]
        assert [finding.problem for finding in archive.verify()] == [None] * 2 * len(moved)
        for study in moved:
            assert [place.store for place in archive.tiers.show(study).places] == ["cold"]
    assert killed > 10
    assert set(Filesystem(data / "blobs").names()) == set()
    assert set(Filesystem(tmp_path / "cold").names())


def prepare(archive: Archive) -> tuple[int, set[str], str]:
    """Have two studies due and approved to go, one of them held since, and others to be moved; all of 2010."""
    bring_into_force(archive, more=TIERS)
    due = store_due(archive, 1, 2, 3)
    number = approved(archive)
    archive.holds.place(HoldTarget(study=due[1]), HoldTerms(HoldKind.INQUIRY, "asked for"), "Lawyer")
    return number, {due[1], store_study(archive, 4), store_study(archive, 5)}, due[1]
