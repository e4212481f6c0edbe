"""`vna tier`: what it prints, and what it does."""

import json
from functools import partial
from pathlib import Path

import pytest

from administering import Run, store_all
from conformance import phantoms


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Run:
    """What runs `vna tier` where there is one, and the main store is called hot."""
    (tmp_path / "cold").mkdir()
    monkeypatch.setenv("VNA_STORE__NAME", "hot")
    monkeypatch.setenv("VNA_STORE__MIN_FREE_PERCENT", "0")
    monkeypatch.setenv("VNA_STORE__TIERS", f"cold=file://{tmp_path}/cold;codec=smallest;availability=nearline")
    return partial(run, "tier")


@pytest.fixture
def study(run: Run) -> str:
    """A study that is held."""
    (stored,) = store_all([phantoms.ct_slice(size=16)])
    return stored.key.study


def test_a_study_is_moved_shown_and_brought_back(run: Run, study: str) -> None:
    assert run("move", study, "--to", "cold", "--dry-run")[1].startswith("Would copy 1 blob, ")
    code, told, _ = run("move", study, "--to", "cold", "--by", "me")
    assert (code, told.count("1 blob")) == (0, 2)

    code, told, _ = run("show", study, "--json")
    assert (code, json.loads(told)["availability"]) == (0, "nearline")
    assert [(place["store"], place["codecs"]) for place in json.loads(told)["places"]] == [("cold", ["smallest"])]
    stores = {each["store"]: each for each in json.loads(run("list", "--json")[1])}
    assert {name: each["filling"]["studies"] for name, each in stores.items()} == {"hot": 0, "cold": 1}

    assert run("recall", study)[0] == 0
    assert run("drop", study, "--from", "cold")[0] == 0
    assert run("show", study)[1].splitlines()[0] == "ONLINE, 1 blob, no retrieval is known"


def test_what_cannot_be_done_is_told(run: Run, study: str) -> None:
    code, _, problem = run("move", study, "--to", "cold", "--copies", "2")
    assert (code, problem) == (1, "vna: too few would be left elsewhere: 1 sound copy, and 2 have to be\n")
    assert run("copy", study, "--to", "warm")[0] == 1


def test_copies_that_cannot_be_had_are_told_where_the_study_lies_there_already(run: Run, study: str) -> None:
    assert run("move", study, "--to", "cold")[0] == 0

    assert run("move", study, "--to", "cold") == (0, "Nothing was to be done.\n", "")
    code, _, problem = run("move", study, "--to", "cold", "--copies", "5")
    assert (code, problem) == (1, "vna: too few would be left elsewhere: 1 sound copy, and 5 have to be\n")
