"""Options that several commands share, and the settings they lead to."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated

import orjson
import typer

from vna import model, settings
from vna.cli.exits import Exit
from vna.settings import Settings

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file (TOML). Default: the file VNA_CONFIG names, if any."),
]
By = Annotated[str, typer.Option(help="Who does this, for the journal. Default: the user of this machine.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]

ACTOR = "vna command line"
"""Who the journal names for what is done here."""
LARGEST_NUMBER = 2**63 - 1
"""No event has a larger number, and no database takes one."""


def read_settings(context: typer.Context, config: Path | None) -> Settings:
    """Read the settings; `--config` may stand before the command or after it.

    Raises:
        StartRefused: they are wrong; the message says where.
    """
    return settings.load(config or context.find_root().params.get("config"))


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())


def parse_day(text: str) -> date:
    """Return the date that an option or argument says, which has `parser=parse_day`.

    Raises:
        typer.BadParameter: it is none, or so far away that no time can be counted from it.
    """
    try:
        return model.parse_day(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc


def named_path(text: str) -> Path:
    """Return the path that an argument names; an empty one names none, though it would stand for this folder."""
    if not text:
        raise typer.BadParameter("an empty path")
    return Path(text)


def folder_path(text: str) -> Path:
    """Return the path that an argument names, of a folder that there is or may be made."""
    path = named_path(text)
    if path.exists() and not path.is_dir():
        raise typer.BadParameter(f"{text!r} is a file")
    return path


def file_path(text: str) -> Path:
    """Return the path that an argument names, of a file that there is or may be made."""
    path = named_path(text)
    if path.is_dir():
        raise typer.BadParameter(f"{text!r} is a folder")
    return path


def existing_path(text: str) -> Path:
    """Return the path that an argument names, of something that there is."""
    path = named_path(text)
    if not path.exists():
        raise typer.BadParameter(f"{text!r} does not exist")
    return path


def user_name() -> str:
    """Return the name of the user of this machine, or the number of one without a name, as in some containers."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def read_text(file: Path) -> str:
    """Return the text of a file in UTF-8, or say why that cannot be and end."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is no text in UTF-8"
        typer.echo(f"vna: {file} cannot be read: {reason}", err=True)
        raise typer.Exit(Exit.PROBLEM) from exc


def write_file(file: Path, data: bytes) -> None:
    """Write a file, or say why that cannot be and end."""
    with told_if_not_written(file):
        file.write_bytes(data)


@contextmanager
def told_if_not_written(file: Path) -> Iterator[None]:
    """Say why a file cannot be written and end, if that is so."""
    try:
        yield
    except OSError as exc:
        typer.echo(f"vna: {file} cannot be written: {exc.strerror}", err=True)
        raise typer.Exit(Exit.PROBLEM) from exc
