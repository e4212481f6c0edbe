"""Destroying: after it nothing is left anywhere, whatever it was cut short by, and nothing else went with it."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from pydicom.dataset import Dataset
from sqlalchemy import select

from conformance.phantoms import ct_slice
from databases import connected
from destroying import DestroyingArchive, found_among, needles, study_of
from rebuilding import rows_of
from storage_backends import MAIN, BlobStore, FilesystemDocuments, Memory, StoreUnavailable
from vna.archive import Derived, Fsck, Healer, Ledger, Pace, Plan, Rebuilder, Replicator, Scrubber, Sealer, Sweeper
from vna.archive.certificates import digest_of
from vna.archive.fsck import Kind as FsckKind
from vna.archive.purging import Purger
from vna.archive.recording import record
from vna.errors import EliminatedBefore
from vna.events import HoldDetail, HoldKind, HoldLevel, HoldPlaced
from vna.index import Recorded, Spared, SparedFor, open_index, open_replay, tables
from vna.index.committer import Committer
from vna.journal import SealedJournal, verify
from vna.metrics import Metrics
from vna.model import EliminatedAgain, Scope
from web import web_client

ALL_PLACES = ("derived", "index", "journal", "store:main", "store:r1")


def slices(study: int, *numbers: int, **changed: str) -> list[Dataset]:
    """Return slices of a study of a patient of its own, with pixels of their own."""
    made = []
    for number in numbers:
        ds = ct_slice(study=study, number=number, size=16)
        ds.PatientName, ds.PatientID = f"Zzyzx{study}^Quetzal", f"PID-{study}-XYZZY"
        ds.PixelData = (b"PIXELS%03d.%03d!" % (study, number)) * 36
        ds.PixelData = ds.PixelData[:512]
        for keyword, value in changed.items():
            setattr(ds, keyword, value)
        made.append(ds)
    return made


FIRST, SECOND = slices(1, 1, 2, 3), slices(2, 1, 2)


class Leaving(Memory):
    """A store that may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False

    def delete(self, name: str) -> None:
        """Delete, unless it is away."""
        if self.is_away:
            raise StoreUnavailable("the disk is not there")
        super().delete(name)


class CountingReads(FilesystemDocuments):
    """Documents that count how often a segment was read."""

    segments = 0

    def read(self, name: str) -> bytes:
        """Read, and count it."""
        self.segments += name.startswith("journal/0")
        return super().read(name)


class Distant(Memory):
    """A store that takes its time, and counts who asks at the same time."""

    at_once = 4

    def __init__(self) -> None:
        super().__init__()
        self._guard = threading.Lock()
        self._asking = {"size": 0, "delete": 0}
        self.peak = {"size": 0, "delete": 0}

    def size(self, name: str) -> int:
        """Return the size, after a while."""
        with self._counted("size"):
            return super().size(name)

    def delete(self, name: str) -> None:
        """Delete, after a while."""
        with self._counted("delete"):
            super().delete(name)

    @contextmanager
    def _counted(self, what: str) -> Iterator[None]:
        with self._guard:
            self._asking[what] += 1
            self.peak[what] = max(self.peak[what], self._asking[what])
        threading.Event().wait(0.01)
        yield
        with self._guard:
            self._asking[what] -= 1


@pytest.fixture
def stores() -> dict[str, Leaving]:
    return {"": Leaving(), "r1": Leaving()}


@pytest.fixture
def archive(tmp_path: Path, stores: dict[str, Leaving]) -> Iterator[DestroyingArchive]:
    with DestroyingArchive(tmp_path / "data", stores=stores) as opened:
        yield opened


def found_in(folder: Path, wanted: list[bytes]) -> dict[str, list[bytes]]:
    """Return which files below a folder hold which of these byte strings, as they are or in any zstd frame."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        hits = found_among(path.read_bytes(), wanted)
        if hits:
            found[str(path.relative_to(folder))] = hits
    return found


@pytest.mark.long
def test_nothing_of_it_is_left_and_all_of_the_others(tmp_path: Path) -> None:
    with DestroyingArchive(tmp_path / "data") as archive:
        archive.store(*FIRST, *SECOND)
        archive.archive.derived.document("thumbnail", lambda: FIRST[0].PatientID.encode())
        archive.sealer.seal()
        there = found_in(tmp_path, needles(*FIRST))

        remaining = archive.destroy(study_of(FIRST[0]))

        assert {"data/index.sqlite-wal", "data/derived/thumbnail"} <= there.keys()
        for folder in ("data/blobs/payloads/", "data/blobs/"):
            assert any(name.startswith(folder) for name in there)
        assert remaining.is_done, remaining
        assert found_in(tmp_path, needles(*FIRST)) == {}
        assert found_in(tmp_path, needles(*SECOND)) != {}
        assert [finding.problem for finding in archive.archive.verify()] == [None, None]
        assert verify(archive.documents).problems == []


def test_a_store_that_does_not_say_what_it_has_does_not_attest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str) -> int:
        raise StoreUnavailable("no answer")

    silent = Memory()
    with DestroyingArchive(tmp_path / "a", stores={MAIN: silent}) as archive:
        archive.store(*FIRST)
        monkeypatch.setattr(silent, "size", refuse)

        remaining = archive.destroy(study_of(FIRST[0]))

    assert remaining.waiting == {"store:main": "no answer"}


def test_a_store_that_is_far_away_is_asked_for_several_blobs_at_a_time(tmp_path: Path) -> None:
    far = Distant()
    with DestroyingArchive(tmp_path / "a", stores={MAIN: far}) as archive:
        archive.store(*FIRST)

        assert archive.destroy(study_of(FIRST[0])).is_done

    assert list(far.names()) == []
    assert min(far.peak.values()) > 1


def test_every_place_attests_what_went_there(archive: DestroyingArchive) -> None:
    archive.store(*FIRST, *SECOND)

    remaining = archive.destroy(study_of(FIRST[0]))

    (number,) = archive.index.tombstones.eliminations(behind=0)
    told = {each.place: each for each in archive.index.eliminations.attestations(number)}
    assert remaining.attested == ALL_PLACES == tuple(sorted(told))
    assert {place: told[place].files for place in ALL_PLACES if place.startswith("store")} == {
        "store:main": 3,
        "store:r1": 3,
    }
    assert told["journal"].files == 1
    (went,) = archive.archive.destruction.went(number)
    assert digest_of(list(went.objects)) == went.manifest
    assert [each["instance"] for each in went.objects] == [ds.SOPInstanceUID for ds in FIRST]
    assert {place["store"] for each in went.objects for place in each["blobs"][0]["places"]} == {"", "r1"}
    assert archive.archive.destruction.finish(number) == remaining


def test_a_segment_is_read_once_however_many_items_go(tmp_path: Path) -> None:
    with DestroyingArchive(tmp_path / "data", stores={"": Memory()}) as archive:
        going = [slices(study, 1)[0] for study in range(9)]
        archive.store(*going)
        archive.sealer.seal()
        archive.journal.documents = read = CountingReads(tmp_path / "data" / "blobs")

        archive.destroy(*(study_of(ds) for ds in going))

        assert read.segments == 1
        assert verify(archive.documents).problems == []


def test_what_others_need_stays(archive: DestroyingArchive, stores: dict[str, Leaving]) -> None:
    shared = slices(3, 1)
    shared[0].PixelData = FIRST[0].PixelData
    archive.store(*FIRST, *shared)

    assert archive.destroy(study_of(FIRST[0])).is_done

    assert [len(list(store.names())) for store in stores.values()] == [1, 1]
    assert [finding.problem for finding in archive.archive.verify()] == [None]


def test_a_hold_forbids_it_whenever_it_was_placed(archive: DestroyingArchive) -> None:
    archive.store(*FIRST)
    number, (item,) = archive.agreed(study_of(FIRST[0]))
    detail = HoldDetail("claim").detail()
    placed = HoldPlaced("hold-1", HoldKind.INQUIRY, HoldLevel.STUDY, item.scope.study, "", "2020-01-01", "")
    hold = record(archive.index, placed, "lawyer", detail=detail)

    spared = archive.eliminate(number, item)

    assert isinstance(spared, Spared)
    assert (spared.cause, spared.holds) == (SparedFor.HELD, (hold,))
    assert len(list(archive.archive.verify())) == 3


def test_what_changed_since_it_was_evaluated_stays(archive: DestroyingArchive) -> None:
    archive.store(*FIRST[:2])
    number, (item,) = archive.agreed(study_of(FIRST[0]))
    evaluated_at = archive.index.reader.position()
    another = slices(9, 1, PatientID=FIRST[0].PatientID)
    archive.store(*another)

    spared = archive.archive.destruction.eliminate(number, item, evaluated_at=evaluated_at, actor="runner")

    assert isinstance(spared, Spared)
    assert spared.cause is SparedFor.CHANGED
    assert isinstance(archive.eliminate(number, item), Recorded)


def test_what_nobody_decided_stays(archive: DestroyingArchive) -> None:
    archive.store(*FIRST, *SECOND)
    number, (item,) = archive.agreed(study_of(FIRST[0]))
    waiting, _ = archive.agreed(study_of(SECOND[0]), wait_days=1)

    causes = [
        archive.eliminate(number, replace(item, scope=study_of(SECOND[0]))),
        archive.eliminate(number + 100, item),
        archive.eliminate(waiting, replace(item, scope=study_of(SECOND[0]))),
    ]

    assert [each.cause for each in causes if isinstance(each, Spared)] == [SparedFor.NOT_DECIDED] * 3


def test_a_store_that_is_away_attests_when_it_is_back(archive: DestroyingArchive, stores: dict[str, Leaving]) -> None:
    archive.store(*FIRST)
    stores["r1"].is_away = True

    remaining = archive.destroy(study_of(FIRST[0]))
    stores["r1"].is_away = False
    archive.archive.destruction.run(threading.Event())

    assert list(remaining.waiting) == ["store:r1"]
    assert archive.archive.destruction.remaining(remaining.elimination).is_done
    assert [list(store.names()) for store in stores.values()] == [[], []]


def test_a_rebuild_gives_the_same_tables(archive: DestroyingArchive, tmp_path: Path) -> None:
    same = {"PatientName": str(SECOND[0].PatientName), "PatientID": SECOND[0].PatientID}
    archive.store(*slices(5, 1, **same), *FIRST, *SECOND)
    archive.destroy(study_of(FIRST[0]), study_of(slices(5, 1)[0]))
    archive.store(*slices(4, 1))
    archive.sealer.seal()

    assert rebuilt(archive, tmp_path / "new.sqlite") == rows_of(archive.url)


def rebuilt(archive: DestroyingArchive, onto: Path) -> dict[str, list[tuple[object, ...]]]:
    url = f"sqlite:///{onto}"
    with closing(open_replay(url)) as replayer:
        Rebuilder(replayer, archive.blobs).from_journal(archive.journal, 0, lambda _position: None)
    return rows_of(url)


def test_an_older_index_put_back_knows_nothing_of_it_once_it_has_caught_up(
    archive: DestroyingArchive, tmp_path: Path
) -> None:
    archive.store(*FIRST, *SECOND)
    archive.sealer.seal()
    older = tmp_path / "older.sqlite"
    with connected(archive.url) as connection:
        connection.exec_driver_sql(f"VACUUM INTO '{older}'")
    archive.destroy(study_of(FIRST[0]))
    archive.sealer.seal()

    with closing(open_replay(f"sqlite:///{older}")) as replayer:
        position = Rebuilder(replayer, archive.blobs).from_journal(archive.journal, 5, lambda _position: None)

    assert position == archive.index.reader.position()
    assert rows_of(f"sqlite:///{older}") == rows_of(archive.url)
    with connected(f"sqlite:///{older}") as connection:
        owners = set(connection.execute(select(tables.payload.c.owner)).scalars())
    assert FIRST[0].StudyInstanceUID not in owners


def test_what_is_sent_again_is_refused_by_name(archive: DestroyingArchive) -> None:
    archive.store(*FIRST)
    remaining = archive.destroy(study_of(FIRST[0]))

    with pytest.raises(EliminatedBefore, match=f"elimination {remaining.elimination}") as refused:
        archive.store(FIRST[0])

    assert refused.value.status == 0xC072


def test_accepted_again_it_is_new_and_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with DestroyingArchive(tmp_path / "data", stores={"": Memory()}, again=EliminatedAgain.ACCEPT) as archive:
        archive.store(*FIRST)
        number, (item,) = archive.agreed(study_of(FIRST[0]))
        archive.eliminate(number, item)
        archive.store(FIRST[1])

        remaining = archive.archive.destruction.finish(number)
        archive.sealer.seal()

        assert remaining.is_done
        assert "kept again, though destroyed" in caplog.text
        assert [finding.problem for finding in archive.archive.verify()] == [None]
        assert verify(archive.documents).problems == []
        assert rebuilt(archive, tmp_path / "new.sqlite") == rows_of(archive.url)
        with connected(archive.url) as connection:
            bases = connection.execute(select(tables.header_base.c.data)).scalars().all()
        plain = b"".join(zstandard.ZstdDecompressor().decompress(base) for base in bases)
        assert FIRST[0].SOPInstanceUID.encode() not in plain


def test_over_the_web_it_is_gone_and_not_unknown(archive: DestroyingArchive) -> None:
    archive.store(*FIRST)
    study = f"/dicom-web/studies/{FIRST[0].StudyInstanceUID}"
    remaining = archive.destroy(study_of(FIRST[0]))

    with web_client(archive.archive) as client:
        gone, unknown = client.get(study), client.get("/dicom-web/studies/1.2.3")
        series = client.get(f"{study}/series/{FIRST[0].SeriesInstanceUID}")
        found = client.get("/dicom-web/studies")

    assert (gone.status_code, series.status_code, unknown.status_code) == (410, 410, 404)
    assert f"elimination {remaining.elimination}" in gone.text
    assert found.status_code == 204


def test_fsck_finds_nothing_and_brings_nothing_back(
    archive: DestroyingArchive, stores: dict[str, Leaving], tmp_path: Path
) -> None:
    archive.store(*FIRST, *SECOND)
    leftover = next(iter(stores["r1"].names()))
    data = stores["r1"].read(leftover)
    archive.destroy(study_of(FIRST[0]), study_of(SECOND[0]))
    archive.sealer.seal()
    staged = stores["r1"].stage()
    staged.write(data)
    staged.commit(leftover)

    healer = Healer(
        open_index(archive.url), BlobStore(stores[""], replicas=archive.blobs.replicas), Metrics(), tmp_path
    )
    plan = Plan(grace_s=-1, deep=True, repair=True)
    with closing(Fsck(healer, Sealer(open_index(archive.url), archive.journal), archive.journal, plan)) as fsck:
        found = list(fsck.run(lambda _share: None))
        Replicator(healer, "r1").run(threading.Event())
        Scrubber(healer, "r1", Pace(10**9)).run(threading.Event())

    assert [(each.kind, each.is_problem) for each in found] == [(FsckKind.LEFTOVER, False)]
    assert list(stores[""].names()) == []
    Sweeper(archive.index, archive.blobs, -1).sweep(threading.Event())
    assert list(stores["r1"].names()) == []


def test_a_document_that_is_being_made_of_it_is_not_kept(tmp_path: Path) -> None:
    derived = Derived(tmp_path / "derived", 10**8)
    derived.document("other", lambda: b"other")

    def make() -> bytes:
        assert derived.clear() == (1, 37)
        return b"of what went"

    assert derived.document("thumbnail", make) == b"of what went"
    assert not (tmp_path / "derived").exists() or list((tmp_path / "derived").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if path.name != "derived"] == []
    assert derived.document("thumbnail", lambda: b"new") == b"new"
    assert derived.document("thumbnail", lambda: b"newer") == b"new"


@pytest.mark.parametrize("level", ["series", "instance"])
def test_a_part_goes_and_the_rest_of_its_study_stays(archive: DestroyingArchive, tmp_path: Path, level: str) -> None:
    thin = slices(1, 7, 8, SeriesInstanceUID="1.2.3.4", SeriesDescription="thin")
    for ds in thin:
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{ds.InstanceNumber}"
    archive.store(*thin, FIRST[0])
    archive.sealer.seal()
    archive.store(thin[1], *FIRST[1:])
    going = thin if level == "series" else thin[:1]
    scope = Scope(thin[0].StudyInstanceUID, "1.2.3.4", None if level == "series" else "1.2.3.4.7")
    left = 5 - len(going)

    remaining = archive.destroy(scope)
    archive.store(*slices(4, 1))
    archive.sealer.seal()

    assert remaining.is_done, remaining
    gone = [needle for ds in going for needle in needles(ds) if needle not in needles(*FIRST)]
    assert found_in(archive.folder, gone) == {}
    assert [finding.problem for finding in archive.archive.verify()] == [None] * (left + 1)
    report = verify(archive.documents)
    assert report.problems == []
    assert report.leftovers == []
    assert sum(erasure.payloads for erasure in report.erasures) == len(going)
    assert rebuilt(archive, tmp_path / "new.sqlite") == rows_of(archive.url)
    with pytest.raises(EliminatedBefore):
        archive.store(thin[0])
    assert archive.destroy(study_of(FIRST[0])).is_done
    assert verify(archive.documents).problems == []
    assert found_in(archive.folder, needles(*FIRST, *thin)) == {}


STEPS = [
    (Sealer, "seal"),
    (Ledger, "enter"),
    (SealedJournal, "erase"),
    (Sweeper, "begin"),
    (Sweeper, "delete"),
    (Sweeper, "end"),
    (Memory, "delete"),
    (Purger, "database"),
    (Derived, "clear"),
    (Committer, "submit_all"),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step[0].__name__}.{step[1]}")
@pytest.mark.parametrize("late", [pytest.param(False, id="before"), pytest.param(True, id="behind")])
@pytest.mark.long
def test_cut_short_anywhere_it_is_done_by_doing_it_again(
    archive: DestroyingArchive,
    stores: dict[str, Leaving],
    monkeypatch: pytest.MonkeyPatch,
    step: tuple[type, str],
    late: bool,
) -> None:
    archive.store(*FIRST, *SECOND)
    archive.archive.derived.document("thumbnail", lambda: FIRST[0].PatientID.encode())
    archive.sealer.seal()
    number, (item,) = archive.agreed(study_of(FIRST[0]))
    archive.eliminate(number, item)
    cuts = 0
    while cut_short(archive, number, monkeypatch, step, cuts, late=late):
        cuts += 1

    assert cuts > 0
    assert archive.archive.destruction.remaining(number).is_done
    assert [len(list(store.names())) for store in stores.values()] == [2, 2]
    assert verify(archive.documents).problems == []
    assert found_in(archive.folder, needles(*FIRST)) == {}


def test_cut_short_between_stores_it_is_done_by_doing_it_again(
    archive: DestroyingArchive, stores: dict[str, Leaving], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.store(*FIRST)
    number, (item,) = archive.agreed(study_of(FIRST[0]))
    archive.eliminate(number, item)

    assert cut_short(archive, number, monkeypatch, (Memory, "delete"), 1, late=True)
    archive.archive.destruction.run(threading.Event())

    assert archive.archive.destruction.remaining(number).is_done
    assert [list(store.names()) for store in stores.values()] == [[], []]


class Cut(BaseException):
    """The process dies here."""


def cut_short(
    archive: DestroyingArchive,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
    step: tuple[type, str],
    after: int,
    *,
    late: bool,
) -> bool:
    """Finish a destruction until a step was taken so often; return whether it was cut short."""
    owner, name = step
    original, left = getattr(owner, name), [after]

    def cutting(*args: object, **named: object) -> object:
        if left[0] == 0 and not late:
            raise Cut
        result = original(*args, **named)
        if left[0] == 0:
            raise Cut
        left[0] -= 1
        return result

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, cutting)
        try:
            archive.archive.destruction.finish(number)
        except Cut:
            return True
    return False
