"""Killed at any step, sealing and rebuilding are made good by doing them again; a node finds its journal as it was."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from conformance.node_process import NodeProcess
from conformance.phantoms import ct_slice, data_set_bytes
from conformance.server import StartFailed
from dying import deaths
from rebuilding import rows_of
from storage_backends import FilesystemDocuments, MemoryContent
from vna import settings
from vna.archive import Arrived
from vna.journal import verify
from vna.model import Source
from vna.node import open_archive, open_sealer


def store(*numbers: int, study: int = 1) -> None:
    with closing(open_archive(settings.load())) as archive:
        session = archive.session(Source("PACS"), "test")
        for number in numbers:
            ds = ct_slice(study=study, number=number, size=16)
            session.store(Arrived(MemoryContent(data_set_bytes(ds)), str(ds.file_meta.TransferSyntaxUID)))


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with four instances of two studies, nothing sealed."""
    monkeypatch.setenv("VNA_DATA_DIR", str(tmp_path / "data"))
    store(1, 2, 3)
    store(1, study=2)
    return tmp_path / "data"


def seal() -> None:
    with closing(open_sealer(settings.load())) as sealer:
        sealer.seal()


@pytest.mark.long
def test_sealing_killed_at_every_step(data_dir: Path) -> None:
    assert deaths("seal", str(data_dir), timeout_s=90) >= 5

    store(4)
    seal()

    report = verify(FilesystemDocuments(data_dir / "blobs"))
    assert (report.mark.position, report.problems, report.leftovers) == (5, [], [])


@pytest.mark.long
def test_rebuilding_killed_again_and_again(data_dir: Path, tmp_path: Path) -> None:
    store(*range(4, 12))
    seal()
    onto = f"sqlite:///{tmp_path / 'new.sqlite'}"

    assert deaths("rebuild", str(data_dir), onto, timeout_s=90) >= 3

    assert rows_of(onto) == rows_of(f"sqlite:///{data_dir / 'index.sqlite'}")


def test_a_node_that_is_stopped_has_sealed_everything(tmp_path: Path, data_dir: Path) -> None:
    with NodeProcess(tmp_path) as node:
        node.start()
        assert node.stop() == 0

    report = verify(FilesystemDocuments(data_dir / "blobs"))
    assert (report.mark.position, report.signed_heads, report.problems) == (4, 1, [])


def test_a_node_whose_index_was_put_back_from_before_catches_up(tmp_path: Path, data_dir: Path) -> None:
    index = data_dir / "index.sqlite"
    shutil.copy(index, tmp_path / "backup")
    store(4, 5)
    seal()
    after = rows_of(f"sqlite:///{index}")
    for leftover in data_dir.glob("index.sqlite*"):
        leftover.unlink()
    shutil.copy(tmp_path / "backup", index)

    with NodeProcess(tmp_path) as node:
        node.start()
        assert node.stop() == 0

    assert rows_of(f"sqlite:///{index}") == after


def test_a_node_with_two_histories_does_not_serve(tmp_path: Path, data_dir: Path) -> None:
    index = data_dir / "index.sqlite"
    shutil.copy(index, tmp_path / "backup")
    store(4)
    seal()
    for leftover in data_dir.glob("index.sqlite*"):
        leftover.unlink()
    shutil.copy(tmp_path / "backup", index)
    store(5)

    with NodeProcess(tmp_path) as node, pytest.raises(StartFailed):
        node.start()

    assert "two histories" in node.log.read_text()
