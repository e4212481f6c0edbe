"""`vna reject`, `vna rejected` and `vna restore-rejected`."""

from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any

import typer

from vna.archive import Rejection, Rejections, Statement, Visible
from vna.cli.exits import Exit
from vna.cli.options import LARGEST_NUMBER, AsJson, By, Config, print_json, read_settings, user_name
from vna.cli.tables import columns
from vna.console import wording
from vna.errors import NotFound
from vna.model import InstanceUID, RejectionReason, Scope, SeriesUID, StudyUID
from vna.node import open_existing_archive

StudyOption = Annotated[
    str | None,
    typer.Option("--study", metavar="UID", help="Study Instance UID; with --series or --instance, where to look."),
]
SeriesOption = Annotated[
    str | None, typer.Option("--series", metavar="UID", help="Series Instance UID; with --instance, where to look.")
]
InstanceOption = Annotated[str | None, typer.Option("--instance", metavar="UID", help="SOP Instance UID.")]
CommentOption = Annotated[
    str, typer.Option(help="Why, in your own words; kept apart from the journal, where it can be erased.")
]


def reject(
    context: typer.Context,
    reason: Annotated[
        RejectionReason,
        typer.Option(help="Bad quality, a danger to the patient, the wrong worklist entry, or kept beyond its time."),
    ],
    study: StudyOption = None,
    series: SeriesOption = None,
    instance: InstanceOption = None,
    comment: CommentOption = "",
    by: By = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be hidden, and change nothing.")] = False,
    config: Config = None,
) -> None:
    """Hide a wrongly sent study, series or instance from every query and retrieval.

    Nothing is destroyed: `vna restore-rejected` brings it back. A running node hides it at once. Without --yes it asks.

    Example: vna reject --series 1.2.3.4 --reason worklist --comment "sent under the wrong name"
    """
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        rejections = archive.rejections
        scope = named_scope(rejections, study, series, instance)
        typer.echo(f"{'Would hide' if dry_run else 'Hides'} {_amount(scope, rejections.visible(scope))}")
        if dry_run:
            return
        if not yes and not typer.confirm("Reject it?"):
            typer.echo("Nothing was changed.")
            raise typer.Exit(Exit.PROBLEM)
        number = rejections.reject(scope, reason, Statement(by or user_name(), comment))
    typer.echo(f"Rejected, as number {number}: {reason.meaning}. Undo it with: vna restore-rejected {number}")


def rejected(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    """List the rejections that stand, oldest first."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        standing = [(each, archive.rejections.comment(each.number)) for each in archive.rejections.standing()]
    if as_json:
        print_json([_told(rejection, comment) for rejection, comment in standing])
        return
    if not standing:
        typer.echo("Nothing is rejected.")
    for line in columns((_row(rejection, comment) for rejection, comment in standing), right=[0]):
        typer.echo(line)


def restore_rejected(
    context: typer.Context,
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="NUMBER", max=LARGEST_NUMBER, help="The number of the rejection, as `vna rejected` lists it."
        ),
    ] = None,
    study: StudyOption = None,
    series: SeriesOption = None,
    instance: InstanceOption = None,
    comment: CommentOption = "",
    by: By = "",
    config: Config = None,
) -> None:
    """Bring back what a rejection hides; what another one hides too stays hidden."""
    named = study or series or instance
    if (number is None) == (named is None):
        raise typer.BadParameter("give the number of a rejection, or what was rejected", ctx=context)
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        rejections = archive.rejections
        if number is None:
            number = _number_of(rejections, named_scope(rejections, study, series, instance))
        scope = rejections.restore(number, Statement(by or user_name(), comment)).scope
        visible = rejections.visible(scope)
    typer.echo(f"Restored, rejection {number} stands no longer. Shown now: {_amount(scope, visible)}")


def named_scope(rejections: Rejections, study: str | None, series: str | None, instance: str | None) -> Scope:
    """Return what the options name: at the level of the lowest one.

    Raises:
        NotFound: nothing of the kind is held.
        Ambiguous: it is held in several studies or series.
    """
    if not (study or series or instance):
        raise typer.BadParameter("say what: --study, --series or --instance")
    return rejections.named(
        StudyUID(study) if study else None,
        SeriesUID(series) if series else None,
        InstanceUID(instance) if instance else None,
    )


def _number_of(rejections: Rejections, scope: Scope) -> int:
    """Return the number of the rejection of just this scope."""
    rejection = rejections.of(scope)
    if rejection is not None:
        return rejection.number
    in_study = [each for each in rejections.standing() if each.scope.study == scope.study]
    others = "; ".join(f"{each.number}, of {each.scope}" for each in in_study)
    known = f"; in that study there stand {others}" if others else ""
    raise NotFound(f"no rejection of {scope} stands{known}")


def _amount(scope: Scope, visible: Visible) -> str:
    modalities = f" ({', '.join(visible.modalities)})" if visible.modalities else ""
    return f"{wording.number(visible.instances, 'instance')} in {visible.series:,} series{modalities} of {scope}"


def _row(rejection: Rejection, comment: str) -> tuple[str, ...]:
    number, time = f"{rejection.number:>8}", f"{rejection.time[:19]}Z"
    hidden = wording.number(rejection.instances, "instance") + ("" if rejection.names is None else " by a note")
    words = f'"{" ".join(comment.split())}"' if comment else ""
    return number, time, rejection.actor, rejection.reason, hidden, str(rejection.scope), words


def _told(rejection: Rejection, comment: str) -> dict[str, Any]:
    told = asdict(rejection)
    return {**told, "reason_code": rejection.reason.code, "comment": comment}
