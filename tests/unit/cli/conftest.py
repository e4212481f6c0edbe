"""A data folder of its own for each test of a command."""

from pathlib import Path

import pytest

from administering import Run, runner


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """What runs commands on an empty data folder."""
    monkeypatch.setenv("VNA_DATA_DIR", str(tmp_path / "data"))
    return runner(capsys)
