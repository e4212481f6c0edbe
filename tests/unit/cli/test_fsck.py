"""`vna fsck`: what it prints, and what its exit code says."""

import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from conformance.phantoms import ct_slice, data_set_bytes
from storage_backends import MemoryContent
from vna import settings
from vna.archive import Arrived
from vna.cli import main
from vna.model import Source
from vna.node import open_archive

Run = Callable[..., tuple[int, str]]
STUDY = ct_slice().StudyInstanceUID


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command on a data folder with an instance; returns exit code and output."""
    monkeypatch.setenv("VNA_DATA_DIR", str(tmp_path))
    store(1)
    store(2)

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        return int(ended.value.code or 0), capsys.readouterr().out

    return run


def store(number: int) -> None:
    """Store an instance."""
    ds = ct_slice(number=number, size=16)
    arrived = Arrived(MemoryContent(data_set_bytes(ds)), str(ds.file_meta.TransferSyntaxUID))
    with closing(open_archive(settings.load())) as archive:
        archive.session(Source("PACS"), "test").store(arrived)


def test_an_archive_is_checked_damaged_repaired_and_healed(run: Run, tmp_path: Path) -> None:
    assert run("fsck", "--repair")[0] == 0
    code, told = run("fsck")
    assert (code, told) == (
        0,
        "2 files compared with 2 blobs in the index, 1 segment of the journal checked: 0 problems\n",
    )

    lost, altered = sorted(tmp_path.glob("blobs/???/*.dns"))
    lost.unlink()
    stored = bytearray(altered.read_bytes())
    stored[-40] ^= 1
    altered.write_bytes(stored)

    code, told = run("fsck")
    assert code == 1
    assert told.splitlines()[0] == (f"missing: main/{lost.name}: its file is missing; 1 instance of study {STUDY}")
    assert told.splitlines()[-1].endswith("1 problem")
    code, told = run("fsck", "--deep", "--json")
    found = json.loads(told)
    assert (code, found["problems"]) == (1, 2)
    assert {each["kind"] for each in found["found"]} == {"missing", "damaged"}

    code, told = run("fsck", "--deep", "--repair")
    assert code == 1
    assert told.count("-> marked as damaged: no other store has a sound copy; send the instance again") == 2

    store(1)
    store(2)
    assert run("fsck", "--deep")[0] == 0


def test_what_the_node_does_by_itself_is_no_problem(run: Run, tmp_path: Path) -> None:
    leftover = tmp_path / "blobs" / "abc" / f"{'abc' + '0' * 61}.dns"
    leftover.write_bytes(b"half")

    assert "(1 too new to tell)" in run("fsck")[1]
    os.utime(leftover, (0, 0))
    code, told = run("fsck")

    assert code == 0
    assert f"leftover: main/{leftover.name}: nobody knows this file -> the sweep of a running node deletes it\n" in told
    assert told.splitlines()[-1].endswith("0 problems, 2 that the node puts in order by itself")
