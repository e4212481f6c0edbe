"""`vna serve` as a process of its own: it says where it listens, owns its folder, and stops when told."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import dcmtk

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Served:
    """A node that has said where it listens, and what it said."""

    process: subprocess.Popen[str]
    folder: Path
    welcome: list[str]

    @property
    def record(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "node.json").read_bytes()))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.record['http']['port']}"

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def _start(folder: Path, **settings: str) -> subprocess.Popen[str]:
    ports = {"VNA_DIMSE__PORT": "0", "VNA_HTTP__PORT": "0", "VNA_DIMSE__HOST": "127.0.0.1"}
    environment = os.environ | {"PYTHONPATH": str(ROOT), "VNA_DATA_DIR": str(folder)} | ports | settings
    return subprocess.Popen(
        [sys.executable, "-m", "vna", "serve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def _serve(folder: Path, **settings: str) -> Served:
    """Start a node and wait until it has said where it listens."""
    process = _start(folder, **settings)
    assert process.stdout is not None
    lines = [""]
    while "Ctrl-C" not in lines[-1]:
        line = process.stdout.readline()
        assert line, (process.communicate()[1], process.returncode)
        lines.append(line.strip())
    return Served(process, folder, lines[1:])


def _refused(folder: Path, **settings: str) -> str:
    """Start a node that must not start, and return why it did not."""
    process = _start(folder, **settings)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Traceback" not in err
    return err


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = _serve(tmp_path_factory.mktemp("running") / "data")
    yield served
    served.end()


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
    killed.end()

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
    served.process.send_signal(how)
    out, err = served.process.communicate(timeout=30)
    assert served.process.returncode == 0, err
    assert "Stopped." in out
    assert "Traceback" not in err
    assert not (served.folder / "node.json").exists()
