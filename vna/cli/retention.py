"""`vna retention explain | simulate | report | recompute`, and `vna retention profiles`."""

from contextlib import closing
from dataclasses import asdict, fields
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Final

import orjson
import typer

from vna.archive import Explanation, RetentionReport, SimulatedStudy, Simulation, today_utc, understood_profile
from vna.cli import retention_profiles
from vna.cli.exits import HELP
from vna.cli.options import AsJson, Config, parse_day, print_json, read_settings, read_text, write_file
from vna.cli.retention_chart import draw_chart
from vna.cli.retention_tables import report_lines, simulation_lines, write_csv
from vna.console import wording
from vna.index import Counted, Overdue
from vna.model import StudyUID
from vna.node import open_archive
from vna.retention import Blocker, PartVerdict, RuleMatch

app = typer.Typer(
    no_args_is_help=True,
    help="Retention: until when each study is kept, why, and what would be so by another profile.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(retention_profiles.app, name="profiles")

_SHOWN_AT_MOST: Final = 20
_WHY: Final = {
    Blocker.HOLD: "a hold stands over it",
    Blocker.CLAIM: "a claim is open",
    Blocker.NO_RULE: "no rule applies, so it is kept",
    Blocker.NO_START: "a rule applies whose start is not known",
    Blocker.KEEPS: "the profile eliminates nothing",
    Blocker.IDENTITY: "whose it is is doubtful, or in conflict",
    Blocker.BIRTH_DATE: "the birth date is not known, or said in several ways",
    Blocker.BASIS: "no visit is known: the basis is imaging only",
    Blocker.UNVERIFIED: "nobody has verified the profile",
}


On = Annotated[
    Any, typer.Option("--on", parser=parse_day, metavar="YYYY-MM-DD", help="The day asked about. Default: today.")
]
CsvFile = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", dir_okay=False, help="Write rows into a CSV file.")
]


@app.command(epilog=HELP)
def explain(
    context: typer.Context,
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Study Instance UID.")],
    on: On = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say until when a study is kept and why: rules with their citations, what they used, holds, what stands against.

    What is printed says things of the patient, such as dates of visits and birth.
    """
    with closing(open_archive(read_settings(context, config))) as archive:
        found = archive.retention.explain(StudyUID(study), on or today_utc())
    if as_json:
        print_json(_told(found))
        return
    for line in _lines(found):
        typer.echo(line)


@app.command(epilog=HELP)
def simulate(
    context: typer.Context,
    on: Annotated[
        Any, typer.Option("--date", parser=parse_day, metavar="YYYY-MM-DD", help="The day asked about. Default: today.")
    ] = None,
    profile: Annotated[
        str, typer.Option(metavar="FILE", help="Another profile: as YAML, or by its name. Default: the one in force.")
    ] = "",
    csv_file: CsvFile = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes that evaluate. Default: one to a core.")
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell what would be past its end on a day, what is held, and what differs from the profile in force.

    Nothing is changed. `--csv` writes a row for each of these studies; `--json` prints the sums and these rows.
    """
    with closing(open_archive(read_settings(context, config))) as archive:
        path = Path(profile)
        text = read_text(path) if path.is_file() else ""
        text = text or (archive.retention.profiles.text(profile) if profile else "")
        other = understood_profile(text) if text else None
        simulation = archive.retention.simulate(on or today_utc(), other, processes=processes)
        if as_json:
            _print_simulation(simulation)
            return
        first: list[SimulatedStudy] = []
        told = 0
        with write_csv(csv_file, SimulatedStudy._fields) as write:
            for rows in simulation.rows():
                told += len(rows)
                write(rows)
                first += map(SimulatedStudy._make, rows[: _SHOWN_AT_MOST - len(first)])
    for line in simulation_lines(simulation, first, told):
        typer.echo(line)


@app.command(epilog=HELP)
def report(
    context: typer.Context,
    on: On = None,
    csv_file: CsvFile = None,
    chart: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Draw what ends when, by modality, as SVG.")
    ] = None,
    studies: Annotated[bool, typer.Option("--studies", help="List the overdue studies, too.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Report what is overdue by rule and age, and what expires, by modality and year, as computed last.

    `--csv` writes a row for each modality, year and state, or with `--studies` for each overdue study.
    """
    with closing(open_archive(read_settings(context, config))) as archive:
        found = archive.retention.report(on or today_utc())
        if chart is not None:
            write_file(chart, draw_chart(found).encode())
        overdue = archive.retention.overdue(found.on) if studies else iter(())
        with write_csv(csv_file, Overdue._fields if studies else Counted._fields) as write:
            if not studies:
                write(found.ends)
            if as_json:
                told = [each._asdict() for each in overdue] if studies else None
                print_json(_told_report(found) | {"overdue_studies": told})
                return
            for line in report_lines(found):
                typer.echo(line)
            for each in overdue:
                write([each])
                if csv_file is None:
                    typer.echo("  ".join(map(str, each)))


@app.command(epilog=HELP)
def recompute(context: typer.Context, config: Config = None) -> None:
    """Compute every study again. A running node does so by itself for whatever has changed."""
    with closing(open_archive(read_settings(context, config))) as archive:
        computed = archive.retention.recompute(Event())
    typer.echo(f"Computed {wording.number(computed, 'study', 'studies')}.")


def _lines(found: Explanation) -> list[str]:
    verdict, profile = found.verdict, found.profile
    end = f"kept until {verdict.retain_until}" if verdict.retain_until else "kept without an end"
    since = f"{(profile.active_time or '')[:19]}Z"
    lines = [
        f"Study {verdict.study_uid}: {end}; on {verdict.on} {verdict.state}, basis {verdict.basis}.",
        f"Profile {profile.name} {profile.version}, number {profile.number}, in force since {since}.",
        *(["Rules:"] if verdict.rules else []),
        *(f"  {_rule(match)}" for match in verdict.rules),
        "Used:",
        *(f"  {name}: {value} ({source})" for name, value, source in verdict.inputs),
    ]
    if verdict.holds:
        lines.append(f"Held by: {', '.join(map(str, verdict.holds))}")
    if verdict.blockers:
        lines.append("Not eliminated automatically:")
        lines += [f"  {_WHY[blocker]}" for blocker in verdict.blockers]
    if verdict.parts:
        lines.append("Parts that end earlier:")
        lines += [f"  {_part(part)}" for part in verdict.parts]
    if found.communicable is not None:
        after, event, cite = found.communicable
        lines.append(
            f"If it is kept for history: communicable to anybody after {after}, counted from {event}  [{cite}]"
        )
    if found.stored is not None:
        at = f"{found.stored.computed_on}, at journal position {found.stored.computed_at}"
        lines.append(f"Computed last on {at}: {found.stored.state}, {found.stored.retain_until or 'no end'}.")
    return lines


def _rule(match: RuleMatch) -> str:
    counted = f"{match.start_event} {match.start or 'not known'} -> {match.until or 'not known'}"
    replaced = f", replaced by {match.replaced_by}" if match.replaced_by else ""
    return f"{match.rule}: {counted}{replaced}  [{match.cite}]"


def _part(part: PartVerdict) -> str:
    named = f"series {part.series_uid}" + (f" instance {part.instance_uid}" if part.instance_uid else "")
    rules = "; ".join(map(_rule, part.rules))
    return f"{named}: until {part.retain_until}, {part.state}  {rules}"


def _told(found: Explanation) -> dict[str, Any]:
    verdict = {each.name: getattr(found.verdict, each.name) for each in fields(found.verdict) if each.name != "used"}
    verdict["parts"] = [asdict(part) for part in found.verdict.parts]
    verdict["rules"] = [match._asdict() for match in found.verdict.rules]
    verdict["inputs"] = [each._asdict() for each in found.verdict.inputs]
    for part, told in zip(found.verdict.parts, verdict["parts"], strict=True):
        told["rules"] = [match._asdict() for match in part.rules]
    verdict["why_not"] = [_WHY[blocker] for blocker in found.verdict.blockers]
    stored = asdict(found.stored) if found.stored else None
    term = found.communicable._asdict() if found.communicable else None
    return {**verdict, "profile_number": found.profile.number, "stored": stored, "communicable": term}


def _sums(simulation: Simulation) -> dict[str, Any]:
    totals = simulation.totals
    past = {
        rule: dict(zip(("studies", "instances", "bytes"), counts, strict=True))
        for rule, counts in sorted(totals.past_end.items())
    }
    return {
        "on": str(simulation.on),
        "profile": f"{simulation.profile.name} {simulation.profile.version}",
        "in_force": f"{simulation.before.name} {simulation.before.version}" if simulation.before else None,
        "studies": totals.studies,
        "states": dict(totals.states),
        "states_before": dict(totals.states_before),
        "past_end": past,
        "held": totals.held,
        "earlier": totals.earlier,
        "later": totals.later,
    }


def _print_simulation(simulation: Simulation) -> None:
    """Print a simulation as JSON, a study to a line as some thousand are found: there may be millions."""
    typer.echo('{"studies_told": [')
    between = b""
    for rows in filter(None, simulation.rows()):
        studies = (orjson.dumps(dict(zip(SimulatedStudy._fields, row, strict=True))) for row in rows)
        typer.echo(between + b",\n".join(studies), nl=False)
        between = b",\n"
    typer.echo(b"\n], " + orjson.dumps(_sums(simulation))[1:])


def _told_report(found: RetentionReport) -> dict[str, Any]:
    expiring = {str(days): studies for days, studies in found.expiring.items()}
    ends = [each._asdict() for each in found.ends]
    return {**asdict(found), "on": str(found.on), "expiring": expiring, "ends": ends}
