"""An import by worker processes: everything once, whatever happens to a process."""

import os
import signal
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from filesets import small_files, write, zip_of
from storage_backends import BlobStore, Filesystem
from vna.archive import Archive, Arrived, Room, Spool, Stored, StoreSession
from vna.errors import OutOfResources, VnaError
from vna.index import open_index
from vna.model import Source
from vna.transfer import Fate, FinishedUnits, Importer, Job, Verdict


def _open(folder: Path) -> Archive:
    """Open an archive in a folder; runs in the workers too."""
    blobs = BlobStore(Filesystem(folder / "blobs"))
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    return Archive(open_index(f"sqlite:///{folder / 'index.sqlite'}"), blobs, Spool(folder / "spool"), room)


class _Deadly(Archive):
    """An archive whose process dies of a certain patient's file."""

    def session(self, source: Source, actor: str, **options: Any) -> StoreSession:
        session = super().session(source, actor, **options)
        store_all = session.store_all

        def deadly(arrived: Sequence[Arrived]) -> list[Stored | Exception]:
            if any(b"IPP00000001" in bytes(each.content.buffer()) for each in arrived):
                os.kill(os.getpid(), signal.SIGKILL)
            return store_all(arrived)

        session.store_all = deadly  # type: ignore[method-assign]
        return session


def _open_deadly(folder: Path) -> Archive:
    opened = _open(folder)
    opened.__class__ = _Deadly
    return opened


class _Full(Archive):
    """An archive that has no room."""

    def incoming(self) -> None:  # type: ignore[override]
        raise OutOfResources("no room")


def _open_full(folder: Path) -> Archive:
    opened = _open(folder)
    opened.__class__ = _Full
    return opened


def _cannot_open(_folder: Path) -> Archive:
    raise VnaError("the index is newer than this release")


def _set_up() -> None:
    """Prepare a worker's process."""


def _die(_folder: Path) -> Archive:
    os._exit(7)


def _importer(folder: Path, opener=_open, *, workers: int = 1, finished: FinishedUnits | None = None) -> Importer:
    folder.mkdir(exist_ok=True)
    job = Job(partial(opener, folder), _set_up, Source("import"), "test", threads=2, dry_run=False)
    return Importer(job, workers=workers, finished=finished)


def _count(verdicts: Sequence[Verdict]) -> Counter[Fate]:
    return Counter(verdict.fate for verdict in verdicts)


@pytest.mark.long
def test_a_process_that_dies_of_a_file_costs_that_file_alone(tmp_path: Path) -> None:
    files = write(tmp_path / "in", small_files(4))  # three to a patient: the last is of the next one

    verdicts = list(_importer(tmp_path / "a", _open_deadly, workers=2).run([files]))

    counts = _count(verdicts)
    assert counts[Fate.STORED] + counts[Fate.ALREADY_STORED] == 3  # a process may die before it tells what it stored
    (failed,) = [verdict for verdict in verdicts if verdict.fate is Fate.FAILED]
    assert failed.label.endswith("00003.dcm")
    assert failed.reason == "the process that read it died (SIGKILL)"


def test_an_archive_that_takes_nothing_ends_the_import(tmp_path: Path) -> None:
    files = write(tmp_path / "in", small_files(60))
    importer = _importer(tmp_path / "a", _open_full)

    counts = _count(list(importer.run([files])))

    assert set(counts) == {Fate.REFUSED}
    assert counts[Fate.REFUSED] < 60
    assert (importer.was_stopped, importer.refusal) == (True, "no room")


def test_an_archive_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VnaError, match="newer than this release"):
        list(_importer(tmp_path / "a", _cannot_open).run([write(tmp_path / "in", small_files(1))]))


@pytest.mark.long
def test_processes_that_cannot_even_start_end_the_import(tmp_path: Path) -> None:
    with pytest.raises(VnaError, match=r"before they have begun \(exit status 7\)"):
        list(_importer(tmp_path / "a", _die, workers=2).run([write(tmp_path / "in", small_files(1))]))


def test_what_is_finished_is_passed_over_until_it_changes(tmp_path: Path) -> None:
    files = write(tmp_path / "in", {**small_files(4), "x.zip": zip_of(small_files(3, first=4)), "notes": b"text"})

    def run() -> Counter[Fate]:
        archive = _open(tmp_path)
        try:
            finished = FinishedUnits(tmp_path / "finished", archive.knows_mark, archive.journal_mark)
            return _count(list(_importer(tmp_path, finished=finished).run([files])))
        finally:
            archive.close()

    assert run() == {Fate.STORED: 7, Fate.NOT_DICOM: 1}
    assert run() == {Fate.FINISHED_BEFORE: 8}
    write(files, {"00000.dcm": small_files(1, first=99)["00099.dcm"]})
    os.utime(files / "00000.dcm", ns=(1, 1))
    assert run() == {Fate.FINISHED_BEFORE: 7, Fate.STORED: 1}


def test_a_stopped_import_finishes_what_it_has_begun_and_no_more(tmp_path: Path) -> None:
    files = write(tmp_path / "in", small_files(100))
    importer = _importer(tmp_path / "a")

    verdicts = []
    for verdict in importer.run([files]):
        verdicts.append(verdict)
        importer.stop()

    assert 1 <= len(verdicts) < 100
    assert importer.was_stopped
    archive = _open(tmp_path / "a")
    assert archive.counts().instances == len(verdicts)
    archive.close()
