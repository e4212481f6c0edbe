"""Options that several commands share, and the settings they lead to."""

import os
import pwd
from datetime import date
from pathlib import Path
from typing import Annotated

import orjson
import typer

from vna import settings
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
        typer.BadParameter: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise typer.BadParameter("a date is written as YYYY-MM-DD") from exc


def user_name() -> str:
    """Return the name of the user of this machine, or the number of one without a name, as in some containers."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def write_file(file: Path, data: bytes) -> None:
    """Write a file, or say why that cannot be and end."""
    try:
        file.write_bytes(data)
    except OSError as exc:
        typer.echo(f"vna: {file} cannot be written: {exc.strerror}", err=True)
        raise typer.Exit(Exit.PROBLEM) from exc
