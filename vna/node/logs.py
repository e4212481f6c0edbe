"""Where log lines go and what they look like: one event per line, on standard error."""

import logging
import sys
from datetime import UTC, datetime

import orjson

from vna.settings import LogSettings

_TALKATIVE = ("alembic", "asyncio", "pynetdicom", "uvicorn")
"""Libraries whose everyday messages would drown ours."""


def start_logging(settings: LogSettings) -> None:
    """Send the log of the whole process to standard error; called once, by the program that is the process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.format == "json" else TextLines())
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(max(logging.getLogger().level, logging.WARNING))


class TextLines(logging.Formatter):
    """`2026-01-31T12:00:00.123Z info vna.dimse.store: message`, a traceback on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text; control characters in the message cannot start a line of their own."""
        line = f"{_time(record)} {record.levelname.lower()} {record.name}: {_one_line(record.getMessage())}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLines(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a JSON object."""
        fields = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(fields).decode()


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(message: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in message)
