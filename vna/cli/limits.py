"""`vna limit place`, `vna limit list`, `vna limit lift` and `vna limit open`."""

from collections import Counter
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vna.archive import Limitation, Statement
from vna.cli.exits import HELP, Exit
from vna.cli.options import LARGEST_NUMBER, AsJson, By, Config, print_json, read_settings, user_name
from vna.cli.rejections import InstanceOption, SeriesOption, StudyOption, named_scope
from vna.cli.tables import columns
from vna.console import wording
from vna.node import open_existing_archive
from vna.transfer import Exported, write_opened

app = typer.Typer(
    help="Hide what somebody has a right to have hidden (GDPR Article 18); it is kept, and found by nobody.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Reason = Annotated[str, typer.Option(help="Why; kept apart from the journal, where it can be erased.")]
To = Annotated[Path, typer.Option(metavar="FOLDER", file_okay=False, help="Write the files into this folder.")]


@app.command("place", epilog=HELP)
def place(
    context: typer.Context,
    reason: Reason,
    study: StudyOption = None,
    series: SeriesOption = None,
    instance: InstanceOption = None,
    by: By = "",
    config: Config = None,
) -> None:
    """Hide a study, series or instance everywhere, with what arrives in it. A running node hides it at once."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        scope = named_scope(archive.rejections, study, series, instance)
        number = archive.limitations.place(scope, Statement(by or user_name(), _given(reason)))
        hidden = wording.number(archive.limitations.find(number).instances, "instance")
    typer.echo(f"Limited, as number {number}: {hidden} of {scope}. Undo it with: vna limit lift {number}")


@app.command("list", epilog=HELP)
def list_limitations(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    """List the limitations that stand, oldest first."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        standing = [(each, archive.limitations.reason(each.number)) for each in archive.limitations.standing()]
    if as_json:
        print_json([{**asdict(limitation), "reason": reason} for limitation, reason in standing])
        return
    if not standing:
        typer.echo("Nothing is limited.")
    for line in columns((_row(limitation, reason) for limitation, reason in standing), right=[0]):
        typer.echo(line)


@app.command("lift", epilog=HELP)
def lift(
    context: typer.Context,
    number: Annotated[
        int,
        typer.Argument(
            metavar="NUMBER", max=LARGEST_NUMBER, help="The number of the limitation, as `vna limit list` tells it."
        ),
    ],
    reason: Reason,
    by: By = "",
    config: Config = None,
) -> None:
    """Let a limitation stand no longer; what another one or a rejection hides too stays hidden."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        limitation = archive.limitations.lift(number, Statement(by or user_name(), _given(reason)))
    typer.echo(f"Lifted, limitation {number} of {limitation.scope} stands no longer.")


@app.command("open", epilog=HELP)
def open_limited(
    context: typer.Context,
    reason: Reason,
    to: To,
    study: StudyOption = None,
    series: SeriesOption = None,
    instance: InstanceOption = None,
    by: By = "",
    config: Config = None,
) -> None:
    """Break the glass: write what is limited as files, once who did so and why is recorded.

    Exit code 1: something could not be written, or nothing of it is limited.
    """
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        scope = named_scope(archive.rejections, study, series, instance)
        opened = archive.limitations.open(scope, Statement(by or user_name(), _given(reason)))
        fates = Counter[Exported]()
        for file in write_opened(archive, opened.instances, to):
            fates[file.fate] += 1
            if file.reason:
                typer.echo(f"vna: {file.path}: {file.reason}", err=True)
    written = wording.number(fates.total() - fates[Exported.FAILED], "instance")
    typer.echo(f"Opened, as number {opened.number}: {written} of {scope} written to {to}")
    if fates[Exported.FAILED]:
        raise typer.Exit(Exit.PROBLEM)


def _given(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("--reason says nothing")
    return reason


def _row(limitation: Limitation, reason: str) -> tuple[str, ...]:
    words = f'"{" ".join(reason.split())}"' if reason else ""
    hidden = wording.number(limitation.instances, "instance")
    number, time = f"{limitation.number:>8}", f"{limitation.time[:19]}Z"
    return number, time, limitation.actor, hidden, str(limitation.scope), words
