"""Erased payloads are told from missing ones, offline and by a rebuild, wherever the erasing was cut short."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from conformance.phantoms import ct_slice
from databases import connected
from journals import SealedArchive
from rebuilding import rows_of
from storage_backends import MemoryDocuments, StoreUnavailable
from vna.archive import Rebuilder, Spool, erase_payloads
from vna.errors import Damaged, OutOfResources
from vna.index import open_replay, tables
from vna.journal import Erasure, verify

FIRST = str(ct_slice(study=1, size=16).StudyInstanceUID)
SECOND = str(ct_slice(study=2, size=16).StudyInstanceUID)


class Keeping(MemoryDocuments):
    """Documents of which so many can be deleted."""

    deletions = 10**6

    def delete(self, name: str) -> None:
        if name.startswith("payloads/") and name in self._documents:
            if not self.deletions:
                raise StoreUnavailable("away")
            self.deletions -= 1
        super().delete(name)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'index.sqlite'}"


@pytest.fixture
def documents() -> Keeping:
    return Keeping()


@pytest.fixture
def archive(url: str, documents: Keeping, tmp_path: Path) -> Iterator[SealedArchive]:
    """An archive of two studies, the first one in two segments: 1-3, 4-5."""
    with closing(SealedArchive(url, Spool(tmp_path / "spool"), documents)) as archive:
        archive.store(1, 2)
        archive.store(1, study=2)
        archive.sealer.seal()
        archive.store(3)
        archive.store(2, study=2)
        archive.sealer.seal()
        yield archive


def erase(archive: SealedArchive, owner: str = FIRST) -> int:
    return erase_payloads(archive.index, archive.journal, archive.sealer, owner=owner, actor="test")


def rebuilt(archive: SealedArchive, onto: Path) -> dict[str, list]:
    url = f"sqlite:///{onto}"
    with closing(open_replay(url)) as replayer:
        Rebuilder(replayer, archive.blobs).from_journal(archive.journal, 0, lambda _position: None)
    return rows_of(url)


def test_what_was_erased_is_no_problem_and_told_with_its_event(archive: SealedArchive, documents: Keeping) -> None:
    position = erase(archive)

    report = verify(documents)

    assert (position, report.mark.position, report.problems, report.leftovers) == (6, 6, [], [])
    assert report.erasures == [
        Erasure(f"payloads/000000000001-000000000003/{FIRST}.cbor.zst", 2, 6),
        Erasure(f"payloads/000000000004-000000000005/{FIRST}.cbor.zst", 1, 6),
    ]


def test_what_is_missing_otherwise_is_a_problem(archive: SealedArchive, documents: Keeping) -> None:
    erase(archive)
    documents.delete(f"payloads/000000000004-000000000005/{SECOND}.cbor.zst")

    (problem,) = verify(documents).problems

    assert (problem.position, "no event says they were erased" in problem.reason) == (5, True)


def test_what_came_after_the_erasing_is_not_erased_by_it(archive: SealedArchive, documents: Keeping) -> None:
    erase(archive)
    archive.store(4)
    archive.sealer.seal()
    documents.delete(f"payloads/000000000007-000000000007/{FIRST}.cbor.zst")

    (problem,) = verify(documents).problems

    assert (problem.position, "no event says they were erased" in problem.reason) == (7, True)


def test_neither_payloads_nor_bases_stay_in_the_index(archive: SealedArchive, url: str) -> None:
    erase(archive)

    with connected(url) as connection:
        kept = connection.execute(select(tables.payload.c.position, tables.payload.c.owner)).all()
        bases = connection.execute(select(tables.header_base.c.digest)).scalars().all()
        needed = connection.execute(select(tables.payload.c.base).distinct()).scalars().all()
    assert [tuple(row) for row in kept] == [(3, SECOND), (5, SECOND)]
    assert sorted(bases) == sorted(needed)


@pytest.mark.parametrize("deletions", [0, 1])
def test_cut_short_it_is_told_and_made_good_by_doing_it_again(
    archive: SealedArchive, documents: Keeping, deletions: int
) -> None:
    documents.deletions = deletions
    with pytest.raises(OutOfResources):
        erase(archive)
    report = verify(documents)
    assert ["and they are there" in problem.reason for problem in report.problems] == [True] * (2 - deletions)

    documents.deletions = 10**6
    position = erase(archive)

    report = verify(documents)
    assert (report.problems, [each.event for each in report.erasures]) == ([], [position, position])


def test_a_rebuild_enters_what_is_left(archive: SealedArchive, tmp_path: Path, url: str) -> None:
    erase(archive)
    archive.store(4)
    archive.store(1)
    archive.sealer.seal()

    rows = rebuilt(archive, tmp_path / "new.sqlite")

    assert [row[0] for row in rows["version"]] == [3, 5, 7]
    assert {row[1] for row in rows["study"]} == {FIRST, SECOND}
    assert [row[0] for row in rows["series"]] == [row[0] for row in rows_of(url)["series"]]


def test_a_rebuild_without_the_event_is_refused(archive: SealedArchive, tmp_path: Path, documents: Keeping) -> None:
    documents.delete(f"payloads/000000000004-000000000005/{FIRST}.cbor.zst")

    with pytest.raises(Damaged, match="event 4: its payload is missing from the journal, and no event erased it"):
        rebuilt(archive, tmp_path / "new.sqlite")
