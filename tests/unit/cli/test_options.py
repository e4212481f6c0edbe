"""What commands share: dates, and files that people name."""

from datetime import date
from pathlib import Path

import pytest
import typer

from vna.cli.options import parse_day, read_text, write_file
from vna.cli.retention_tables import write_csv


@pytest.mark.parametrize("text", ["31.01.2030", "2030-02-30", "", "0001-01-01", "9999-12-31"])
def test_what_is_no_date_or_too_far_away_is_a_usage_error(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_day(text)


def test_a_date_is_read() -> None:
    assert parse_day("2030-01-31") == date(2030, 1, 31)


def test_a_file_that_cannot_be_read_or_written_is_told_and_ends_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    latin, nowhere = tmp_path / "latin.yaml", tmp_path / "nowhere" / "out"
    latin.write_bytes("médecin".encode("latin-1"))

    with pytest.raises(typer.Exit) as unread:
        read_text(latin)
    with pytest.raises(typer.Exit) as unwritten:
        write_file(nowhere, b"")
    with pytest.raises(typer.Exit) as without_rows, write_csv(nowhere, ["study_uid"]):
        pass

    assert [ended.value.exit_code for ended in (unread, unwritten, without_rows)] == [1, 1, 1]
    assert capsys.readouterr().err.splitlines() == [
        f"vna: {latin} cannot be read: it is no text in UTF-8",
        f"vna: {nowhere} cannot be written: No such file or directory",
        f"vna: {nowhere} cannot be written: No such file or directory",
    ]


def test_a_csv_file_without_rows_has_its_header(tmp_path: Path) -> None:
    with write_csv(tmp_path / "none.csv", ["study_uid", "state"]) as write:
        write([])

    assert (tmp_path / "none.csv").read_bytes() == b"study_uid,state\r\n"
