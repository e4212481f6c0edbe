"""`vna elimination`: proposing, deciding, and what is known of it."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from vna.archive import (
    KEEPING_CAUSES,
    EliminationShown,
    EliminationState,
    Statement,
    Visa,
    Wanted,
    told_elimination,
    told_elimination_standing,
)
from vna.cli import eliminations_run
from vna.cli.elimination_printing import print_bordereau
from vna.cli.elimination_words import LANGUAGES
from vna.cli.exits import HELP
from vna.cli.options import (
    LARGEST_NUMBER,
    AsJson,
    By,
    Config,
    parse_day,
    print_json,
    read_settings,
    user_name,
    write_file,
)
from vna.cli.tables import columns
from vna.console import wording
from vna.errors import NotFound
from vna.events import StepDecision
from vna.model import InstanceUID, Scope
from vna.node import open_existing_archive
from vna.retention import Blocker

app = typer.Typer(
    no_args_is_help=True,
    help="Eliminations: a list is proposed, decided on by several persons, carried out and certified.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(eliminations_run.app)

Number = Annotated[int, typer.Argument(metavar="NUMBER", max=LARGEST_NUMBER, help="The number of the elimination.")]
CommentOption = Annotated[str, typer.Option(help="In your own words; kept apart from the journal.")]
_SHOWN_AT_MOST: Final = 20
_OVER: Final = (EliminationState.CERTIFIED, EliminationState.REFUSED, EliminationState.CANCELLED)
_COLUMNS: Final = (
    "item",
    "study",
    "series",
    "instance",
    "modalities",
    "study_date",
    "establishments",
    "departments",
    "patients",
    "rules",
    "retain_until",
    "instances",
    "size",
    "outcome",
    "cause",
    "holds",
    "by",
    "time",
)


class Accept(StrEnum):
    """What a person may take on who proposes."""

    BASIS = Blocker.BASIS.value
    UNVERIFIED = Blocker.UNVERIFIED.value


@app.command(epilog=HELP)
def propose(
    context: typer.Context,
    modality: Annotated[str, typer.Option(help="Only what has this modality, such as CT.")] = "",
    establishment: Annotated[str, typer.Option(help="Only what was made there (Institution Name).")] = "",
    before: Annotated[
        Any, typer.Option(parser=parse_day, metavar="YYYY-MM-DD", help="Only what had its end before this day.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many items.")] = 10_000,
    accept: Annotated[
        list[Accept] | None,
        typer.Option(help="Take on that no visit is known (basis), or that nobody has verified the profile."),
    ] = None,
    by: By = "",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Freeze a list of what is due: the bordereau. Nothing goes by it before all roles of the profile have agreed.

    Example: vna elimination propose --modality CT --before 2026-01-01 --by "P. Renard"
    """
    accepted = frozenset(Blocker(each.value) for each in accept or ())
    wanted = Wanted(modality, establishment, before, limit, accepted)
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        number = archive.eliminations.propose(wanted, Statement(by or user_name()), _now())
        shown = archive.eliminations.show(number, _now())
    _print(shown, as_json=as_json)


@app.command("list", epilog=HELP)
def list_(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List eliminations, oldest first."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        found = [each for each in archive.eliminations.all(_now()) if everything or each.state not in _OVER]
    told = [told_elimination_standing(each) for each in found]
    if as_json:
        print_json(told)
        return
    if not told:
        typer.echo("No elimination is open.")
    for line in columns(map(_row, told), right=[0]):
        typer.echo(line)


@app.command(epilog=HELP)
def show(
    context: typer.Context,
    number: Number,
    csv_file: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the list as CSV.")] = None,
    pdf: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the bordereau, to print and sign.")] = None,
    language: Annotated[str, typer.Option(metavar="fr|en", help="Language of the PDF.")] = "fr",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Show an elimination: its list, who decided, what was kept and why, and where it is destroyed."""
    if language not in LANGUAGES:
        raise typer.BadParameter(f"--language is one of {', '.join(LANGUAGES)}")
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        shown = archive.eliminations.show(number, _now())
    if csv_file is not None:
        write_file(csv_file, list_as_csv(told_elimination(shown)["items"]))
    if pdf is not None:
        write_file(pdf, print_bordereau(told_elimination(shown), language))
    if as_json or (csv_file is None and pdf is None):
        _print(shown, as_json=as_json, every=True)


@app.command(epilog=HELP)
def decide(
    context: typer.Context,
    number: Number,
    role: Annotated[str, typer.Option(help="In which role, as the profile names it.")],
    favourable: Annotated[bool, typer.Option("--favourable/--unfavourable", help="For it, or against.")],
    reference: Annotated[str, typer.Option(help="The number of the visa.")] = "",
    reference_date: Annotated[
        Any, typer.Option(parser=parse_day, metavar="YYYY-MM-DD", help="The date of the visa.")
    ] = None,
    document: Annotated[
        str, typer.Option(metavar="UID", help="SOP Instance UID of the signed paper, where it is stored here.")
    ] = "",
    comment: CommentOption = "",
    by: By = "",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Decide in a role: each role in its turn, each by another person, none by who proposed.

    Example: vna elimination decide 40 --role director --favourable --by "M. Oliveira"

    A visa needs its number and date: --reference 2026/17 --reference-date 2026-11-02
    """
    decision = StepDecision.FAVOURABLE if favourable else StepDecision.UNFAVOURABLE
    visa = Visa(reference, reference_date, InstanceUID(document) if document else None)
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        archive.eliminations.decide(number, role, decision, Statement(by or user_name(), comment), visa)
        _print(archive.eliminations.show(number, _now()), as_json=as_json)


@app.command(epilog=HELP)
def keep(
    context: typer.Context,
    number: Number,
    item: Annotated[list[int], typer.Option(metavar="N", help="An item's number in the list; may be repeated.")],
    cause: Annotated[str, typer.Option(help=f"Why: {', '.join(KEEPING_CAUSES)}.")],
    comment: CommentOption = "",
    by: By = "",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Take items from the list, which are kept.

    Example: vna elimination keep 40 --item 3 --item 7 --cause historical --by "A. Lefort"
    """
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        eliminations = archive.eliminations
        scopes = _scopes(eliminations.show(number, _now()), item)
        eliminations.keep(number, scopes, cause, Statement(by or user_name(), comment))
        _print(eliminations.show(number, _now()), as_json=as_json)


@app.command(epilog=HELP)
def cancel(
    context: typer.Context,
    number: Number,
    comment: CommentOption = "",
    by: By = "",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """End an elimination of which nothing has gone."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        archive.eliminations.cancel(number, Statement(by or user_name(), comment))
        _print(archive.eliminations.show(number, _now()), as_json=as_json)


def list_as_csv(items: Iterable[dict[str, Any]]) -> bytes:
    """Return a list as CSV (RFC 4180); several values in a field have blanks between."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for item in items:
        row = (item[name] for name in _COLUMNS)
        writer.writerow(" ".join(map(str, value)) if isinstance(value, list) else value for value in row)
    return text.getvalue().encode()


def _scopes(shown: EliminationShown, numbers: Iterable[int]) -> list[Scope]:
    by_number = {item.number: item.scope for item in shown.items}
    missing = sorted(set(numbers) - by_number.keys())
    if missing:
        raise NotFound(f"the list has no item {', '.join(map(str, missing))}")
    return [by_number[number] for number in numbers]


def _print(shown: EliminationShown, *, as_json: bool, every: bool = False) -> None:
    told = told_elimination(shown)
    if as_json:
        print_json(told)
        return
    for line in _lines(told, None if every else _SHOWN_AT_MOST):
        typer.echo(line)


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    until = f" until {each['waits_until'][:16]}Z" if each["state"] == EliminationState.WAITING else ""
    return f"{each['number']:>8}", each["time"][:10], f"{each['state']}{until}", f"{each['left']:,} left", each["by"]


def _lines(told: dict[str, Any], at_most: int | None) -> Iterator[str]:
    """Yield what is known of an elimination; of its items, and of what was left out, so many at most."""
    about = told["bordereau"]
    until = f" until {told['waits_until'][:16]}Z" if told["state"] == EliminationState.WAITING else ""
    state = f"{told['state']}{until}"
    yield f"Elimination {told['number']}, proposed by {told['by']} on {told['time'][:10]}; state: {state}"
    yield f"  profile {about['profile']['name']} {about['profile']['version']}, evaluated on {about['on']}"
    yield f"  {_amount(about)}; {wording.number(told['left'], 'item')} left"
    yield f"  list {told['list_digest']}"
    for each in about["rules"]:
        yield f"  rule {each['id']}: {each['cite']}"
    for accepted in told["accepted"]:
        yield f"  taken on by who proposes: {accepted}"
    for number, role in enumerate(told["roles"]):
        yield f"  {_decision(role, told['steps'][number] if number < len(told['steps']) else None)}"
    yield from _table(map(_item, told["items"]), at_most, told["number"])
    yield from _table(map(_left_out, about["excluded"]), at_most, told["number"])
    for each in told["places"]:
        files = f"{wording.number(each['files'], 'file')}, {wording.size(each['size'])}"
        yield f"  nothing left in {each['place']}: {each['method']}, {files}"


def _amount(about: dict[str, Any]) -> str:
    nouns = {"items": "item", "patients": "patient", "instances": "instance"}
    counts = {name: wording.number(about[name], noun) for name, noun in nouns.items()}
    studies = wording.number(about["studies"], "study", "studies")
    size = wording.size(about["size"])
    return f"{counts['items']}, {counts['patients']}, {studies}, {counts['instances']}, {size}"


def _table(rows: Iterable[tuple[str, ...]], at_most: int | None, number: int) -> Iterator[str]:
    found = list(rows)
    yield from (f"  {line}" for line in columns(found[:at_most], right=[0]))
    if at_most is not None and len(found) > at_most:
        yield f"  ... and {len(found) - at_most:,} more: vna elimination show {number}"


def _decision(role: str, step: dict[str, Any] | None) -> str:
    if step is None:
        return f"{role}: pending"
    reference = f", {step['reference']} of {step['reference_date']}" if step["reference"] else ""
    return f"{role}: {step['decision']}, {step['by']}, {step['time'][:16]}Z{reference}"


def _item(item: dict[str, Any]) -> tuple[str, ...]:
    cause = f": {item['cause']} {' '.join(map(str, item['holds']))}".rstrip() if item["cause"] else ""
    day, instances = wording.day(item["study_date"]), wording.number(item["instances"], "instance")
    kept, modalities = f"kept until {item['retain_until']}", "+".join(item["modalities"])
    return f"{item['item']:>6}", f"{item['outcome']}{cause}", _named(item), day, modalities, instances, kept


def _left_out(each: dict[str, Any]) -> tuple[str, ...]:
    return "left out:", _named(each), f"{each['cause']} {' '.join(map(str, each['holds']))}".rstrip()


def _named(scope: dict[str, Any]) -> str:
    return " ".join(uid for uid in (scope["study"], scope["series"], scope["instance"]) if uid)


def _now() -> datetime:
    return datetime.now(UTC)
