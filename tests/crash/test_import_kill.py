"""Killed in the midst, an import is finished by the same command: nothing is missing, nothing is there twice."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from conformance.node_process import NodeProcess
from conformance.server import process_tree
from filesets import small_files, write, zip_of
from vna.node import open_archive
from vna.settings import Settings
from waiting import until

FILES = 150


def _vna(data: Path, *arguments: str | Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "vna", *map(str, arguments)]
    environment = os.environ | {"VNA_DATA_DIR": str(data)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def _done(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def _wait_for_some(data: Path, process: "subprocess.Popen[str]") -> None:
    """Wait until the import has stored a few instances."""
    while process.poll() is None and _instances(data) < 20:
        threading.Event().wait(0.01)
    assert process.poll() is None, "the import was over before it could be disturbed"


def _wait_for_end(pids: list[int]) -> None:
    """Wait until processes are gone that were told to go, or whose parent is gone."""
    until(lambda: not any(process_tree(pid) for pid in pids), timeout_s=30)


def _instances(data: Path) -> int:
    """Count in the index itself: a command would take as long as the import."""
    try:
        with closing(sqlite3.connect(f"file:{data / 'index.sqlite'}?mode=ro", uri=True)) as index:
            return int(index.execute("SELECT count(*) FROM version").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


@pytest.mark.long
def test_an_import_that_was_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    files = small_files(FILES)
    loose = dict(list(files.items())[: FILES // 2])
    packed = {name: data for name, data in files.items() if name not in loose}
    folder = write(tmp_path / "in", {**loose, "rest.zip": zip_of(packed)})
    data = tmp_path / "data"

    process = _vna(data, "import", folder, "--workers", "2")
    _wait_for_some(data, process)
    workers = process_tree(process.pid)
    process.kill()
    _done(process)
    _wait_for_end(workers)
    stored = _instances(data)
    assert 0 < stored < FILES

    code, out, err = _done(_vna(data, "import", folder, "--workers", "1", "--json"))
    counts = json.loads(out)["counts"]
    assert (code, err) == (0, "")
    assert counts["stored"] == FILES - stored
    assert counts["stored"] + counts["already-stored"] + counts["finished-before"] == FILES
    with closing(open_archive(Settings(data_dir=data))) as archive:
        held = [finding.held for finding in archive.verify()]
        came = [archive.part10_head(one) + b"".join(archive.open(one).chunks) for one in held]
    assert sorted(came) == sorted(files.values())


def test_ctrl_c_ends_an_import_cleanly_and_says_how_to_go_on(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", small_files(FILES))
    process = _vna(tmp_path / "data", "import", folder, "--workers", "1")
    _wait_for_some(tmp_path / "data", process)

    process.send_signal(signal.SIGINT)

    code, out, err = _done(process)
    assert (code, err) == (1, "")
    assert "the same command goes on" in out
    assert f" {_instances(tmp_path / 'data')} stored" in out


@pytest.mark.long
def test_an_import_goes_on_beside_a_node_that_starts_and_stops(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", small_files(FILES))

    with NodeProcess(tmp_path) as node:
        process = _vna(node.data_dir, "import", folder, "--workers", "1", "--json")
        _wait_for_some(node.data_dir, process)
        node.start()
        code, out, err = _done(process)
        assert node.stop() == 0

    assert (code, json.loads(out)["counts"]["stored"], err) == (0, FILES, "")
