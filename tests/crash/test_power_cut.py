"""The power fails: what was acknowledged is there, as it came, though everything that was not synced is lost."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conformance import oddities, phantoms
from conformance.corpus import Instance
from ingest import Book, Sent
from power_cut import Disk, Remains
from promises import check, follow_the_chain
from storage_backends import FilesystemDocuments, MemoryContent
from vna import settings
from vna.archive import Arrived
from vna.journal import make_key, verify
from vna.model import Source
from vna.node import open_archive, open_sealer
from vna.node.catching_up import catch_up_index
from vna.node.data_folder import DataFolder
from vna.node.parts import clear_staging


@dataclass
class Cut:
    """One power cut: what it leaves, and what had been promised by then."""

    remains: Remains
    sent: dict[str, Sent]
    acknowledged: set[str]
    sealed: int
    key: str


@dataclass
class Ingest:
    """An archive that takes a few instances and seals its journal, on a disk whose power fails again and again."""

    disk: Disk
    cuts: list[Cut] = field(default_factory=list)
    book: Book = field(default_factory=Book)
    sealed: int = 0
    key: str = ""

    def run(self, instances: Iterator[Instance]) -> None:
        """Store each, seal when two are stored, and cut the power at the end."""
        read = settings.load()
        with closing(open_archive(read)) as archive, closing(open_sealer(read)) as sealer:
            key = make_key(DataFolder(read.data_dir).signing_key)
            self.key = key.public
            session = archive.session(Source("PACS"), "test")
            for number, instance in enumerate(instances):
                self.book.sent[instance.sop_instance_uid] = Sent.of(instance)
                session.store(Arrived(MemoryContent(instance.data), instance.transfer_syntax))
                self.book.acknowledged.add(instance.sop_instance_uid)
                if number == 1:
                    self.sealed = sealer.seal().position
            self.cut()

    def cut(self) -> None:
        """Cut the power, and let it go on as if nothing had been."""
        promised = (dict(self.book.sent), set(self.book.acknowledged), self.sealed, self.key)
        self.cuts.append(Cut(self.disk.now(), *promised))


def instances() -> Iterator[Instance]:
    """Yield instances with no blob, with one, with a large one and with several."""
    yield oddities.encoded(oddities.structured_report(study=1))
    yield oddities.encoded(phantoms.ct_slice(study=1, size=64))
    yield oddities.encoded(oddities.encapsulated_pdf(study=2, size=400_000))
    yield oddities.encoded(oddities.private_bulk(study=3))


@pytest.fixture
def ingest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    """An empty folder for the data folder and for the store, which lies elsewhere, some folders down."""
    (tmp_path / "disk").mkdir()
    use(tmp_path / "disk", monkeypatch)
    return Ingest(Disk(tmp_path / "disk"))


def use(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNA_DATA_DIR", str(disk / "data"))
    monkeypatch.setenv("VNA_STORE__URL", f"file://{disk}/mnt/store")


def start_and_compare(cut: Cut, disk: Path) -> None:
    """Do what a node does at its start, and see that every promise is kept."""
    read = settings.load()
    DataFolder(read.data_dir).create()
    DataFolder(read.data_dir).empty_spool()
    clear_staging(read)
    open_archive(read).close()
    catch_up_index(read)
    check(Book(cut.sent, cut.acknowledged))
    with closing(open_archive(read)) as archive:
        assert [finding.problem for finding in archive.verify() if finding.problem] == []
    report = verify(FilesystemDocuments(disk / "mnt" / "store"))
    assert report.problems == []
    assert cut.sealed <= report.mark.position <= follow_the_chain()
    if cut.key:
        assert make_key(DataFolder(read.data_dir).signing_key).public == cut.key


def check_all(ingest: Ingest, folder: Path, monkeypatch: pytest.MonkeyPatch, *, all_names: bool) -> None:
    for number, cut in enumerate(ingest.cuts):
        disk = folder / str(number)
        cut.remains.restore(disk, all_names=all_names)
        use(disk, monkeypatch)
        start_and_compare(cut, disk)
        shutil.rmtree(disk)


@pytest.mark.parametrize("all_names", [False, True], ids=["no-name-survives", "names-survive"])
def test_what_was_acknowledged_when_the_power_failed_is_there(
    ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_names: bool
) -> None:
    with ingest.disk.watched():
        ingest.run(instances())

    check_all(ingest, tmp_path, monkeypatch, all_names=all_names)


@pytest.mark.long
@pytest.mark.parametrize("all_names", [False, True], ids=["no-name-survives", "names-survive"])
def test_the_power_fails_before_every_sync(
    ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_names: bool
) -> None:
    ingest.disk.at_sync = ingest.cut
    with ingest.disk.watched():
        ingest.run(instances())

    check_all(ingest, tmp_path, monkeypatch, all_names=all_names)
    assert len(ingest.cuts) > 20
