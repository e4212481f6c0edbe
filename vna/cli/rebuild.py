"""`vna rebuild`."""

from collections.abc import Iterator
from typing import Annotated, Any

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

    Exit code 1: there is no journal, or it lacks what was sealed once; what is left of it was entered.
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
    if not reached:
        typer.echo("vna: nothing is sealed here: there is nothing to make an index of", err=True)
        raise typer.Exit(Exit.PROBLEM)
    if as_json:
        print_json(_told(work, reached))
    else:
        typer.echo("\n".join(_lines(work, reached)))
    if work.lost is not None:
        raise typer.Exit(Exit.PROBLEM)


def _told(work: Rebuild, reached: int) -> dict[str, Any]:
    lost = None if work.lost is None else work.lost.reason
    positions = {"position": reached, "began": work.began, "sealed": work.sealed}
    return {**positions, "behind": work.behind, "lost": lost, "eliminated_elsewhere": work.unknown}


def _lines(work: Rebuild, reached: int) -> Iterator[str]:
    sealed = f"the journal is sealed up to {work.sealed}."
    if work.began and work.began == reached:
        yield f"Nothing was entered: it holds what happened up to position {reached} already; {sealed}"
    else:
        yield f"Rebuilt {f'from position {work.began} ' if work.began else ''}up to position {reached}; {sealed}"
    if work.lost is not None:
        yield f"The journal lost its end: {work.lost.reason}. A node does not start on what is left."
    if work.unknown:
        unknown = wording.number(work.unknown, "elimination")
        yield f"Ledgers list {unknown} that it does not know; a node that starts with it repeats what they list."
    if work.behind is None:
        yield "What happened after that would be in the old index, which cannot be read."
    elif work.behind:
        yield f"{wording.number(work.behind, 'event')} after that in the old index alone: --tail adds what is there."
