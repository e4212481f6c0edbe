"""A log line is one line, whatever a peer puts into it."""

import json
import logging
import sys

import pytest

from vna.node.logs import JsonLines, TextLines


def _record(message: str, *arguments: object, exc_info: object = None) -> logging.LogRecord:
    record = logging.LogRecord("vna.dimse", logging.INFO, "x.py", 1, message, arguments, exc_info)  # type: ignore[arg-type]
    record.created = 0.123
    return record


def test_text_names_time_level_and_logger() -> None:
    line = TextLines().format(_record("stored study=%s", "1.2"))

    assert line == "1970-01-01T00:00:00.123Z info vna.dimse: stored study=1.2"


def test_a_message_cannot_forge_a_line() -> None:
    line = TextLines().format(_record("peer=%s", "A\n1970 info vna: forged\x1b[2J"))

    assert "\n" not in line
    assert "\x1b" not in line
    assert r"A\n1970" in line


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()])
def test_a_traceback_is_kept(formatter: logging.Formatter) -> None:
    try:
        raise ZeroDivisionError("why")
    except ZeroDivisionError:
        line = formatter.format(_record("failed", exc_info=sys.exc_info()))

    assert "ZeroDivisionError: why" in line


def test_json_is_one_object() -> None:
    assert json.loads(JsonLines().format(_record("a\nb"))) == {
        "time": "1970-01-01T00:00:00.123Z",
        "level": "info",
        "logger": "vna.dimse",
        "message": "a\nb",
    }
