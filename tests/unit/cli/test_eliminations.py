"""`vna elimination`, as an administrator types it."""

import csv
import json
import re
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from administering import Run, runner
from eliminating import (
    PERSONS,
    approve,
    bring_into_force,
    certificate_sections,
    now,
    propose,
    store_due,
    store_study,
)
from vna import settings
from vna.archive.certificates import sign_certificate
from vna.cli import eliminations, main
from vna.journal import SigningKey
from vna.node import open_archive, open_sealing_archive


@pytest.fixture
def whole(capsys: pytest.CaptureFixture[str]) -> Run:
    """What runs any command."""
    return runner(capsys)


@pytest.fixture
def run(run: Run) -> Run:
    """What runs `vna elimination` where two studies are due."""
    with closing(open_archive(settings.load())) as archive:
        bring_into_force(archive)
        store_due(archive, 1, 2)
    return partial(run, "elimination")


@pytest.mark.long
def test_from_proposal_to_a_certificate(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("propose", "--modality", "CT", "--by", "Camille", "--json")
    proposed = json.loads(out)
    number = str(proposed["number"])
    assert (code, proposed["state"], len(proposed["items"])) == (0, "proposed", 2)
    assert run("run", number)[0] == 1
    assert f"{number}  {proposed['time'][:10]}  proposed  2 left  Camille" in run("list")[1]

    list_file, paper = tmp_path / "list.csv", tmp_path / "list.pdf"
    assert run("show", number, "--csv", str(list_file), "--pdf", str(paper), "--language", "en")[0] == 0
    with list_file.open(newline="") as file:
        assert [row["study"] for row in csv.DictReader(file)] == [item["study"] for item in proposed["items"]]
    assert paper.read_bytes().startswith(b"%PDF")

    assert run("keep", number, "--item", "2", "--cause", "sample", "--by", "Zoé")[0] == 0
    decide = ("decide", number, "--favourable", "--role")
    assert run(*decide, "records_manager", "--by", "Camille")[0] == 1
    for role, by in list(PERSONS.items())[:2]:
        assert run(*decide, role, "--by", by)[0] == 0
    assert run(*decide, "archives", "--by", "Zoé")[0] == 1
    visa = ("--reference", "AD-25/0417", "--reference-date", "2026-01-31")
    assert "archives: favourable, Zoé" in run(*decide, "archives", "--by", "Zoé", *visa)[1]

    code, out, _ = run("run", number, "--by", "Operator", "--json")
    ran = json.loads(out)
    assert (code, ran["eliminated"], ran["state"], ran["waits_for"]) == (0, 1, "certified", {})
    papers = tmp_path / "papers"
    assert run("certificate", number, "--out", str(papers))[0] == 0
    certificate = papers / f"elimination-{number}.json"
    for language in ("fr", "en"):
        assert (papers / f"elimination-{number}.{language}.pdf").read_bytes().startswith(b"%PDF")

    assert (
        run("verify-certificate", str(certificate), "--key", json.loads(certificate.read_bytes())["public_key"])[0] == 0
    )


def test_of_a_long_list_the_first_items_are_told_and_show_tells_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eliminations, "_SHOWN_AT_MOST", 1)

    proposed = run("propose", "--by", "Camille")[1]
    number = proposed.split()[1].rstrip(",")
    shown = run("show", number)[1]

    assert (proposed.count("  listed  "), shown.count("  listed  ")) == (1, 2)
    assert f"... and 1 more: vna elimination show {number}" in proposed
    assert re.search(r"  2 items, 2 patients, 2 studies, \d+ instances, \d+\.\d kB; 2 items left\n", shown)
    assert "more: vna" not in shown


def test_where_nothing_may_be_proposed_it_is_told_what_was_left_out_and_why(run: Run, whole: Run) -> None:
    whole("hold", "place", "--query", "Modality=CT", "--kind", "inquiry", "--reason", "asked for")

    code, _, problem = run("propose", "--by", "Camille")

    assert (code, problem) == (1, "vna: nothing is due that may be proposed; left out: 2 hold\n")


def test_afterwards_archive_and_journal_are_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VNA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("VNA_STORE__REPLICAS", f"second={(tmp_path / 'second').as_uri()}")
    monkeypatch.setenv("VNA_STORE__TIERS", f"cold={(tmp_path / 'cold').as_uri()};codec=zstd")
    with closing(open_sealing_archive(settings.load())) as archive:
        bring_into_force(archive)
        store_due(archive, 1, 2)
        store_study(archive, 3)
        number = propose(archive, limit=1)
        approve(archive, number)
        ran = archive.executor.run(number, "Operator", now())
    assert (ran.eliminated, ran.standing.state, ran.waits_for) == (1, "certified", {})

    def told(*command: str) -> tuple[int, dict[str, Any]]:
        with pytest.raises(SystemExit) as ended:
            main([*command, "--json"])
        return int(ended.value.code or 0), json.loads(capsys.readouterr().out)

    code, verified = told("verify")
    assert (code, verified["checked"], verified["problems"]) == (0, 4, [])
    code, compared = told("fsck", "--deep")
    assert (code, compared["problems"]) == (0, 0)
    code, sealed = told("journal", "verify")
    assert (code, sealed["sound"]) == (0, True)


def test_a_certificate_is_verified_offline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, file = SigningKey(Ed25519PrivateKey.generate()), tmp_path / "certificate.json"
    file.write_bytes(sign_certificate(certificate_sections(), "2.25.1", key))

    def verify(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["--config", "/nowhere", "elimination", "verify-certificate", str(file), *arguments])
        return int(ended.value.code or 0), *capsys.readouterr()

    assert verify()[0] == 0
    assert verify("--key", key.public)[0] == 0
    assert verify("--key", "00" * 32)[0] == 1
    file.write_bytes(file.read_bytes().replace(b"Person 3", b"Person 4"))
    code, out, err = verify()
    assert (code, "approvals[2]: it was changed" in err, "NOT sound" in out) == (1, True, True)
    faults = json.loads(verify("--json")[1])
    assert (faults["sound"], faults["faults"][0]["where"]) == (False, "approvals[2]")


def test_one_that_is_cancelled_is_over(run: Run) -> None:
    number = str(json.loads(run("propose", "--limit", "1", "--json")[1])["number"])

    assert "cancelled" in run("cancel", number, "--comment", "not yet")[1]

    assert run("list")[1] == "No elimination is open.\n"
    assert [each["state"] for each in json.loads(run("list", "--all", "--json")[1])] == ["cancelled"]
    assert run("show", "99")[0] == 1
    assert run("certificate", number, "--out", ".")[0] == 1
    assert run("keep", number, "--item", "7", "--cause", "other")[0] == 1
    assert run("show", number, "--language", "de")[0] == 2
