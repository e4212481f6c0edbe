"""Nothing under a hold goes, whichever way it is to go.

| path | under a hold |
|---|---|
| elimination of a study, a series (pruning) or an instance | the transaction spares it, and names the holds |
| a run of an elimination that all agreed to | the item leaves the list, because of the hold |
| erasing what the journal keeps of a study, a patient, or a hold that was not released | `Held` |
| the sweep | needs no rule: a blob of anything held is used |
| a rejection, also by a note that says the time is over (113039) | hides, and nothing goes |
| a tier: the last copies | never, with or without a hold |
| a tier: what stays is offline | `Held` |
| a ledger that says it went in another history | went under none: a hold that a backup brings back was released |
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from conformance.phantoms import ct_slice
from destroying import DestroyingArchive
from storage_backends import MAIN, Memory
from tiered import Tiered
from vna.archive import Hold, HoldTarget, HoldTerms, Statement, Sweeper, erase_payloads
from vna.errors import Held, TooFewVerified
from vna.events import FactKind, HoldKind, PatientFact
from vna.index import Recorded, Spared, SparedFor, open_index
from vna.model import RejectionReason, Scope

WHY = HoldTerms(HoldKind.SEIZURE, "judge", "12/34")
FIRST, SECOND = (ct_slice(study=1, series=series, number=1, size=16) for series in (1, 2))
PATIENT = HoldTarget(issuer="MODALITY", patient_id=FIRST.PatientID)
STUDY = Scope(FIRST.StudyInstanceUID)
SERIES = Scope(FIRST.StudyInstanceUID, FIRST.SeriesInstanceUID)
OTHER_SERIES = Scope(FIRST.StudyInstanceUID, SECOND.SeriesInstanceUID)
INSTANCE = Scope(FIRST.StudyInstanceUID, FIRST.SeriesInstanceUID, FIRST.SOPInstanceUID)

LEVELS = {
    "patient": PATIENT,
    "study": HoldTarget(study=STUDY.study),
    "series": HoldTarget(study=SERIES.study, series=str(SERIES.series)),
    "query": HoldTarget(query=(("SeriesInstanceUID", str(SERIES.series)),)),
}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[DestroyingArchive]:
    """An archive that holds a study of two series."""
    with DestroyingArchive(tmp_path / "data", stores={MAIN: Memory()}) as opened:
        opened.store(FIRST, SECOND)
        yield opened


def place(archive: DestroyingArchive, target: HoldTarget) -> Hold:
    return archive.archive.holds.place(target, WHY, "anne")


def is_whole(archive: DestroyingArchive) -> bool:
    """Return whether all that was stored is there and sound."""
    return [finding.problem for finding in archive.archive.verify()] == [None, None]


@pytest.mark.parametrize("level", LEVELS)
def test_an_elimination_spares_it(archive: DestroyingArchive, level: str) -> None:
    number, items = archive.agreed(STUDY, SERIES, INSTANCE, OTHER_SERIES)
    hold = place(archive, LEVELS[level])

    answers = [archive.eliminate(number, item) for item in items]

    spared = answers if level in ("patient", "study") else answers[:3]
    assert all(isinstance(answer, Spared) for answer in spared)
    assert {(answer.cause, answer.holds) for answer in spared} == {(SparedFor.HELD, (hold.number,))}
    assert all(isinstance(answer, Recorded) for answer in answers[len(spared) :])
    assert archive.archive.holds.over(SERIES) == (hold,)
    assert len(list(archive.archive.verify())) == (2 if len(spared) == 4 else 1)


def test_released_it_goes(archive: DestroyingArchive) -> None:
    holds = [place(archive, LEVELS["patient"]), place(archive, LEVELS["series"])]
    number, (item,) = archive.agreed(STUDY)

    for hold in holds:
        assert isinstance(archive.eliminate(number, item), Spared)
        archive.archive.holds.release(hold.number, "bruno", "closed")

    assert isinstance(archive.eliminate(number, item), Recorded)


ERASED: dict[str, tuple[HoldTarget, Callable[[DestroyingArchive], str]]] = {
    "study": (LEVELS["series"], lambda _archive: STUDY.study),
    "study of a patient": (PATIENT, lambda _archive: STUDY.study),
    "patient": (PATIENT, lambda archive: str(archive.index.facts.owner("MODALITY", FIRST.PatientID))),
    "the hold itself": (HoldTarget(study="1.2.3"), lambda archive: archive.index.holds.owner(latest(archive))),
}


def latest(archive: DestroyingArchive) -> int:
    return archive.archive.holds.all()[-1].number


@pytest.mark.parametrize("what", ERASED, ids=[name.replace(" ", "-") for name in ERASED])
def test_what_the_journal_keeps_of_it_is_not_erased(archive: DestroyingArchive, what: str) -> None:
    target, owner_of = ERASED[what]
    archive.archive.patients.add(PatientFact("MODALITY", FIRST.PatientID, FactKind.VISIT, "2020-01-01"), "anne")
    hold = place(archive, target)
    before = archive.index.reader.position()

    def erase() -> None:
        erase_payloads(archive.index, archive.journal, archive.sealer, owner=owner_of(archive), actor="test")

    with pytest.raises(Held, match=f"under hold {hold.number}"):
        erase()

    assert archive.index.reader.position() == before
    assert archive.archive.holds.get(hold.number).reason == "judge"
    owner = owner_of(archive)
    archive.archive.holds.release(hold.number, "bruno", "closed")
    erase_payloads(archive.index, archive.journal, archive.sealer, owner=owner, actor="test")


def test_rejecting_it_and_sweeping_leave_all_of_it(archive: DestroyingArchive) -> None:
    place(archive, LEVELS["study"])

    archive.archive.rejections.reject(STUDY, RejectionReason.EXPIRED, Statement("anne"))
    with closing(open_index(archive.url)) as index:
        swept = Sweeper(index, archive.blobs, 0).sweep(Event())

    assert swept is not None
    assert swept.blobs == 0
    assert is_whole(archive)


def test_a_tier_keeps_the_last_copies_and_what_is_held_stays_within_reach(tmp_path: Path) -> None:
    tiered = Tiered(f"sqlite:///{tmp_path / 'index.sqlite'}", tmp_path)
    study = tiered.store(1)[0].key.study
    holds = tiered.archive.holds
    hold = holds.place(HoldTarget(study=study), WHY, "anne")

    with pytest.raises(TooFewVerified):
        tiered.archive.tiers.displace(study, "hot", "rules")
    tiered.archive.tiers.place(study, "deep", "rules")
    with pytest.raises(Held, match=f"under hold {hold.number}"):
        tiered.archive.tiers.displace(study, "hot", "rules")
    holds.release(hold.number, "bruno", "closed")
    tiered.archive.tiers.displace(study, "hot", "rules")

    assert [finding.problem for finding in tiered.archive.verify()] == [None]
    tiered.close()


def test_what_a_ledger_says_went_is_not_brought_back_by_a_hold_that_was_released(
    archive: DestroyingArchive, tmp_path: Path
) -> None:
    hold = place(archive, LEVELS["study"])
    archive.sealer.seal()
    shutil.copytree(archive.folder, tmp_path / "backup")
    archive.archive.holds.release(hold.number, "bruno", "closed")
    assert archive.destroy(STUDY).is_done

    shutil.copytree(archive.folder / "keys", tmp_path / "backup" / "keys", dirs_exist_ok=True)
    ledgers = {"other": archive.folder / "tombstones"}
    with DestroyingArchive(tmp_path / "backup", stores={MAIN: Memory()}, ledgers=ledgers) as restored:
        assert restored.archive.holds.standing() == [hold]
        restored.archive.destruction.follow(restored.ledger.unknown())

        assert list(restored.archive.verify()) == []
