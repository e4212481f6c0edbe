"""A log line is one line, whatever a peer puts into it, and says which association it belongs to."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from vna.log_context import ASSOCIATION
from vna.node.logs import JsonLines, TextLines, event_of


def _record(message: str, *arguments: object, exc_info: object = None) -> logging.LogRecord:
    record = logging.LogRecord("vna.dimse", logging.INFO, "x.py", 1, message, arguments, exc_info)  # type: ignore[arg-type]
    record.created, record.process = 0.123, 77
    return record


@pytest.fixture
def association() -> Iterator[str]:
    token = ASSOCIATION.set("abc123")
    yield "abc123"
    ASSOCIATION.reset(token)


def test_text_names_time_level_and_logger() -> None:
    line = TextLines().format(_record("stored study=%s", "1.2"))

    assert line == "1970-01-01T00:00:00.123Z info vna.dimse: stored study=1.2"


def test_a_message_cannot_forge_a_line() -> None:
    line = TextLines().format(_record("peer=%s", "A\n1970 info vna: forged\x1b[2J"))

    assert "\n" not in line
    assert "\x1b" not in line
    assert r"A\n1970" in line


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()], ids=["text", "json"])
def test_a_traceback_is_kept(formatter: logging.Formatter) -> None:
    try:
        raise ZeroDivisionError("why")
    except ZeroDivisionError:
        line = formatter.format(_record("failed", exc_info=sys.exc_info()))

    assert "ZeroDivisionError: why" in line


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()], ids=["text", "json"])
def test_every_line_of_an_association_names_it(formatter: logging.Formatter, association: str) -> None:
    assert association in formatter.format(_record("stored study=%s", "1.2"))


def test_json_is_one_object_with_the_fields_by_name(association: str) -> None:
    record = _record("c-find answered peer=%s answers=%d status=%04X ms=%.1f", "CT1", 3, 0xFE00, 1.26)

    assert json.loads(JsonLines().format(record)) == {
        "time": "1970-01-01T00:00:00.123Z",
        "level": "info",
        "logger": "vna.dimse",
        "process": 77,
        "event": "c-find answered",
        "association": association,
        "fields": {"peer": "CT1", "answers": 3, "status": "FE00", "ms": 1.3},
    }


@pytest.mark.parametrize(
    ("message", "arguments", "text"),
    [
        ("a\nb", (), "a\nb"),
        ("ended pid=%d %s", (7, "SIGKILL"), "ended pid=7 SIGKILL"),
        ("100%% of x=%s", ("y",), "100% of x=y"),
    ],
    ids=["no fields", "a value without a name", "a percent sign"],
)
def test_json_of_other_messages(message: str, arguments: tuple[object, ...], text: str) -> None:
    assert json.loads(JsonLines().format(_record(message, *arguments)))["event"] == text


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ("association rejected address=%s calling=%s", "association rejected"),
        ("peer=%s", ""),
        ("worker %s ended", "worker"),
        ("no arguments", "no arguments"),
    ],
    ids=["fields", "a field alone", "a value", "none"],
)
def test_an_event_is_what_is_the_same_each_time(message: str, event: str) -> None:
    assert event_of(_record(message)) == event


@pytest.mark.long
def test_no_library_quotes_what_is_in_a_data_set() -> None:
    program = """
import logging
from pydicom.dataset import Dataset
from vna.node.logs import start_logging
from vna.settings import LogSettings
start_logging(LogSettings(level="debug"))
Dataset().add_new("StudyTime", "TM", "GEHEIM")
logging.getLogger("vna").info("the end")
"""

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert "the end" in ended.stderr
    assert "GEHEIM" not in ended.stderr
