"""Eliminations outlive the index and the process: rebuilt they are the same, cut short they are gone on with."""

from pathlib import Path

import pytest

from databases import index_url, postgresql_server
from eliminating import Prepared, approve, bring_into_force, equip, now, prepare, propose, store_due
from rebuilding import rows_of
from storage_backends import BlobStore, Memory, MemoryDocuments
from vna.archive import Archive, EliminationState, Notary, Rebuilder, Room, Spool, Statement, check_certificate
from vna.events import StepDecision
from vna.index import Index, open_index, open_replay
from vna.journal import SealedJournal
from vna.model import Scope

__all__ = ["index_url", "postgresql_server"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Return an archive with three studies that are due by the profile in force."""
    return prepare(tmp_path_factory.mktemp("prepared"))


def copied(prepared: Prepared, folder: Path) -> tuple[Archive, Index, Notary]:
    folder.mkdir()
    archive, index = prepared.copied(folder)
    return archive, index, equip(archive, index, MemoryDocuments())


def test_a_rebuilt_index_has_the_same_eliminations(prepared: Prepared, tmp_path: Path) -> None:
    archive, index, notary = copied(prepared, tmp_path / "one")
    refused = propose(archive, limit=1)
    archive.eliminations.decide(refused, "records_manager", StepDecision.UNFAVOURABLE, Statement("R. Manager", "no"))
    cancelled = propose(archive, limit=1)
    archive.eliminations.cancel(cancelled, Statement("D. Rector"))
    certified = propose(archive, limit=2)
    archive.eliminations.keep(certified, [Scope(prepared.due[0])], "historical", Statement("A. Archivist"))
    approve(archive, certified)
    archive.executor.run(certified, "Operator", now())
    begun = propose(archive)
    approve(archive, begun, ["records_manager"])
    notary.sealer.seal()
    onto = f"sqlite:///{tmp_path / 'rebuilt.sqlite'}"

    replayer = open_replay(onto)
    blobs: BlobStore = archive.destruction._purger._blobs
    Rebuilder(replayer, blobs).from_journal(SealedJournal(notary.documents), 0, lambda _position: None)
    replayer.close()

    before, after = rows_of(index.url), rows_of(onto)
    names = ("elimination", "elimination_item", "elimination_step", "elimination_attestation", "tombstone")
    assert all(before[name] for name in names)
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    archive.close()


@pytest.mark.long
def test_a_run_that_is_cut_short_at_any_event_ends_as_if_it_was_not(prepared: Prepared, tmp_path: Path) -> None:
    step, is_cut = 0, True
    while is_cut:
        archive, index, notary = copied(prepared, tmp_path / str(step))
        number = propose(archive)
        approve(archive, number)
        is_cut = _cut(archive, index, number, step)

        run = archive.executor.run(number, "Operator", now()) if is_cut else None

        shown = archive.eliminations.show(number, now())
        assert shown.standing.state is EliminationState.CERTIFIED
        assert run is None or not run.waits_for
        assert check_certificate(archive.executor.certificate(number, now()), notary.key().public) == []
        assert [item.eliminated_at is not None for item in shown.items] == [True] * 3
        assert archive.counts().studies == 0
        archive.close()
        step += 1
    assert step > 7


def _cut(archive: Archive, index: Index, number: int, step: int) -> bool:
    """Run an elimination until so many entries were committed, and cut it there; return whether it came to that."""
    submit, left = index.committer.submit, [step]

    def counted(entry):
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        return submit(entry)

    index.committer.submit = counted
    try:
        archive.executor.run(number, "Operator", now())
    except KeyboardInterrupt:
        return True
    finally:
        index.committer.submit = submit
    return False


def test_two_profiles_later_a_list_is_evaluated_by_the_one_in_force(prepared: Prepared, tmp_path: Path) -> None:
    archive, _, _ = copied(prepared, tmp_path / "one")
    number = propose(archive)
    approve(archive, number)
    bring_into_force(archive, version="2", years=100)

    run = archive.executor.run(number, "Operator", now())

    assert (run.eliminated, run.kept, run.standing.state) == (0, 3, EliminationState.CANCELLED)
    archive.close()


def test_the_whole_way_on_either_database(index_url: str, tmp_path: Path) -> None:
    index, blobs = open_index(index_url), BlobStore(Memory())
    archive = Archive(index, blobs, Spool(tmp_path / "spool"), Room(blobs, min_free_percent=0, min_free_bytes=0))
    notary = equip(archive, index, MemoryDocuments())
    bring_into_force(archive)
    due = store_due(archive, 1, 2)
    number = propose(archive)
    archive.eliminations.keep(number, [Scope(due[0])], "historical", Statement("A. Archivist"))
    approve(archive, number)

    run = archive.executor.run(number, "Operator", now())

    assert (run.eliminated, run.standing.state) == (1, EliminationState.CERTIFIED)
    assert check_certificate(archive.executor.certificate(number, now()), notary.key().public) == []
    assert [item.cause for item in archive.eliminations.show(number, now()).items].count("historical") == 1
    archive.close()
