"""One node owns a data folder, and others can see which."""

import os
from pathlib import Path

import pytest

from vna.errors import StartRefused
from vna.node.data_folder import Address, DataFolder, NodeRecord

RECORD = NodeRecord(1, "0.1", "VNA", "2026-01-31T12:00:00+00:00", Address("0.0.0.0", 104), Address("::1", 80))


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.create()
    return made


def test_a_second_node_is_refused_and_told_the_first_ones_process(folder: DataFolder) -> None:
    folder.lock()

    with pytest.raises(StartRefused, match=f"another node, process {os.getpid()}"):
        DataFolder(folder.path).lock()

    folder.unlock()


def test_a_folder_given_back_can_be_taken_again(folder: DataFolder) -> None:
    folder.lock()
    folder.unlock()
    second = DataFolder(folder.path)

    second.lock()

    second.unlock()


def test_the_record_is_seen_while_the_folder_is_locked(folder: DataFolder) -> None:
    folder.lock()
    folder.write_record(RECORD)

    assert DataFolder(folder.path).running() == RECORD

    folder.unlock()


@pytest.mark.parametrize("name", ["lock", "node.json"])
def test_a_folder_that_cannot_be_read_is_told_of(folder: DataFolder, name: str) -> None:
    folder.lock()
    (folder.path / name).unlink(missing_ok=True)
    (folder.path / name).symlink_to(name)  # to itself

    with pytest.raises(StartRefused, match="cannot be read"):
        folder.running()

    folder.unlock()


def test_the_record_of_a_dead_node_is_not_believed(folder: DataFolder) -> None:
    folder.write_record(RECORD)

    assert folder.running() is None


def test_a_node_that_has_no_record_yet_is_not_running(folder: DataFolder) -> None:
    folder.lock()
    folder.write_record(RECORD)
    folder.remove_record()

    assert DataFolder(folder.path).running() is None

    folder.unlock()


def test_looking_makes_nothing(tmp_path: Path) -> None:
    assert DataFolder(tmp_path / "absent").running() is None
    assert not (tmp_path / "absent").exists()


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StartRefused, match="data_dir"):
        DataFolder(tmp_path / "file" / "data").create()


def test_the_spool_is_emptied(folder: DataFolder) -> None:
    (folder.spool / "left").write_bytes(b"half")

    folder.empty_spool()

    assert not list(folder.spool.iterdir())


@pytest.mark.parametrize(
    ("address", "text", "reachable"),
    [
        (Address("0.0.0.0", 1), "0.0.0.0:1", "127.0.0.1"),
        (Address("::", 1), "[::]:1", "::1"),
        (Address("pacs", 1), "pacs:1", "pacs"),
    ],
)
def test_an_address_is_shown_and_reached(address: Address, text: str, reachable: str) -> None:
    assert (str(address), address.reachable_host) == (text, reachable)


def test_what_a_dead_process_left_in_the_spool_goes(folder: DataFolder) -> None:
    (folder.spool / "received").touch()
    (folder.spool / "fsck-abc").mkdir()
    (folder.spool / "fsck-abc" / "index.sqlite").touch()
    (folder.spool / "link").symlink_to(folder.path)

    folder.empty_spool()

    assert list(folder.spool.iterdir()) == []
    assert folder.path.is_dir()
