"""Processes are started, measured and ended whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from conformance.server import Server, StartFailed, kill, process_tree, running, stop, wait_until
from conformance.upper_layer import Address
from waiting import until

PARENT = (
    "import subprocess, sys; sum(range(10_000_000)); subprocess.run([sys.executable, '-c', "
    "'import threading; print(1, flush=True); threading.Event().wait()'])"
)


@pytest.fixture
def parent(tmp_path: Path):
    """Run a process with a child that waits for ever."""
    log = tmp_path / "log"
    with running([sys.executable, "-c", PARENT], environment={}, log=log) as process:
        wait_until(lambda: b"1" in log.read_bytes(), process, log=log, timeout_s=20)
        yield process
        kill(process)


def test_a_tree_holds_the_descendants(parent: subprocess.Popen[bytes]) -> None:
    tree = process_tree(parent.pid)

    assert tree[0] == parent.pid
    assert len(tree) == 2


def test_the_whole_group_is_killed(parent: subprocess.Popen[bytes]) -> None:
    _, child = process_tree(parent.pid)

    kill(parent)

    assert parent.returncode == -9
    assert process_tree(parent.pid) == []
    until(lambda: not process_tree(child), timeout_s=10)  # the kernel may take a moment to end it


def test_figures_of_a_tree_are_read_from_proc(parent: subprocess.Popen[bytes], tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(bytes(1000))
    server = Server("x", Address("", 0), parent.pid, tmp_path / "sub")

    assert server.stored_bytes() == 1000
    assert server.cpu_s() > 0
    assert len(server.peak_resident_bytes()) == 2
    assert 1 << 20 < server.proportional_bytes() < sum(server.peak_resident_bytes().values())


def test_stopping_twice_is_fine(tmp_path: Path) -> None:
    with running(
        [sys.executable, "-c", "import threading; threading.Event().wait()"], environment={}, log=tmp_path / "log"
    ) as process:
        assert stop(process) == stop(process)


def test_a_program_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = [sys.executable, "-c", "print('no luck'); exit(3)"]
    with running(program, environment={}, log=log) as process, pytest.raises(StartFailed) as failed:
        wait_until(lambda: False, process, log=log, timeout_s=20)

    assert "exit status 3" in str(failed.value)
    assert "no luck" in str(failed.value)
