"""`vna retention`, as an administrator types it."""

import csv
import json
from contextlib import closing
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from administering import Run, store_all
from conformance.phantoms import ct_slice
from retaining import verified
from vna import settings
from vna.cli import retention
from vna.events import FactKind, PatientFact
from vna.node import open_archive

STUDIES = {"1.2.1": "20040315", "1.2.2": "20200315"}


@pytest.fixture
def run(run: Run) -> Run:
    """What runs `vna retention` where two studies of two patients are held."""
    slices = [ct_slice(number=1, size=16) for _ in STUDIES]
    for number, (ds, (uid, day)) in enumerate(zip(slices, STUDIES.items(), strict=True)):
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = uid, f"{uid}.1", f"{uid}.1.1"
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.PatientID, ds.StudyDate, ds.PatientBirthDate = f"P{number}", day, "19500101"
    store_all(slices)
    with closing(open_archive(settings.load())) as archive:
        archive.patients.add(PatientFact("CT1", "P0", FactKind.VISIT, "2004-03-15", feed="csv"), "anne")
    return partial(run, "retention")


@pytest.fixture
def in_force(run: Run, tmp_path: Path) -> Run:
    (tmp_path / "site.yaml").write_text(verified(), encoding="utf-8")
    assert run("profiles", "propose", str(tmp_path / "site.yaml"), "--by", "anne")[0] == 0
    (number,) = [each["number"] for each in json.loads(run("profiles", "list", "--json")[1])["proposed"]]
    assert run("profiles", "activate", str(number), "--by", "bob")[0] == 0
    assert run("recompute") == (0, "Computed 2 studies.\n", "")
    return run


def test_a_profile_is_checked_proposed_and_activated_by_two(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(verified().replace("keep: {years: 20}", "kept: {years: 20}"), encoding="utf-8")

    code, _, err = run("profiles", "check", str(wrong))
    assert (code, "line " in err, "kept" in err) == (1, True, True)
    assert run("profiles", "propose", str(wrong), "--by", "anne")[0] == 1
    code, out, _ = run("profiles", "propose", "fr-csp-public", "--by", "anne")
    number = out.partition("number ")[2].partition(",")[0]
    assert (code, f"activate {number}" in out) == (0, True)
    code, _, err = run("profiles", "activate", number, "--by", "Anne")
    assert (code, "another person" in err) == (1, True)
    assert run("profiles", "activate", number, "--by", "bob")[0] == 0
    assert "in force since" in run("profiles", "list")[1]
    assert "by nobody" in run("profiles", "show", "fr-csp-public")[1]
    exported = run("profiles", "export", number)[1]
    assert exported == run("profiles", "export", "fr-csp-public")[1]
    assert run("profiles", "show", "nothing")[0] == 1
    assert run("profiles", "propose", "nothing")[0] == 2


def test_who_proposes_a_profile_is_told_which_tier_rules_cannot_be_followed_here(run: Run, tmp_path: Path) -> None:
    profile = tmp_path / "site.yaml"
    text = (
        "profile: site\nversion: '1'\nrules:\n- {id: A, start: study_date, keep: {years: 1}, cite: policy}\n"
        "tiers:\n  rules:\n"
        "  - {id: AWAY, action: copy, from: main, to: nowhere, cite: policy}\n"
        "  - {id: ANEW, action: reencode, from: main, codec: smallest, cite: policy}\n"
        "  - {id: IDLE, enabled: false, action: copy, from: main, to: nowhere, cite: policy}\n"
    )
    profile.write_text(text, encoding="utf-8")

    code, _, err = run("profiles", "propose", str(profile), "--by", "anne")

    assert (code, err.count("cannot be followed here")) == (0, 2)
    assert "AWAY cannot be followed here: there is no store nowhere; there are main" in err
    assert "ANEW cannot be followed here: store main writes dense, and the rule wants smallest" in err


def test_a_study_is_explained(in_force: Run) -> None:
    code, out, _ = in_force("explain", "1.2.1", "--on", "2026-11-22")

    assert code == 0
    assert "kept until 2024-03-15; on 2026-11-22 due, basis visits" in out
    assert "FR-BASE-20: last_visit 2004-03-15 -> 2024-03-15  [CSP R.1112-7 al.3]" in out
    assert "communicable to anybody after" in out
    told = json.loads(in_force("explain", "1.2.2", "--on", "2041-01-01", "--json")[1])
    assert told["communicable"]["start_event"] == "birth"
    assert (told["state"], told["basis"]) == ("blocked:basis", "imaging-only")
    assert told["why_not"] == ["no visit is known: the basis is imaging only"]
    assert told["rules"][0]["cite"] == "CSP R.1112-7 al.3"
    assert in_force("explain", "1.2.9")[0] == 1
    assert in_force("explain", "1.2.1", "--on", "tomorrow")[0] == 2


def test_another_profile_is_simulated(in_force: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shorter, rows = tmp_path / "shorter.yaml", tmp_path / "rows.csv"
    shorter.write_text(verified(version="2", **{"years: 20": "years: 5"}), encoding="utf-8")
    asked = ("simulate", "--date", "2026-01-01", "--profile", str(shorter))

    told = json.loads(in_force(*asked, "--json")[1])
    code, out, _ = in_force(*asked, "--csv", str(rows))

    assert told["past_end"]["FR-BASE-20"]["studies"] == 2
    assert (told["states"], told["earlier"]) == ({"due": 1, "blocked:basis": 1}, 2)
    assert (code, "earlier: 2, later: 0" in out) == (0, True)
    assert "are shown" not in out  # both are
    monkeypatch.setattr(retention, "_SHOWN_AT_MOST", 1)
    assert "The first 1 of 2 are shown" in in_force(*asked)[1]
    with rows.open(encoding="utf-8", newline="") as file:
        written = {row["study_uid"]: row for row in csv.DictReader(file)}
    assert (written["1.2.2"]["state"], written["1.2.2"]["state_before"]) == ("blocked:basis", "retained")
    assert (written["1.2.1"]["retain_until"], written["1.2.1"]["differs"]) == ("2009-03-15", "True")
    assert json.loads(in_force("explain", "1.2.1", "--json")[1])["retain_until"] == "2024-03-15"


def test_the_report_is_told_written_and_drawn(in_force: Run, tmp_path: Path) -> None:
    rows, overdue, chart = tmp_path / "rows.csv", tmp_path / "overdue.csv", tmp_path / "chart.svg"

    code, out, _ = in_force("report", "--on", "2026-11-22", "--csv", str(rows), "--chart", str(chart))
    told = json.loads(in_force("report", "--on", "2026-11-22", "--studies", "--json")[1])
    in_force("report", "--on", "2026-11-22", "--studies", "--csv", str(overdue))

    assert (code, "Overdue: 1 study." in out) == (0, True)
    assert "  due                              1  its time is over, and nothing stands against elimination\n" in out
    assert rows.read_text().splitlines() == ["modality,year,state,studies", "CT,2024,due,1", "CT,2040,retained,1"]
    assert told["overdue"]["FR-BASE-20"]["older"] == 1
    assert [each["study_uid"] for each in told["overdue_studies"]] == ["1.2.1"]
    assert overdue.read_text().splitlines()[1] == "1.2.1,2024-03-15,due,FR-BASE-20 FR-MINOR-28,CT"
    texts = [each.text for each in ET.parse(chart).iter("{http://www.w3.org/2000/svg}title")]
    assert texts == ["2024 CT: 1", "2040 CT: 1"]
