"""`vna fsck`."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from vna.archive import Discrepancy, Fsck, Tally
from vna.cli.exits import Exit
from vna.cli.options import AsJson, Config, print_json, read_settings
from vna.console.wording import number
from vna.node import open_fsck


def fsck(
    context: typer.Context,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every stored byte; without it, files are compared by their sizes.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Put right what can be put right; nothing is ever deleted by it.")
    ] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Compare index, journal and stores with each other: what is missing, damaged, lost, or left over.

    The node may run meanwhile. Exit code 1: something is wrong, and still is. What a node puts in order by itself is
    told, and is no problem.
    """
    found: list[Discrepancy] = []
    with closing(open_fsck(read_settings(context, config), deep=deep, repair=repair)) as check:
        for each in _with_progress(check):
            found.append(each)
            if not as_json:
                typer.echo(_line(each))
        tally = check.tally
    problems = sum(each.is_problem for each in found)
    if as_json:
        print_json({**asdict(tally), "problems": problems, "found": [_told(each) for each in found]})
    else:
        typer.echo(_summary(tally, found, problems))
    if problems:
        raise typer.Exit(Exit.PROBLEM)


def _with_progress(check: Fsck) -> Iterator[Discrepancy]:
    """Show how far it is, on standard error, where a person looks at it."""
    columns = (TextColumn("checking"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("checking", total=1.0)
        yield from check.run(lambda share: progress.update(task, completed=share))


def _line(found: Discrepancy) -> str:
    needed = f"; {number(found.instances, 'instance')} of study {found.study}" if found.instances else ""
    done = f" -> {found.repair}" if found.repair else ""
    return f"{found.kind.value}: {found.subject}: {found.problem}{needed}{done}"


def _told(found: Discrepancy) -> dict[str, Any]:
    return {**asdict(found), "kind": found.kind.value, "is_problem": found.is_problem}


def _summary(tally: Tally, found: list[Discrepancy], problems: int) -> str:
    repaired = sum(each.is_repaired for each in found)
    files = f"{number(tally.files, 'file')} compared with {number(tally.rows, 'blob')} in the index"
    young = f" ({tally.young:,} too new to tell)" if tally.young else ""
    others = len(found) - problems - repaired
    results = [number(problems, "problem"), *([f"{repaired:,} repaired"] if repaired else [])]
    results += [f"{others:,} that the node puts in order by itself"] if others else []
    return f"{files}{young}, {number(tally.segments, 'segment')} of the journal checked: {', '.join(results)}"
