"""`vna reject`, `vna rejected` and `vna restore-rejected`, as an administrator types them."""

import json

import pytest

from administering import Run, store_all
from conformance.phantoms import ct_slice, mr_slice
from vna.cli.options import user_name

ELSEWHERE = ct_slice(number=1, size=16)
ELSEWHERE.StudyInstanceUID = "1.2.3"
SLICES = [*(ct_slice(number=number, size=16) for number in (1, 2)), mr_slice(), ELSEWHERE]
STUDY, SERIES = SLICES[0].StudyInstanceUID, SLICES[0].SeriesInstanceUID
QUALITY = ("--reason", "quality")


@pytest.fixture(autouse=True)
def _held(run: Run) -> None:
    """The archive holds three studies."""
    store_all(SLICES)


def holds(run: Run) -> dict[str, int]:
    told = json.loads(run("status", "--json")[1])["holds"]
    return {name: told[name] for name in ("studies", "instances", "rejected", "position")}


def test_a_study_is_rejected_listed_and_restored(run: Run) -> None:
    code, out, _ = run("reject", "--study", STUDY, *QUALITY, "--comment", "moved", "--by", "dupont", "--yes")

    assert code == 0
    assert f"Hides 2 instances in 1 series (CT) of study {STUDY}" in out
    (listed,) = json.loads(run("rejected", "--json")[1])
    assert (listed["reason"], listed["reason_code"], listed["actor"]) == ("quality", "113001", "dupont")
    assert (listed["scope"], listed["instances"]) == ({"study": STUDY, "series": None, "instance": None}, 2)
    assert listed["comment"] == "moved"
    assert f"vna restore-rejected {listed['number']}" in out
    assert (holds(run)["studies"], holds(run)["instances"], holds(run)["rejected"]) == (2, 2, 2)
    assert "2 instances rejected" in run("status")[1]
    line = run("rejected")[1]
    assert f'{listed["number"]}  {listed["time"][:19]}Z  dupont  quality  2 instances  study {STUDY}  "moved"' in line

    code, out, _ = run("restore-rejected", str(listed["number"]))

    assert code == 0
    assert "Shown now: 2 instances" in out
    assert run("rejected")[1] == "Nothing is rejected.\n"
    assert (holds(run)["instances"], holds(run)["rejected"]) == (4, 0)


def test_nothing_is_changed_by_looking(run: Run) -> None:
    before = holds(run)

    code, out, _ = run("reject", "--study", STUDY, *QUALITY, "--dry-run")

    assert code == 0
    assert f"Would hide 2 instances in 1 series (CT) of study {STUDY}" in out
    assert holds(run) == before


@pytest.mark.parametrize(("answer", "code"), [(True, 0), (False, 1)], ids=["yes", "no"])
def test_it_asks_first(run: Run, monkeypatch: pytest.MonkeyPatch, answer: bool, code: int) -> None:
    monkeypatch.setattr("typer.confirm", lambda _question: answer)

    ended, out, _ = run("reject", "--study", STUDY, *QUALITY)

    assert ended == code
    assert ("Nothing was changed." in out) == (not answer)
    assert holds(run)["rejected"] == (2 if answer else 0)


def test_a_series_or_instance_in_two_studies_needs_its_study(run: Run) -> None:
    instance = SLICES[0].SOPInstanceUID
    for level, uid in (("--series", SERIES), ("--instance", instance)):
        code, _, told = run("reject", level, uid, *QUALITY, "--yes")
        assert code == 1
        assert "held 2 times, say which" in told

    assert run("reject", "--study", "1.2.3", "--instance", instance, *QUALITY, "--yes")[0] == 0
    assert holds(run)["rejected"] == 1
    assert run("restore-rejected", "--study", "1.2.3", "--instance", instance)[0] == 0
    assert holds(run)["rejected"] == 0


def test_who_rejects_is_the_user_of_the_machine_unless_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("reject", "--study", STUDY, *QUALITY, "--yes")
    monkeypatch.setattr("pwd.getpwuid", lambda _uid: (_ for _ in ()).throw(KeyError("no name")))
    run("reject", "--study", "1.2.3", *QUALITY, "--yes")

    first, second = json.loads(run("rejected", "--json")[1])

    monkeypatch.undo()
    assert first["actor"] == user_name()
    assert second["actor"].startswith("uid ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("reject", *QUALITY),
        ("reject", "--study", STUDY),
        ("reject", "--study", STUDY, "--reason", "dislike"),
        ("restore-rejected",),
        ("restore-rejected", "5", "--study", STUDY),
        ("restore-rejected", "five"),
    ],
    ids=["nothing-named", "no-reason", "other-reason", "restore-nothing", "restore-both", "no-number"],
)
def test_a_wrong_command_line_is_a_usage_error(run: Run, arguments: tuple[str, ...]) -> None:
    code, _, told = run(*arguments)

    assert code == 2
    assert "Usage:" in told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("reject", "--study", "9.9", *QUALITY), "nothing is held of study 9.9"),
        (("restore-rejected", "77"), "no rejection 77 stands"),
        (("restore-rejected", "--study", "9.9"), "nothing is held of study 9.9"),
    ],
    ids=["unknown-study", "unknown-number", "restore-unknown-study"],
)
def test_what_is_not_there_is_told_in_a_sentence(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    code, _, told = run(*arguments)

    assert code == 1
    assert told.startswith(f"vna: {sentence}")


def test_restoring_a_study_of_which_a_part_is_rejected_names_the_part(run: Run) -> None:
    run("reject", "--study", STUDY, "--series", SERIES, *QUALITY, "--yes")
    (listed,) = json.loads(run("rejected", "--json")[1])

    code, _, told = run("restore-rejected", "--study", STUDY)

    assert code == 1
    assert f"{listed['number']}, of study {STUDY} series {SERIES}" in told


def test_rejecting_again_is_a_problem(run: Run) -> None:
    run("reject", "--study", STUDY, *QUALITY, "--yes")

    code, _, told = run("reject", "--study", STUDY, *QUALITY, "--yes")

    assert code == 1
    assert "is rejected already" in told
