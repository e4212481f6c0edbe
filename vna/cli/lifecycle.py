"""`vna lifecycle plan | run | confirm-clock`."""

import threading
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, time
from typing import Annotated, Any

import typer

from vna.archive import EliminationPreview
from vna.cli.exits import HELP, Exit
from vna.cli.options import AsJson, By, Config, parse_day, print_json, read_settings, user_name
from vna.cli.stopping import stopped_by_signals
from vna.cli.tables import columns
from vna.console import wording
from vna.lifecycle import EliminationDone, MoveDone, Plan, PlannedMove, Report
from vna.node import lifecycle_of, open_existing_archive, open_existing_sealing_archive

app = typer.Typer(
    no_args_is_help=True,
    help="Runs of the lifecycle: decided eliminations and tier rules, planned and carried out.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command(epilog=HELP)
def plan(
    context: typer.Context,
    on: Annotated[
        Any,
        typer.Option(
            parser=parse_day,
            metavar="YYYY-MM-DD",
            help="What would be done on this day if nothing happens until then. Default: now.",
        ),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell exactly what `vna lifecycle run` would do now, and change nothing.

    Exit code 1: the clock jumped, and nothing would be done before somebody has confirmed the time.
    """
    settings = read_settings(context, config)
    at = None if on is None else datetime.combine(on, time(12), UTC)
    with closing(open_existing_archive(settings)) as archive:
        found = lifecycle_of(archive, settings.lifecycle).plan(at)
    if as_json:
        print_json(_told_plan(found))
    else:
        typer.echo("\n".join(_plan_lines(found)))
    if found.jump is not None:
        raise typer.Exit(Exit.PROBLEM)


@app.command(epilog=HELP)
def run(context: typer.Context, by: By = "", config: Config = None, as_json: AsJson = False) -> None:
    """Do what `vna lifecycle plan` tells. It may be stopped at any time: the next run goes on.

    Exit code 1: something could not be done now, or the clock jumped.
    """
    settings, stop = read_settings(context, config), threading.Event()
    with closing(open_existing_sealing_archive(settings)) as archive, stopped_by_signals(stop.set):
        done = lifecycle_of(archive, settings.lifecycle).run(stop, by or user_name())
    if as_json:
        print_json(_told_run(done))
    else:
        typer.echo("\n".join(_run_lines(done)))
    if done.jump is not None or done.problems:
        raise typer.Exit(Exit.PROBLEM)


@app.command("confirm-clock", epilog=HELP)
def confirm_clock(
    context: typer.Context,
    by: By = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: Config = None,
) -> None:
    """Say that the clock is right as it is now, after it jumped: eliminations and moves go on."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        jump = archive.clock.check()
        if jump is not None:
            typer.echo(f"The clock went from {jump.trusted} to {jump.seen}.")
            now = datetime.now(UTC).isoformat(timespec="seconds")
            if not yes and not typer.confirm(f"Now it says {now}. Is that right?"):
                typer.echo("Nothing was changed.")
                raise typer.Exit(Exit.PROBLEM)
        confirmed = archive.clock.confirm(by or user_name())
    typer.echo(f"The clock is trusted from {confirmed.isoformat(timespec='seconds')} on.")


def _plan_lines(found: Plan) -> list[str]:
    if found.jump is not None:
        return [f"Nothing is done: the clock went from {found.jump.trusted} to {found.jump.seen}."]
    lines = [f"rule {rule} is not followed: {problem}" for rule, problem in found.problems.items()]
    if found.is_empty:
        return [*lines, "Nothing is due."]
    lines += [line for each in found.eliminations for line in _preview_lines(each)]
    lines += columns(map(_move_row, found.moves))
    return lines if found.is_all else [*lines, "More is due than one run does: see lifecycle.max_actions."]


def _preview_lines(preview: EliminationPreview) -> list[str]:
    counts = f"{len(preview.going):,} go, {len(preview.kept):,} kept, {preview.left:,} left"
    lines = [f"elimination {preview.number}: {counts}, {wording.size(preview.size)}"]
    lines += [f"  eliminate  {item.scope}" for item in preview.going]
    return lines + [f"  keep       {kept.scope}  {kept.cause}" for kept in preview.kept]


def _move_row(move: PlannedMove) -> tuple[str, ...]:
    action = move.action
    where = action.source if action.source == action.target else f"{action.source} -> {action.target}"
    codec = f" as {action.codec}" if action.codec else ""
    return action.verb, f"study {action.study_uid}", f"{where}{codec}", wording.size(move.size), action.rule


def _run_lines(done: Report) -> list[str]:
    lines = [f"rule {rule} is not followed: {problem}" for rule, problem in done.broken_rules.items()]
    lines += [_elimination_line(each) for each in done.eliminations]
    lines += columns(map(_moved_row, done.moves))
    if done.jump is not None:
        lines.append(f"Stopped: the clock went from {done.jump.trusted} to {done.jump.seen}.")
    return lines or ["Nothing was due."]


def _elimination_line(done: EliminationDone) -> str:
    if done.problem:
        return f"elimination {done.number}: {done.problem}"
    waits = "".join(f"; {place} waits: {reason}" for place, reason in done.waits_for.items())
    return f"elimination {done.number}: {done.eliminated:,} went, {done.kept:,} kept, {done.state}{waits}"


def _moved_row(done: MoveDone) -> tuple[str, ...]:
    action = done.action
    moved = f"{wording.size(done.copied_bytes)} copied, {wording.size(done.deleted_bytes)} deleted"
    return action.verb, f"study {action.study_uid}", f"{action.source} -> {action.target}", done.problem or moved


def _told_plan(found: Plan) -> dict[str, Any]:
    return {
        "time": found.time.isoformat(timespec="seconds"),
        "clock_jump": asdict(found.jump) if found.jump else None,
        "eliminations": [
            {
                "number": each.number,
                "eliminate": [asdict(item.scope) for item in each.going],
                "keep": [asdict(kept.scope) | {"cause": kept.cause} for kept in each.kept],
                "left": each.left,
                "size": each.size,
            }
            for each in found.eliminations
        ],
        "moves": [asdict(each.action) | {"size": each.size} for each in found.moves],
        "is_all": found.is_all,
        "broken_rules": dict(found.problems),
    }


def _told_run(done: Report) -> dict[str, Any]:
    return {
        "clock_jump": asdict(done.jump) if done.jump else None,
        "recomputed": done.recomputed,
        "eliminations": [asdict(each) for each in done.eliminations],
        "moves": [asdict(each) for each in done.moves],
        "broken_rules": dict(done.broken_rules),
    }
