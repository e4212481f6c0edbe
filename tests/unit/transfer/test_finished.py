"""What earlier imports are done with is remembered, as long as the archive's history is the same."""

from pathlib import Path

import pytest

from vna.archive import JournalMark
from vna.transfer.finished import FinishedUnits
from vna.transfer.units import WholeFile, fingerprint

NOW = JournalMark(7, b"h" * 32)
UNITS = [fingerprint(WholeFile(f"/a/{n}", n, n), "import") for n in range(300)]


def _open(file: Path, *, known: tuple[JournalMark, ...] = (NOW,), mark: JournalMark = NOW) -> FinishedUnits:
    return FinishedUnits(file, known.__contains__, lambda: mark)


def _remember(file: Path, *units: bytes, mark: JournalMark = NOW) -> None:
    finished = _open(file, known=(NOW, mark), mark=mark)
    for unit in units:
        finished.add(unit)
    finished.flush()


def test_what_was_noted_is_known_the_next_time(tmp_path: Path) -> None:
    _remember(tmp_path / "f", *UNITS[:299])
    _remember(tmp_path / "f", UNITS[299])

    finished = _open(tmp_path / "f")

    assert all(finished.holds(unit) for unit in UNITS)
    assert not finished.holds(bytes(16))
    assert not finished.holds(UNITS[0][:8] + UNITS[1][8:])


def test_of_many_most_are_on_file_before_the_end(tmp_path: Path) -> None:
    finished = _open(tmp_path / "f")
    for unit in UNITS:
        finished.add(unit)

    assert sum(map(_open(tmp_path / "f").holds, UNITS)) >= 256


def test_a_block_that_was_cut_short_is_left_out_and_the_file_goes_on(tmp_path: Path) -> None:
    _remember(tmp_path / "f", *UNITS[:2])
    whole = (tmp_path / "f").stat().st_size
    _remember(tmp_path / "f", *UNITS[2:5])
    with (tmp_path / "f").open("r+b") as opened:
        opened.truncate(whole + 60)

    _remember(tmp_path / "f", UNITS[9])

    finished = _open(tmp_path / "f")
    assert [finished.holds(unit) for unit in UNITS[:5]] == [True, True, False, False, False]
    assert finished.holds(UNITS[9])


def test_what_was_done_after_the_archives_backup_is_forgotten(tmp_path: Path) -> None:
    _remember(tmp_path / "f", UNITS[0])
    _remember(tmp_path / "f", UNITS[1], mark=JournalMark(9, b"later".ljust(32)))

    finished = _open(tmp_path / "f")

    assert (finished.holds(UNITS[0]), finished.holds(UNITS[1])) == (True, False)
    assert not _open(tmp_path / "f", known=()).holds(UNITS[0])


@pytest.mark.parametrize(
    "other", [WholeFile("/a/1", 2, 1), WholeFile("/a/1", 1, 2), WholeFile("/b/1", 1, 1)], ids=["size", "time", "path"]
)
def test_a_file_that_has_changed_is_another(other: WholeFile) -> None:
    assert fingerprint(other, "import") != UNITS[1]


def test_a_file_imported_as_anothers_content_is_another() -> None:
    assert fingerprint(WholeFile("/a/1", 1, 1), "PACS_B") != UNITS[1]


def test_names_that_are_no_text_have_fingerprints() -> None:
    assert len(fingerprint(WholeFile("/a/\udcff", 1, 1), "import")) == 16
