"""Holds through the door: rebuilt as they are, erased once released, and nothing of them in the chain."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from databases import connected
from journals import SealedArchive
from rebuilding import rows_of
from storage_backends import MemoryDocuments
from vna.archive import Archive, HoldTarget, HoldTerms, Rebuilder, Spool, erase_payloads
from vna.errors import NotFound, NotPermitted, NotPlausible
from vna.events import HoldKind
from vna.index import open_replay, tables

PATIENT = HoldTarget(issuer="AP-HP", patient_id="SECRETID7")
QUERY = HoldTarget(query=(("PatientID", "SECRETID7"), ("StudyDate", "20100101-")))
WHY = HoldTerms(HoldKind.LIABILITY_CLAIM, "claim of SECRETID7", "12/34", date(2026, 1, 1), date(2030, 1, 1))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'sealed.sqlite'}"


@pytest.fixture
def sealed(url: str, tmp_path: Path) -> Iterator[SealedArchive]:
    with closing(SealedArchive(url, Spool(tmp_path / "sealed-spool"), MemoryDocuments())) as archive:
        yield archive


def rebuilt(sealed: SealedArchive, onto: Path) -> dict[str, list]:
    url = f"sqlite:///{onto}"
    with closing(open_replay(url)) as replayer:
        Rebuilder(replayer, sealed.blobs).from_journal(sealed.journal, 0, lambda _position: None)
    return rows_of(url)


def test_holds_survive_a_rebuild_until_they_are_erased(sealed: SealedArchive, url: str, tmp_path: Path) -> None:
    holds = sealed.archive.holds
    first, second = (holds.place(target, WHY, "anne") for target in (PATIENT, QUERY))
    released = holds.release(first.number, "bruno", "settled")
    sealed.sealer.seal()

    rows = rebuilt(sealed, tmp_path / "rebuilt.sqlite")

    assert (rows, len(rows["hold"])) == (rows_of(url), 2)
    assert (released.released_by, holds.why_released(released), holds.why_released(second)) == ("bruno", "settled", "")
    owner = sealed.index.holds.owner(first.number)
    erase_payloads(sealed.index, sealed.journal, sealed.sealer, owner=owner, actor="test")
    sealed.sealer.seal()
    assert holds.all() == [second]
    assert rebuilt(sealed, tmp_path / "again.sqlite") == rows_of(url)


def test_the_chain_says_nothing_of_why_or_whom(sealed: SealedArchive, url: str) -> None:
    holds = sealed.archive.holds
    for target in (PATIENT, QUERY):
        holds.release(holds.place(target, WHY, "anne").number, "bruno", "SECRETID7 agreed")

    with connected(url) as connection:
        bodies = b"".join(connection.execute(select(tables.event.c.body)).scalars())
        owners = set(connection.execute(select(tables.payload.c.owner)).scalars())
    assert not [word for word in (b"SECRETID7", b"12/34", b"20100101") if word in bodies]
    assert {owner.partition("-")[0] for owner in owners} == {"hold"}


def test_one_that_is_wrong_is_not_placed(archive: Archive) -> None:
    for wrong in (
        lambda: HoldTarget(),
        lambda: HoldTarget(series="1.2"),
        lambda: HoldTarget(study="no UID"),
        lambda: HoldTarget(patient_id="P1"),
        lambda: HoldTarget(study="1.2", query=(("Modality", "CT"),)),
        lambda: HoldTarget(query=(("Modality", "CT"), ("Modality", "MR"))),
        lambda: HoldTerms(HoldKind.OTHER, " "),
        lambda: HoldTerms(HoldKind.OTHER, "why", "", date(2026, 1, 2), date(2026, 1, 1)),
        lambda: archive.holds.place(PATIENT, WHY, " "),
    ):
        with pytest.raises(NotPlausible):
            wrong()
    assert archive.holds.all() == []


def test_a_release_needs_another_person_and_a_reason(archive: Archive) -> None:
    number = archive.holds.place(PATIENT, WHY, "Anne Martin").number

    with pytest.raises(NotPermitted, match="another one"):
        archive.holds.release(number, " anne  MARTIN", "settled")
    with pytest.raises(NotPlausible):
        archive.holds.release(number, "bruno", " ")
    with pytest.raises(NotFound, match="no hold 99"):
        archive.holds.release(99, "bruno", "settled")
    archive.holds.release(number, "bruno", "settled")
    with pytest.raises(NotFound, match="released before"):
        archive.holds.release(number, "carl", "settled")
