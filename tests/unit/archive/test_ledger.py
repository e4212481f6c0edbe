"""The ledger of tombstones: an older backup of everything brings nothing back, and nobody alters it unnoticed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from conformance.phantoms import ct_slice
from destroying import DestroyingArchive, study_of
from sending import by_study
from storage_backends import Memory
from vna.archive.ledger import BrokenLedger
from vna.model import EliminatedAgain

FIRST = [ct_slice(study=1, number=number, size=16) for number in (1, 2)]
SECOND = [ct_slice(study=2, number=1, size=16)]


def copy_of(store: Memory) -> Memory:
    """Return a store that holds the same."""
    copy = Memory()
    for name in store.names():
        staged = copy.stage()
        staged.write(store.read(name))
        staged.commit(name)
    return copy


@pytest.fixture
def restored(tmp_path: Path) -> Callable[..., DestroyingArchive]:
    """Destroy a study behind a backup of everything but the ledger's copy, and open what was put back."""
    copies, store = {"copy": tmp_path / "ledger"}, Memory()
    with DestroyingArchive(tmp_path / "data", stores={"": store}, ledgers=copies) as archive:
        archive.store(*FIRST, *SECOND)
        archive.sealer.seal()
        archive.ledger._key()
    shutil.copytree(tmp_path / "data", tmp_path / "backup")
    back = copy_of(store)
    with DestroyingArchive(tmp_path / "data", stores={"": store}, ledgers=copies) as archive:
        assert archive.destroy(study_of(FIRST[0])).is_done
    shutil.rmtree(tmp_path / "data")
    shutil.copytree(tmp_path / "backup", tmp_path / "data")

    def opened(again: EliminatedAgain = EliminatedAgain.REFUSE) -> DestroyingArchive:
        return DestroyingArchive(tmp_path / "data", stores={"": back}, ledgers=copies, again=again)

    return opened


def shown(archive: DestroyingArchive, *data_sets: Dataset) -> list[bool]:
    return [bool(by_study(archive.archive, ds.StudyInstanceUID)) for ds in data_sets]


def test_what_a_backup_brought_back_is_destroyed_again(restored: Callable[..., DestroyingArchive]) -> None:
    with restored() as archive:
        before = shown(archive, FIRST[0], SECOND[0])

        archive.archive.destruction.follow(archive.ledger.unknown())
        remaining = archive.archive.destruction.finish(0)

        assert before == [True, True]
        assert shown(archive, FIRST[0], SECOND[0]) == [False, True]
        assert remaining.is_done, remaining
        assert len(list(archive.blobs.backend.names())) == 1
        assert archive.ledger.unknown() == []
        assert archive.index.tombstones.eliminations(behind=0) == [0]


def test_what_is_accepted_later_is_not_destroyed_by_an_old_page(restored: Callable[..., DestroyingArchive]) -> None:
    with restored(EliminatedAgain.ACCEPT) as archive:
        archive.archive.destruction.follow(archive.ledger.unknown())
        archive.store(FIRST[0])
        archive.archive.destruction.finish(0)

    with restored(EliminatedAgain.ACCEPT) as archive:
        assert archive.ledger.unknown() == []
        assert shown(archive, FIRST[0]) == [True]
        assert [finding.problem for finding in archive.archive.verify()] == [None, None]


def test_every_place_gets_what_another_one_has(restored: Callable[..., DestroyingArchive], tmp_path: Path) -> None:
    with restored() as archive:
        archive.ledger.read()

    (page,) = (tmp_path / "ledger").glob("*.json")
    assert (tmp_path / "data" / "tombstones" / page.name).read_bytes() == page.read_bytes()
    shutil.rmtree(tmp_path / "ledger")
    with restored() as archive:
        assert len(archive.ledger.read()) == 1
    assert page.is_file()


def altered(page: Path) -> None:
    """Say that another study went."""
    told = json.loads(page.read_bytes())
    told["entries"][0]["study"] = "1.2.3"
    page.write_text(json.dumps(told))


def of_another_archive(page: Path) -> None:
    page.write_bytes(page.read_bytes().replace(b'"archive":"2.25.', b'"archive":"2.24.'))


def cut_off(page: Path) -> None:
    page.write_bytes(page.read_bytes()[:100])


def renamed(page: Path) -> None:
    page.rename(page.with_name(f"{1:012}-{'0' * 16}.json"))


def another_key(page: Path) -> None:
    shutil.rmtree(page.parents[1] / "data" / "keys")


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (altered, "signature is wrong"),
        (of_another_archive, "of another archive"),
        (cut_off, "no page of a ledger"),
        (renamed, "under another one's name"),
        (another_key, "with another key"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_broken_ledger_is_refused_with_the_reason(
    restored: Callable[..., DestroyingArchive], tmp_path: Path, harm: Callable[[Path], None], reason: str
) -> None:
    (page,) = (tmp_path / "ledger").glob("*.json")
    harm(page)

    with restored() as archive, pytest.raises(BrokenLedger, match=reason):
        archive.ledger.unknown()
