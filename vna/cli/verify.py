"""`vna verify`."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vna.archive import Archive, Finding
from vna.cli.exits import Exit
from vna.cli.options import AsJson, Config, print_json, read_settings
from vna.console.wording import number
from vna.node import open_existing_archive


def verify(
    context: typer.Context,
    study_uid: Annotated[
        str | None, typer.Argument(metavar="STUDY", help="Study Instance UID. Default: everything that is held.")
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Read again what is stored and compare it with the digests it came with.

    Every version of every instance is put together from its stored parts. Exit code 1: something
    is damaged or missing, or the study is not known.
    """
    checked, problems = 0, []
    settings = read_settings(context, config)
    with closing(open_existing_archive(settings)) as archive:
        for finding in _with_progress(archive, study_uid):
            checked += 1
            if finding.problem is not None:
                problems.append(_told(finding))
    if as_json:
        print_json({"checked": checked, "problems": problems})
    else:
        for problem in problems:
            typer.echo("  ".join(f"{name}={value}" for name, value in problem.items()))
        typer.echo(f"{number(checked, 'version')} of instances checked, {len(problems):,} with a problem")
    if study_uid is not None and not checked:
        typer.echo(f"vna: nothing is held of study {study_uid}", err=True)
    if problems or (study_uid is not None and not checked):
        raise typer.Exit(Exit.PROBLEM)


def _with_progress(archive: Archive, study_uid: str | None) -> Iterator[Finding]:
    """Show how far it is, on standard error, where a person looks at it."""
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("verifying", total=archive.counts().instances if study_uid is None else None)
        for finding in archive.verify(study_uid):
            progress.advance(task)
            yield finding


def _told(finding: Finding) -> dict[str, Any]:
    held = finding.held
    return asdict(held.key) | {"version": held.version, "digest": held.digest, "problem": finding.problem}
