"""`vna hold` and `vna patient`, as an administrator types them."""

import json
from pathlib import Path

import pytest

from administering import Run, store_all
from conformance.phantoms import ct_slice

SLICE = ct_slice(number=1, size=16)
STUDY, SERIES, PATIENT = SLICE.StudyInstanceUID, SLICE.SeriesInstanceUID, SLICE.PatientID
WHY = ("--kind", "inquiry", "--reason", "prosecutor asks")


@pytest.fixture(autouse=True)
def _held(run: Run) -> None:
    """The archive holds a study."""
    store_all([SLICE])


def test_a_hold_is_placed_listed_and_released_by_another_person(run: Run) -> None:
    code, out, _ = run("hold", "place", "--study", STUDY, *WHY, "--case", "12/34", "--by", "anne")

    assert code == 0
    (hold,) = json.loads(run("hold", "list", "--json")[1])
    number = str(hold["number"])
    assert f"Placed hold {number} on study {STUDY}" in out
    assert "It covers 1 study held now." in out
    assert (hold["actor"], hold["case_number"], hold["reason"]) == ("anne", "12/34", "prosecutor asks")
    assert 'anne  case 12/34  "prosecutor asks"' in run("hold", "list")[1]
    code, _, err = run("hold", "release", number, "--reason", "closed", "--by", "Anne")
    assert (code, "another one has to release it" in err) == (1, True)
    run("hold", "place", "--patient", PATIENT, *WHY, "--by", "anne")
    code, out, _ = run("hold", "release", number, "--reason", "closed", "--by", "bruno")
    assert code == 0
    assert "stays under hold" in out
    assert "(does not stand)" in run("hold", "list", "--all")[1]
    assert "by bruno: closed" in run("hold", "show", number)[1]
    assert run("hold", "release", number, "--reason", "closed", "--by", "bruno")[0] == 1


def test_what_is_held_is_said(run: Run) -> None:
    def placed(*what: str) -> str:
        return run("hold", "place", *what, *WHY, "--from", "2026-01-02", "--until", "2999-01-02")[1]

    assert f"on series {SERIES} of study {STUDY}, from 2026-01-02 until 2999-01-02" in placed("--series", SERIES)
    assert f"on patient {PATIENT} of CT1, from" in placed("--patient", PATIENT)
    keys = ("--query", "Modality=CT", "--query", f"PatientID={PATIENT}")
    assert f"on what matches Modality=CT PatientID={PATIENT}, from" in placed(*keys)
    for hold in json.loads(run("hold", "list", "--json")[1]):
        shown = json.loads(run("hold", "show", str(hold["number"]), "--json")[1])
        assert [found["study"] for found in shown["covers"]] == [STUDY]


REFUSED = [
    (("--study", "1.2", "--patient", PATIENT), 1, "one thing"),
    ((), 1, "one thing"),
    (("--series", "1.2.3"), 1, "nothing is held of series 1.2.3"),
    (("--query", "Modality"), 2, "KEYWORD=VALUE"),
    (("--query", "Nonsense=1"), 1, "Nonsense"),
    (("--study", "1.2", "--from", "tomorrow"), 2, "YYYY-MM-DD"),
    (("--study", "1.2", "--until", "2001-01-01"), 1, "ends on its first day or later"),
]


def test_what_cannot_be_held_is_refused(run: Run) -> None:
    for arguments, code, said in REFUSED:
        ended, _, err = run("hold", "place", *arguments, *WHY)
        assert (ended, said in err) == (code, True), err

    assert run("hold", "list", "--all")[1] == "Nothing is held.\n"


def test_events_of_a_patient_are_recorded_listed_and_withdrawn(run: Run) -> None:
    code, out, _ = run("patient", "add-event", PATIENT, "visit", "2020-05-04", "--establishment", "75001")

    assert code == 0
    assert "Nothing is held of this patient yet" not in out
    (event,) = json.loads(run("patient", "events", PATIENT, "--json")[1])
    assert (event["kind"], event["date"], event["issuer"]) == ("visit", "2020-05-04", "CT1")
    assert "visit  at 75001  cli" in run("patient", "events", PATIENT)[1]
    again = run("patient", "add-event", PATIENT, "visit", "2020-05-04", "--establishment", "75001")
    assert (again[0], "nothing is added" in again[1]) == (0, True)
    code, _, err = run("patient", "add-event", PATIENT, "death", "2019-01-01")
    assert (code, "after this death" in err) == (1, True)
    assert run("patient", "withdraw", str(event["number"]), "--reason", "another one")[0] == 0
    assert "(withdrawn)" in run("patient", "events", PATIENT)[1]
    out = run("patient", "add-event", "NEW", "visit", "2020-05-04", "--issuer", "CT1")[1]
    assert "Nothing is held of this patient yet." in out


def test_a_file_of_events_is_imported(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(f"patient_id;kind;date\n{PATIENT};visit;20200504\n{PATIENT};visit;never\n", encoding="utf-8")

    dry = json.loads(run("patient", "import", str(path), "--dry-run", "--json")[1])
    code, out, err = run("patient", "import", str(path))

    assert (dry["recorded"], dry["dry_run"], [line["number"] for line in dry["refused"]]) == (1, True, [3])
    assert code == 1
    assert "line 3: the date is no date" in err
    assert "recorded 1, known before 0, refused 1; 0 patients without images." in out


def test_a_number_that_no_event_has_is_a_usage_error(run: Run) -> None:
    assert [run(*command, str(2**63))[0] for command in (("hold", "show"), ("elimination", "show"))] == [2, 2]
