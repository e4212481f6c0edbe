"""`vna serve` as a process of its own: it says where it listens, owns its folder, and stops when told."""

import itertools
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import dcmtk
import prepared
from conformance.server import Process, kill, start, wait_until

ROOT = Path(__file__).resolve().parents[2]
_NUMBERS = itertools.count(1)


Launch = Callable[[Sequence[str], Mapping[str, str], Path], Process]


@dataclass(frozen=True)
class Served:
    """A node that has said where it listens, and what it prints."""

    process: Process
    folder: Path
    log: Path

    @property
    def welcome(self) -> list[str]:
        return [line.strip() for line in self.log.read_text().splitlines()]

    @property
    def record(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "node.json").read_bytes()))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.record['http']['port']}"


def _as_users_do(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
    return start([sys.executable, "-m", "vna", *arguments], environment, log)


def _start(folder: Path, launch: Launch, settings: Mapping[str, str]) -> Served:
    ports = {"VNA_DIMSE__PORT": "0", "VNA_HTTP__PORT": "0", "VNA_DIMSE__HOST": "127.0.0.1"}
    log = folder.parent / f"{folder.name}-{next(_NUMBERS)}.log"
    environment = {"PYTHONPATH": str(ROOT), "VNA_DATA_DIR": str(folder)} | ports | dict(settings)
    return Served(launch(["serve"], environment, log), folder, log)


def _serve(folder: Path, launch: Launch = prepared.start, **settings: str) -> Served:
    """Start a node and wait until it has said where it listens."""
    served = _start(folder, launch, settings)
    try:
        wait_until(lambda: "Ctrl-C" in served.log.read_text(), served.process, log=served.log, timeout_s=60)
    except BaseException:
        kill(served.process)
        raise
    return served


def _refused(folder: Path, **settings: str) -> str:
    """Start a node that must not start, and return why it did not."""
    served = _start(folder, prepared.start, settings)
    assert served.process.wait(60) == 1
    said = served.log.read_text()
    assert "Traceback" not in said
    return said


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = _serve(tmp_path_factory.mktemp("running") / "data", _as_users_do)
    yield served
    kill(served.process)


def test_it_is_ready_and_says_what_to_try(running: Served) -> None:
    with urllib.request.urlopen(f"{running.url}/readyz", timeout=10) as answer:
        assert json.load(answer) == {"status": "ready"}
    with urllib.request.urlopen(running.url, timeout=10) as page:
        assert "DICOM archive VNA" in page.read().decode()

    port = running.record["dimse"]["port"]
    for program in ("echoscu", "storescu", "findscu"):
        assert any(line.startswith(f"{program} -aec VNA") and f"127.0.0.1 {port}" in line for line in running.welcome)


@dcmtk.needs_dcmtk
def test_the_first_command_it_suggests_works(running: Served) -> None:
    (echo,) = [line.split() for line in running.welcome if line.startswith("echoscu")]

    result = subprocess.run([str(dcmtk.program("echoscu")), *echo[1:]], check=False, timeout=20)

    assert result.returncode == 0


def test_a_second_node_on_the_same_folder_is_refused(running: Served) -> None:
    assert f"served by another node, process {running.process.pid}" in _refused(running.folder)


@pytest.mark.parametrize("section", ["dimse", "http"])
def test_a_port_in_use_is_told_and_everything_given_back(running: Served, section: str, tmp_path: Path) -> None:
    port = running.record[section]["port"]

    why = _refused(tmp_path / "data", **{f"VNA_{section.upper()}__PORT": str(port)})

    assert f"{section}.port: cannot listen on 127.0.0.1:{port}: Address already in use" in why
    assert not (tmp_path / "data" / "node.json").exists()


def test_a_wrong_setting_stops_the_start_before_anything_is_made(tmp_path: Path) -> None:
    why = _refused(tmp_path / "data", VNA_DIMSE__PROT="1")

    assert "VNA_DIMSE__PROT is not a setting; did you mean VNA_DIMSE__PORT" in why
    assert not (tmp_path / "data").exists()


def test_a_killed_node_leaves_a_folder_that_can_be_served_and_stopped_with_ctrl_c(tmp_path: Path) -> None:
    killed = _serve(tmp_path / "data")
    kill(killed.process)

    again = _serve(tmp_path / "data")

    assert again.record["pid"] == again.process.pid
    _stops(again, signal.SIGINT)


def test_a_node_below_its_watermark_is_alive_but_not_ready(tmp_path: Path) -> None:
    full = _serve(tmp_path / "data", VNA_STORE__MIN_FREE_PERCENT="100", VNA_STORE__MIN_FREE_BYTES=str(2**60))

    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(f"{full.url}/readyz", timeout=10):
        pass

    with refused.value as answer:
        assert answer.code == 503
        assert "watermark" in json.load(answer)["reasons"]["store"]
    with urllib.request.urlopen(f"{full.url}/healthz", timeout=10) as alive:
        assert alive.status == 200
    _stops(full, signal.SIGTERM)


def _stops(served: Served, how: signal.Signals) -> None:
    os.kill(served.process.pid, how)
    assert served.process.wait(30) == 0, served.log.read_text()
    said = served.log.read_text()
    assert "Stopped." in said
    assert "Traceback" not in said
    assert not (served.folder / "node.json").exists()
