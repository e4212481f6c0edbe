"""Where log lines go and what they look like: one event per line, on standard error.

Code logs with the standard library and names its fields in the message, `"association accepted peer=%s"`; from that
comes a line of text as well as an object with the fields by name. Every line says which association it belongs to.
Fields are UIDs, digests, AE titles, addresses and counts, never a patient's data.
"""

import logging
import re
import sys
import warnings
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from vna.log_context import ASSOCIATION
from vna.settings import LogSettings

_TALKATIVE = ("alembic", "asyncio", "pynetdicom", "uvicorn")
"""Libraries whose everyday messages would drown ours."""
_QUOTING = ("pydicom",)
"""Libraries whose messages and warnings quote the values they are about, names of patients among them."""

_CONVERSION: Final = re.compile(r"%(?!%)")
_FIELD: Final = re.compile(r"(?:^| )(\w+)=(%[-#0 +]*[\d.]*[a-zA-Z])")


def start_logging(settings: LogSettings) -> None:
    """Send the log of the whole process to standard error; called once, by the program that is the process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.format == "json" else TextLines())
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(max(logging.getLogger().level, logging.WARNING))
    for library in _QUOTING:
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
        warnings.filterwarnings("ignore", module=library)


class TextLines(logging.Formatter):
    """`2026-01-31T12:00:00.123Z info vna.dimse.store: message association=ID`, a traceback on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text; control characters in the message cannot start a line of their own."""
        line = f"{_time(record)} {record.levelname.lower()} {record.name}: {one_line(record)}"
        if association := ASSOCIATION.get():
            line += f" association={association}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLines(logging.Formatter):
    """One JSON object per line: time, level, logger, process, event, and where there are any association and fields.

    `event` is the message up to its first field, `fields` holds these by name; a message whose fields are not named
    is the event as it is. A traceback is one more text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a JSON object."""
        event, fields = _taken_apart(record)
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "event": event,
        }
        if association := ASSOCIATION.get():
            line["association"] = association
        if fields:
            line["fields"] = fields
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def one_line(record: logging.LogRecord) -> str:
    """Return the message with control characters written out, so that it is one line."""
    message = record.getMessage()
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in message)


def event_of(record: logging.LogRecord) -> str:
    """Return what happened, as the code names it, without what differs from time to time.

    >>> event_of(logging.LogRecord("vna", 20, "x.py", 1, "association accepted peer=%s", ("CT1",), None))
    'association accepted'
    """
    message = str(record.msg)
    first = _FIELD.search(message) or _CONVERSION.search(message)
    return message[: first.start()].strip() if first else message


def _taken_apart(record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
    """Return the event and its fields; a message that is not made of fields is all event."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    found = _FIELD.findall(str(record.msg))
    if not found or len(found) != len(arguments) or len(found) != len(_CONVERSION.findall(str(record.msg))):
        return record.getMessage(), {}
    pairs = zip(found, arguments, strict=True)
    return event_of(record), {name: _field(conversion, value) for (name, conversion), value in pairs}


def _field(conversion: str, value: object) -> object:
    """Numbers stay numbers; what the text shows in hexadecimal, such as a DIMSE status, is shown so here too."""
    if conversion[-1] in "xX":
        return conversion % value
    if conversion[-1] == "f":
        return float(conversion % value)
    return value if isinstance(value, int | float | bool) else str(value)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
