"""`vna patient add-event | events | withdraw | import`."""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from vna.archive import RecordedFact, told_fact
from vna.cli.exits import HELP, Exit
from vna.cli.options import LARGEST_NUMBER, AsJson, By, Config, parse_day, print_json, read_settings, user_name
from vna.cli.progress import TransferBar
from vna.cli.stopping import stopped_by_signals
from vna.cli.tables import columns
from vna.console import wording
from vna.events import FactKind, PatientFact
from vna.node import open_archive, open_existing_archive
from vna.transfer import PatientEventsImport, open_patient_events

app = typer.Typer(
    no_args_is_help=True,
    help="What is known of patients beside images, and decides how long these are kept: visits, death, claims.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

PatientID = Annotated[str, typer.Argument(metavar="ID", help="The Patient ID.")]
Issuer = Annotated[str, typer.Option(help="The issuer of the ID. Default: the only one it is known of.")]

EventsFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        readable=True,
        help="CSV in UTF-8, with , or ; and a first line that names the columns: patient_id, kind, date, "
        "and where needed issuer, establishment, code, system.",
    ),
]


@app.command("add-event", epilog=HELP)
def add_event(
    context: typer.Context,
    patient_id: PatientID,
    kind: Annotated[FactKind, typer.Argument(metavar="KIND", help="What happened.")],
    on: Annotated[Any, typer.Argument(parser=parse_day, metavar="YYYY-MM-DD", help="When.")],
    issuer: Issuer = "",
    establishment: Annotated[str, typer.Option(help="Where, such as a FINESS number.")] = "",
    code: Annotated[
        str,
        typer.Option(help="The claim's number, the flag's name, the diagnosis, or confirmed, doubtful or conflict."),
    ] = "",
    system: Annotated[str, typer.Option(help="The coding system of a diagnosis, such as ICD-10.")] = "",
    by: By = "",
    config: Config = None,
) -> None:
    """Record an event of a patient, who need not have images yet.

    Example: vna patient add-event 4711 visit 2024-05-14 --issuer "HOSPITAL A"

    Example: vna patient add-event 4711 claim-opened 2025-01-09 --code 2025/88
    """
    with closing(open_archive(read_settings(context, config))) as archive:
        issuer = archive.patients.named(patient_id, issuer)
        fact = PatientFact(issuer, patient_id, kind, on.isoformat(), establishment, code, system, "cli")
        told = archive.patients.add(fact, by or user_name())
    typer.echo("Known already, nothing is added." if told.number is None else f"Recorded, as number {told.number}.")
    if not told.has_images:
        typer.echo("Nothing is held of this patient yet.")


@app.command(epilog=HELP)
def events(
    context: typer.Context, patient_id: PatientID, issuer: Issuer = "", config: Config = None, as_json: AsJson = False
) -> None:
    """List what is known of a patient, in the order it was recorded."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        found = archive.patients.events(archive.patients.named(patient_id, issuer), patient_id)
    if as_json:
        print_json([told_fact(each) for each in found])
        return
    if not found:
        typer.echo("Nothing is known of this patient beside images.")
    for line in columns(map(_row, found), right=[0]):
        typer.echo(line)


@app.command(epilog=HELP)
def withdraw(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", max=LARGEST_NUMBER, help="The number of the event.")],
    reason: Annotated[str, typer.Option(help="Why it is not true; kept apart from the journal.")],
    by: By = "",
    config: Config = None,
) -> None:
    """Say that an event is not true: it is kept, and counts no longer."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        withdrawn = archive.patients.withdraw(number, by or user_name(), reason).fact
    typer.echo(f"Withdrawn: {withdrawn.kind} of {withdrawn.date}.")


@app.command("import", epilog=HELP)
def import_events(
    context: typer.Context,
    file: EventsFile,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be refused, and change nothing.")] = False,
    by: By = "",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Record the events of a file. Lines that cannot be are named and left out; to read it again adds nothing."""
    refused: list[dict[str, Any]] = []
    stop: list[bool] = []
    with (
        closing(open_archive(read_settings(context, config))) as archive,
        open_patient_events(file) as lines,
        TransferBar("Reading") as bar,
        stopped_by_signals(lambda: stop.append(True)),
    ):
        events = PatientEventsImport(archive.patients, by or user_name(), dry_run)
        for some in events.take(lines):
            refused += [asdict(line) for line in some]
            if not as_json:
                for line in some:
                    bar.tell(f"line {line.number}: {line.reason}")
            if stop:
                break
        seconds = bar.seconds
    if as_json:
        print_json(events.counts() | {"dry_run": dry_run, "refused": refused, "stopped": bool(stop)})
    else:
        typer.echo(_sum(events, len(refused), seconds))
    if refused or stop:
        raise typer.Exit(Exit.PROBLEM)


def _sum(events: PatientEventsImport, refused: int, seconds: float) -> str:
    done = "would be recorded" if events.dry_run else "recorded"
    lines, without = wording.number(events.lines, "line"), wording.number(events.without_images, "patient")
    return (
        f"{lines}, {events.lines / max(seconds, 1e-3):,.0f} lines/s: {done} {events.recorded:,}, "
        f"known before {events.known_before:,}, refused {refused:,}; {without} without images."
    )


def _row(each: RecordedFact) -> tuple[str, ...]:
    fact = each.fact
    what = " ".join(filter(None, (fact.code, fact.system and f"({fact.system})")))
    where = f"at {fact.establishment}" if fact.establishment else ""
    withdrawn = "(withdrawn)" if each.withdrawn_at is not None else ""
    return f"{each.number:>8}", fact.date, fact.kind, what, where, fact.feed, each.actor, withdrawn
