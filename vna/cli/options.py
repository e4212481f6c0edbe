"""Options that several commands share, and the settings they lead to."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from vna import settings
from vna.settings import Settings

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file (TOML). Default: the file VNA_CONFIG names, if any."),
]
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
