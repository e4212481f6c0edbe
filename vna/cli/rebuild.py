"""`vna rebuild`."""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vna.cli.exits import Exit
from vna.cli.options import AsJson, Config, print_json, read_settings
from vna.console import wording
from vna.node import Rebuild


def rebuild(
    context: typer.Context,
    into: Annotated[str, typer.Option(metavar="URL", help="Database to make: sqlite:///FILE or postgresql://...")],
    tail: Annotated[
        bool, typer.Option("--tail", help="Add what is not sealed yet, from the old index, which must be readable.")
    ] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make an index anew from the sealed journal and the blobs, in an empty database.

    It can be stopped, or die, at any time: run it again and it goes on. Nothing of the archive is changed; to use the
    new index set `index.url`.
    """
    if not into.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        typer.echo("vna: --into must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE", err=True)
        raise typer.Exit(Exit.USAGE)
    work = Rebuild(read_settings(context, config), into)
    columns = (TextColumn("rebuilding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("rebuilding", total=work.sealed)
        reached = work.run(tail=tail, told=lambda position: progress.update(task, completed=position))
    if as_json:
        print_json({"position": reached, "sealed": work.sealed, "eliminated_elsewhere": work.unknown})
        return
    typer.echo(f"Rebuilt up to position {reached}; the journal is sealed up to {work.sealed}.")
    if work.unknown:
        unknown = wording.number(work.unknown, "elimination")
        typer.echo(f"Ledgers list {unknown} that it does not know; a node that starts with it repeats what they list.")
    if not tail:
        typer.echo("What happened after that is in the old index alone: --tail adds it, where that can be read.")
