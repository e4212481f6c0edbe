"""`vna fsck`: what it prints, and what its exit code says."""

import json
import os
from pathlib import Path

import pytest

from administering import Run, store_all
from conformance.phantoms import ct_slice

STUDY = ct_slice().StudyInstanceUID


@pytest.fixture(autouse=True)
def _held(run: Run) -> None:
    """The archive holds two instances."""
    store(1, 2)


def store(*numbers: int) -> None:
    store_all((ct_slice(number=number, size=16) for number in numbers), "PACS")


def test_an_archive_is_checked_damaged_repaired_and_healed(run: Run, tmp_path: Path) -> None:
    assert run("fsck", "--repair")[0] == 0
    code, told, _ = run("fsck")
    assert (code, told) == (
        0,
        "2 files compared with 2 blobs in the index, 1 segment of the journal checked: 0 problems\n",
    )

    lost, altered = sorted(tmp_path.glob("data/blobs/???/*.dns"))
    lost.unlink()
    stored = bytearray(altered.read_bytes())
    stored[-40] ^= 1
    altered.write_bytes(stored)

    code, told, _ = run("fsck")
    assert code == 1
    assert told.splitlines()[0] == (f"missing: main/{lost.name}: its file is missing; 1 instance of study {STUDY}")
    assert told.splitlines()[-1].endswith("1 problem")
    code, told, _ = run("fsck", "--deep", "--json")
    found = json.loads(told)
    assert (code, found["problems"]) == (1, 2)
    assert {each["kind"] for each in found["found"]} == {"missing", "damaged"}

    code, told, _ = run("fsck", "--deep", "--repair")
    assert code == 1
    assert told.count("-> marked as damaged: no other store has a sound copy; send the instance again") == 2

    store(1, 2)
    assert run("fsck", "--deep")[0] == 0


def test_what_the_node_does_by_itself_is_no_problem(run: Run, tmp_path: Path) -> None:
    leftover = tmp_path / "data" / "blobs" / "abc" / f"{'abc' + '0' * 61}.dns"
    leftover.write_bytes(b"half")

    assert "(1 too new to tell)" in run("fsck")[1]
    os.utime(leftover, (0, 0))
    code, told, _ = run("fsck")

    assert code == 0
    assert f"leftover: main/{leftover.name}: nobody knows this file -> the sweep of a running node deletes it\n" in told
    assert told.splitlines()[-1].endswith("0 problems, 2 that the node puts in order by itself")
