"""`vna limit`, as an administrator types it."""

import json
from pathlib import Path

import pytest

from administering import Run, store_all
from conformance.phantoms import ct_slice, data_set_bytes
from vna.dicom.part10 import find_data_set

SLICES = [ct_slice(number=number, size=16) for number in (1, 2)]
STUDY, SERIES = SLICES[0].StudyInstanceUID, SLICES[0].SeriesInstanceUID
REASON = ("--reason", "asked for by MARTIN", "--by", "anne")


@pytest.fixture(autouse=True)
def _held(run: Run) -> None:
    """The archive holds a study."""
    store_all(SLICES)


def exported(run: Run, to: Path) -> int:
    """Return how many files an export of everything writes."""
    run("export", "--all", "--to", str(to))
    return sum(path.is_file() for path in to.rglob("*"))


def test_what_is_limited_is_listed_not_exported_and_comes_back(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("limit", "place", "--study", STUDY, *REASON)
    listed = run("limit", "list")[1]
    (limitation,) = json.loads(run("limit", "list", "--json")[1])
    status = json.loads(run("status", "--json")[1])["holds"]
    hidden = exported(run, tmp_path / "hidden")
    lifted, told, _ = run("limit", "lift", str(limitation["number"]), "--reason", "settled")

    assert (code, lifted) == (0, 0)
    assert f"Limited, as number {limitation['number']}: 2 instances of study {STUDY}" in out
    assert (limitation["actor"], limitation["reason"]) == ("anne", "asked for by MARTIN")
    assert "anne  2 instances" in listed
    assert (status["studies"], status["instances"], status["rejected"], status["limited"]) == (0, 0, 0, 2)
    assert (hidden, exported(run, tmp_path / "shown")) == (0, 2)
    assert "stands no longer" in told
    assert "Nothing is limited." in run("limit", "list")[1]


def test_breaking_the_glass_writes_the_files_and_stands_in_the_journal(run: Run, tmp_path: Path) -> None:
    run("limit", "place", "--series", SERIES, *REASON)

    code, out, _ = run("limit", "open", "--study", STUDY, "--reason", "emergency", "--to", str(tmp_path / "out"))

    assert code == 0
    assert "2 instances of study" in out
    files = sorted((tmp_path / "out" / STUDY / SERIES).iterdir())
    assert [path.name for path in files] == sorted(f"{ds.SOPInstanceUID}.dcm" for ds in SLICES)
    by_name = {f"{ds.SOPInstanceUID}.dcm": data_set_bytes(ds) for ds in SLICES}
    for path in files:
        data = path.read_bytes()
        assert data[find_data_set(data).length :] == by_name[path.name]
    tail = run("journal", "tail")[1]
    assert "glass-broken" in tail
    assert "emergency" not in tail
    assert "MARTIN" not in tail


def test_breaking_the_glass_twice_keeps_what_is_there_and_touches_no_other_file(run: Run, tmp_path: Path) -> None:
    run("limit", "place", "--series", SERIES, *REASON)
    glass = ("limit", "open", "--study", STUDY, "--reason", "emergency", "--to", str(tmp_path / "out"))
    run(*glass)
    first, second = sorted((tmp_path / "out" / STUDY / SERIES).iterdir())
    first.write_bytes(b"notes of somebody")
    before = second.stat().st_ino

    code, out, error = run(*glass)

    assert (code, first.read_bytes(), second.stat().st_ino) == (1, b"notes of somebody", before)
    assert "1 instance of study" in out
    assert "not of this instance" in error


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("place", "--study", STUDY, "--reason", " "), 2),
        (("place", "--reason", "r"), 2),
        (("place", "--study", "1.2.3", "--reason", "r"), 1),
        (("lift", "99", "--reason", "r"), 1),
        (("open", "--study", STUDY, "--reason", "r", "--to", "nowhere"), 1),
    ],
    ids=["no-reason", "no-scope", "not-held", "not-standing", "not-limited"],
)
def test_what_cannot_be_done_is_refused(run: Run, arguments: tuple[str, ...], code: int) -> None:
    answer = run("limit", *arguments)

    assert answer[0] == code
    assert answer[2]


def test_the_same_twice_is_refused(run: Run) -> None:
    run("limit", "place", "--study", STUDY, *REASON)

    code, _, error = run("limit", "place", "--study", STUDY, *REASON)

    assert code == 1
    assert "limited already" in error
