"""The commands put together, and the one place where an error becomes a message and an exit code."""

import sys
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

import vna
from vna.cli import (
    config,
    eliminations,
    export,
    fsck,
    holds,
    import_,
    journal,
    lifecycle,
    limits,
    patients,
    peers,
    rebuild,
    receipt,
    rejections,
    retention,
    serve,
    status,
    tiers,
    verify,
    viewer,
)
from vna.cli.exits import HELP, Exit
from vna.cli.options import Config
from vna.errors import VnaError

app = typer.Typer(
    name="vna",
    help="A DICOM archive: takes studies over the network, keeps them as they came, gives them back.",
    epilog=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve", epilog=HELP)(serve.serve)
app.command("status", epilog=HELP)(status.status)
app.add_typer(peers.app, name="peers")
app.command("verify", epilog=HELP)(verify.verify)
app.command("fsck", epilog=HELP)(fsck.fsck)
app.command("receipt", epilog=HELP)(receipt.receipt)
app.command("reject", epilog=HELP)(rejections.reject)
app.command("rejected", epilog=HELP)(rejections.rejected)
app.command("restore-rejected", epilog=HELP)(rejections.restore_rejected)
app.command("import", epilog=HELP)(import_.import_files)
app.command("export", epilog=export.EPILOG)(export.export_files)
app.add_typer(patients.app, name="patient")
app.add_typer(holds.app, name="hold")
app.add_typer(limits.app, name="limit")
app.add_typer(retention.app, name="retention")
app.add_typer(eliminations.app, name="elimination")
app.add_typer(tiers.app, name="tier")
app.add_typer(lifecycle.app, name="lifecycle")
app.add_typer(journal.app, name="journal")
app.command("rebuild", epilog=HELP)(rebuild.rebuild)
app.add_typer(viewer.app, name="viewer")
app.add_typer(config.app, name="config")


def main(arguments: list[str] | None = None) -> None:
    """Run one command, as `vna.cli.main` says."""
    try:
        _command()(args=arguments, prog_name="vna")
    except VnaError as exc:
        for line in str(exc).splitlines():
            typer.echo(f"vna: {line}", err=True)
        sys.exit(Exit.PROBLEM)


@cache
def _command() -> Callable[..., object]:
    """Return all commands; to build them takes as long as many of them run."""
    command = get_command(app)
    _reflow(command)
    return command


def _reflow(command: Any) -> None:
    """Make each paragraph of the help one line, so that it is broken where the terminal ends, and nowhere else."""
    command.help = "\n\n".join(" ".join(each.split()) for each in (command.help or "").split("\n\n"))
    for below in command.commands.values() if isinstance(command, TyperGroup) else ():
        _reflow(below)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vna {vna.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    config: Config = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before the command; `options.read_settings` looks here."""
