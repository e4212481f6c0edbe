"""Patient events through the door: recorded once, withdrawn, rebuilt, and gone when they are erased."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from databases import connected
from journals import SealedArchive
from rebuilding import rows_of
from storage_backends import MemoryDocuments
from vna.archive import Archive, Patients, Rebuilder, Spool, erase_payloads
from vna.archive.comments import Comments
from vna.archive.headers import HeaderCodec
from vna.errors import Ambiguous, NotFound, NotPlausible
from vna.events import FactKind, PatientFact
from vna.index import open_replay, tables

VISIT = PatientFact("AP-HP", "SECRETID7", FactKind.VISIT, "2010-06-01", "750000001", feed="cli")
DEATH = PatientFact("AP-HP", "SECRETID7", FactKind.DEATH, "2012-06-01", feed="cli")
OF_OTHER = PatientFact("AP-HP", "P2", FactKind.VISIT, "2010-06-01", feed="cli")


def standing(patients: Patients) -> list[PatientFact]:
    return [each.fact for each in patients.events("AP-HP", "SECRETID7") if each.withdrawn_at is None]


def test_an_event_is_recorded_once_whoever_tells_it(archive: Archive) -> None:
    first = archive.patients.add(VISIT, "anne")
    again = archive.patients.add(PatientFact("AP-HP", "SECRETID7", FactKind.VISIT, "2010-06-01", "750000001"), "bruno")

    assert (first.has_images, again.number) == (False, None)
    (only,) = archive.patients.events("AP-HP", "SECRETID7")
    assert (only.number, only.fact, only.actor, only.withdrawn_at) == (first.number, VISIT, "anne", None)


def test_what_contradicts_is_refused_until_the_wrong_one_is_withdrawn(archive: Archive) -> None:
    archive.patients.add(VISIT, "anne")
    early = PatientFact("AP-HP", "SECRETID7", FactKind.DEATH, "2009-01-01")

    with pytest.raises(NotPlausible, match="after this death"):
        archive.patients.add(early, "anne")
    archive.patients.withdraw(1, "bruno", "another patient")
    archive.patients.add(early, "anne")

    assert standing(archive.patients) == [early]
    with pytest.raises(NotFound, match="withdrawn before"):
        archive.patients.withdraw(1, "bruno", "another patient")
    with pytest.raises(NotFound, match="no patient event 77"):
        archive.patients.withdraw(77, "bruno", "another patient")


def test_of_facts_told_together_each_is_refused_by_itself(archive: Archive) -> None:
    late = PatientFact("AP-HP", "SECRETID7", FactKind.VISIT, "2013-01-01")

    outcomes = archive.patients.add_all([DEATH, late, VISIT, VISIT], "anne", {})

    assert (outcomes[0], outcomes[2:]) == (1, [2, None])
    assert isinstance(outcomes[1], NotPlausible)
    assert standing(archive.patients) == [DEATH, VISIT]


def test_an_issuer_need_not_be_said_where_only_one_can_be_meant(archive: Archive) -> None:
    with pytest.raises(NotFound, match="say the issuer"):
        archive.patients.named("P2")
    archive.patients.add(OF_OTHER, "anne")
    assert archive.patients.named("P2") == "AP-HP"
    archive.patients.add(PatientFact("CLINIC", "P2", FactKind.VISIT, "2010-06-01"), "anne")
    with pytest.raises(Ambiguous, match="AP-HP, CLINIC"):
        archive.patients.named("P2")
    assert archive.patients.named("P2", "CLINIC") == "CLINIC"


@pytest.mark.parametrize(("by", "reason"), [("", "wrong"), ("anne", " ")], ids=["nobody", "no-reason"])
def test_a_withdrawal_says_who_and_why(archive: Archive, by: str, reason: str) -> None:
    archive.patients.add(VISIT, "anne")

    with pytest.raises(NotPlausible):
        archive.patients.withdraw(1, by, reason)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'sealed.sqlite'}"


@pytest.fixture
def sealed(url: str, tmp_path: Path) -> Iterator[SealedArchive]:
    with closing(SealedArchive(url, Spool(tmp_path / "sealed-spool"), MemoryDocuments())) as archive:
        yield archive


def patients_of(sealed: SealedArchive) -> Patients:
    return Patients(sealed.index, Comments(HeaderCodec(sealed.index.reader)))


def rebuilt(sealed: SealedArchive, onto: Path) -> dict[str, list]:
    url = f"sqlite:///{onto}"
    with closing(open_replay(url)) as replayer:
        Rebuilder(replayer, sealed.blobs).from_journal(sealed.journal, 0, lambda _position: None)
    return rows_of(url)


def test_events_survive_a_rebuild(sealed: SealedArchive, url: str, tmp_path: Path) -> None:
    patients = patients_of(sealed)
    patients.add_all([VISIT, DEATH, OF_OTHER], "anne", {})
    patients.withdraw(2, "bruno", "another patient")
    sealed.sealer.seal()

    rows = rebuilt(sealed, tmp_path / "rebuilt.sqlite")

    assert rows == rows_of(url)
    assert [len(rows["subject"]), len(rows["patient_fact"])] == [2, 3]


def test_the_chain_names_no_patient(sealed: SealedArchive, url: str) -> None:
    patients = patients_of(sealed)
    patients.add(VISIT, "anne")
    patients.withdraw(1, "bruno", "SECRETID7 was somebody else")

    with connected(url) as connection:
        bodies = b"".join(connection.execute(select(tables.event.c.body)).scalars())
        (owner,) = set(connection.execute(select(tables.payload.c.owner)).scalars())
    assert b"SECRETID7" not in bodies
    assert b"2010" not in bodies
    assert owner.startswith("patient-")
    assert "SECRETID7" not in owner


def test_erased_with_the_patient_they_are_gone(sealed: SealedArchive, url: str, tmp_path: Path) -> None:
    patients = patients_of(sealed)
    patients.add_all([VISIT, DEATH, OF_OTHER], "anne", {})
    sealed.sealer.seal()
    owner = sealed.index.facts.owner("AP-HP", "SECRETID7")
    assert owner is not None

    erase_payloads(sealed.index, sealed.journal, sealed.sealer, owner=owner, actor="test")

    assert patients.events("AP-HP", "SECRETID7") == []
    assert len(patients.events("AP-HP", "P2")) == 1
    sealed.sealer.seal()
    assert rebuilt(sealed, tmp_path / "rebuilt.sqlite") == rows_of(url)
    patients.add(VISIT, "anne")
    assert sealed.index.facts.owner("AP-HP", "SECRETID7") not in (None, owner)
