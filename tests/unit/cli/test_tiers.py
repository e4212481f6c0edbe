"""`vna tier`: what it prints, and what it does."""

import json
from pathlib import Path

import pytest

from conformance import phantoms
from storage_backends import MemoryContent
from vna.archive import Arrived
from vna.cli import main
from vna.model import Source
from vna.node import open_archive
from vna.settings import load


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A study in an archive that the settings of this process name."""
    (tmp_path / "cold").mkdir()
    monkeypatch.setenv("VNA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("VNA_STORE__NAME", "hot")
    monkeypatch.setenv("VNA_STORE__MIN_FREE_PERCENT", "0")
    monkeypatch.setenv("VNA_STORE__TIERS", f"cold=file://{tmp_path}/cold;codec=smallest;availability=nearline")
    archive = open_archive(load(None))
    ds = phantoms.ct_slice(size=16)
    arrived = Arrived(MemoryContent(phantoms.data_set_bytes(ds)), ds.file_meta.TransferSyntaxUID)
    stored = archive.session(Source("MODALITY"), "test").store(arrived)
    archive.close()
    return stored.key.study


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command; return its exit code, and what it printed on both streams."""
    with pytest.raises(SystemExit) as ended:
        main(["tier", *arguments])
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


def test_a_study_is_moved_shown_and_brought_back(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "move", study, "--to", "cold", "--dry-run")[1].startswith("Would copy 1 blob, ")
    code, told, _ = run(capsys, "move", study, "--to", "cold", "--by", "me")
    assert (code, told.count("1 blob")) == (0, 2)

    code, told, _ = run(capsys, "show", study, "--json")
    assert (code, json.loads(told)["availability"]) == (0, "nearline")
    assert [(place["store"], place["codecs"]) for place in json.loads(told)["places"]] == [("cold", ["smallest"])]
    stores = {each["store"]: each for each in json.loads(run(capsys, "list", "--json")[1])}
    assert {name: each["filling"]["studies"] for name, each in stores.items()} == {"hot": 0, "cold": 1}

    assert run(capsys, "recall", study)[0] == 0
    assert run(capsys, "drop", study, "--from", "cold")[0] == 0
    assert run(capsys, "show", study)[1].splitlines()[0] == "ONLINE, 1 blob, no retrieval is known"


def test_what_cannot_be_done_is_told(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, problem = run(capsys, "move", study, "--to", "cold", "--copies", "2")
    assert (code, problem) == (1, "vna: of 1 blobs there would be 1 sound copies left, and 2 have to be\n")
    assert run(capsys, "copy", study, "--to", "warm")[0] == 1
