"""`vna hold place | list | show | release`."""

from collections.abc import Sequence
from contextlib import closing
from typing import Annotated, Any

import typer

from vna.archive import Archive, Hold, HoldTarget, HoldTerms, today_utc, told_covered, told_hold
from vna.cli.exits import HELP
from vna.cli.options import LARGEST_NUMBER, AsJson, By, Config, parse_day, print_json, read_settings, user_name
from vna.cli.tables import columns
from vna.console import wording
from vna.events import HoldKind, HoldLevel
from vna.model import SeriesUID
from vna.node import open_existing_archive

app = typer.Typer(
    no_args_is_help=True,
    help="Holds: what is kept whatever any rule says. Placed by one person, released by another one.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Number = Annotated[int, typer.Argument(metavar="NUMBER", max=LARGEST_NUMBER, help="The number of the hold.")]
_NAMED_AT_MOST = 20


def _key(text: str) -> tuple[str, str]:
    keyword, equals, value = text.partition("=")
    if not equals or not keyword.strip():
        raise typer.BadParameter("a key is written as KEYWORD=VALUE")
    return keyword.strip(), value.strip()


Query = Annotated[
    list[Any] | None,
    typer.Option(
        parser=_key,
        metavar="KEYWORD=VALUE",
        help="Hold what matches, also later: a key as in C-FIND, such as StudyDate=20100101-20121231; may be repeated.",
    ),
]


@app.command(epilog=HELP)
def place(
    context: typer.Context,
    kind: Annotated[HoldKind, typer.Option(help="Why it is held.")],
    reason: Annotated[
        str, typer.Option(help="Why, in your own words; kept apart from the journal, where it can be erased.")
    ],
    patient: Annotated[str, typer.Option(metavar="ID", help="Hold all of a patient, what comes later too.")] = "",
    issuer: Annotated[str, typer.Option(help="The issuer of the patient's ID, where it is known of several.")] = "",
    study: Annotated[
        str, typer.Option(metavar="UID", help="Hold a study, by Study Instance UID; with --series, where that lies.")
    ] = "",
    series: Annotated[str, typer.Option(metavar="UID", help="Hold a series, by Series Instance UID.")] = "",
    query: Query = None,
    case: Annotated[str, typer.Option(help="The number of the case.")] = "",
    from_date: Annotated[
        Any, typer.Option("--from", parser=parse_day, metavar="YYYY-MM-DD", help="First day. Default: today.")
    ] = None,
    until: Annotated[
        Any, typer.Option(parser=parse_day, metavar="YYYY-MM-DD", help="Last day. Default: until it is released.")
    ] = None,
    by: By = "",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Place a hold. It beats every rule and every role; another person has to release it.

    Example: vna hold place --patient 4711 --kind liability-claim --reason "claim before the court" --case 2026/88

    Example: vna hold place --query Modality=MG --query StudyDate=20100101-20121231 --kind research --reason "cohort"
    """
    terms = HoldTerms(kind, reason, case, from_date, until)
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        if patient:
            issuer = archive.patients.named(patient, issuer)
        if series and not study:
            study = str(archive.rejections.named(None, SeriesUID(series), None).study)
        hold = archive.holds.place(
            HoldTarget(study, series, issuer, patient, tuple(query or ())), terms, by or user_name()
        )
        covered = told_covered(archive.holds.covered(hold))
    if as_json:
        print_json(told_hold(hold) | {"covers": covered})
        return
    typer.echo(f"Placed hold {hold.number} on {_what(hold)}, {_days(hold)}. It covers {_amount(covered)} held now.")


@app.command("list", epilog=HELP)
def list_holds(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that stand no longer, or not yet.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the holds that stand today, oldest first."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        holds = archive.holds.all() if every else archive.holds.standing()
    if as_json:
        print_json([told_hold(hold) for hold in holds])
        return
    if not holds:
        typer.echo("Nothing is held.")
    for line in columns(map(_row, holds), right=[0]):
        typer.echo(line)


@app.command(epilog=HELP)
def show(context: typer.Context, number: Number, config: Config = None, as_json: AsJson = False) -> None:
    """Show one hold: why, by whom, and what of it is held now."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        hold = archive.holds.get(number)
        covered, why_released = told_covered(archive.holds.covered(hold)), archive.holds.why_released(hold)
    if as_json:
        print_json(told_hold(hold) | {"covers": covered, "why_released": why_released})
        return
    typer.echo("  ".join(_row(hold)))
    if hold.released_by:
        typer.echo(f"released    {hold.released_time[:19]}Z by {hold.released_by}: {why_released}")
    typer.echo(f"covers      {_amount(covered)}")
    for found in covered[:_NAMED_AT_MOST]:
        typer.echo("            " + " ".join(f"{level} {uid}" for level, uid in found.items() if uid))
    if len(covered) > _NAMED_AT_MOST:
        typer.echo(f"            ... and {len(covered) - _NAMED_AT_MOST} more: --json names them all")


@app.command(epilog=HELP)
def release(
    context: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why it may go; kept apart from the journal.")],
    by: By = "",
    config: Config = None,
) -> None:
    """Let go of a hold. It takes another person than the one who placed it: --by says who."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        hold = archive.holds.release(number, by or user_name(), reason)
        left = [each.number for each in archive.holds.standing() if _overlaps(archive, hold, each)]
    typer.echo(f"Released hold {number}, which {hold.actor} placed.")
    if left:
        typer.echo(f"What it covered stays under hold {', '.join(map(str, left))}.")


def _overlaps(archive: Archive, one: Hold, other: Hold) -> bool:
    studies = {study for study, _ in archive.holds.covered(one)}
    return any(study in studies for study, _ in archive.holds.covered(other))


def _row(hold: Hold) -> tuple[str, ...]:
    case = f"case {hold.case_number}  " if hold.case_number else ""
    stands = "" if hold.stands(today_utc()) else "  (does not stand)"
    reason = " ".join(hold.reason.split())
    return f"{hold.number:>8}", hold.kind, _what(hold), _days(hold), hold.actor, f'{case}"{reason}"{stands}'


def _what(hold: Hold) -> str:
    match hold.level:
        case HoldLevel.PATIENT:
            return f"patient {hold.patient_id} of {hold.issuer}"
        case HoldLevel.STUDY:
            return f"study {hold.study}"
        case HoldLevel.SERIES:
            return f"series {hold.series} of study {hold.study}"
        case HoldLevel.QUERY:
            return "what matches " + " ".join(f"{keyword}={value}" for keyword, value in hold.query)


def _days(hold: Hold) -> str:
    return f"from {hold.from_date} " + (f"until {hold.until_date}" if hold.until_date else "until released")


def _amount(covered: Sequence[dict[str, str | None]]) -> str:
    series = sum(found["series"] is not None for found in covered)
    return f"{series:,} series" if series else wording.number(len(covered), "study", "studies")
