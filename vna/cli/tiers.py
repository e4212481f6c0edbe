"""`vna tier list`, `show`, `copy`, `move`, `drop`, `recode` and `recall`: where studies lie."""

from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any

import typer

from vna.archive import Archive, Moved, StudyPlace, StudyStanding, TierStanding
from vna.cli.exits import HELP
from vna.cli.options import AsJson, By, Config, print_json, read_settings, user_name
from vna.console import wording
from vna.model import Availability
from vna.node import open_existing_archive

app = typer.Typer(
    help="Where studies lie: the named stores, what is in them, and bringing a study to another one.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Study = Annotated[str, typer.Argument(metavar="STUDY", help="Study Instance UID.")]
To = Annotated[str, typer.Option("--to", metavar="STORE", help="The store to bring it to.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would be copied, and change nothing.")]
Copies = Annotated[int, typer.Option(min=1, metavar="N", help="Sound copies of each blob that have to be left.")]


@app.command("list", epilog=HELP)
def list_tiers(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    """List the stores: codec, what lies there, what room is left. Goes through the rows of all blobs."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        stores = archive.tier_standings()
    if as_json:
        print_json([_store_json(store) for store in stores])
        return
    for store in stores:
        typer.echo(_store_line(store))


@app.command("show", epilog=HELP)
def show(context: typer.Context, study: Study, config: Config = None, as_json: AsJson = False) -> None:
    """Show where a study lies, and how soon it can be retrieved."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        found = archive.tiers.show(study)
    if as_json:
        print_json(_study_json(found))
        return
    read = f"last retrieved {found.last_access}" if found.last_access else "no retrieval is known"
    typer.echo(f"{found.availability.name}, {wording.number(found.blobs, 'blob')}, {read}")
    for place in found.places:
        typer.echo(_place_line(place, found.blobs))


@app.command("copy", epilog=HELP)
def copy(
    context: typer.Context, study: Study, to: To, by: By = "", dry_run: DryRun = False, config: Config = None
) -> None:
    """Bring a study to a store, beside those it lies in."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        if not _would(archive, study, to, dry_run=dry_run):
            typer.echo(_done(archive.tiers.place(study, to, by or user_name())))


@app.command("recall", epilog=HELP)
def recall(
    context: typer.Context,
    study: Study,
    to: Annotated[str, typer.Option("--to", metavar="STORE", help="Where to. Default: the main store.")] = "",
    by: By = "",
    dry_run: DryRun = False,
    config: Config = None,
) -> None:
    """Bring a study back; it stays where it is, too."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        target = to or archive.tiers.stores.main
        if not _would(archive, study, target, dry_run=dry_run):
            typer.echo(_done(archive.tiers.place(study, target, by or user_name())))


@app.command("move", epilog=HELP)
def move(
    context: typer.Context,
    study: Study,
    to: To,
    source: Annotated[str, typer.Option("--from", metavar="STORE", help="Default: the main store.")] = "",
    copies: Copies = 1,
    by: By = "",
    dry_run: DryRun = False,
    config: Config = None,
) -> None:
    """Bring a study to a store, and keep it in another one no longer.

    What stays is read back first; nothing goes unless enough sound copies are left.
    """
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        if not _would(archive, study, to, dry_run=dry_run):
            left = source or archive.tiers.stores.main
            typer.echo(_done(archive.tiers.move(study, left, to, by or user_name(), copies=copies)))


@app.command("drop", epilog=HELP)
def drop(
    context: typer.Context,
    study: Study,
    source: Annotated[str, typer.Option("--from", metavar="STORE", help="The store to keep it in no longer.")],
    copies: Copies = 1,
    by: By = "",
    config: Config = None,
) -> None:
    """Keep a study in a store no longer, if enough sound copies are left elsewhere."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        typer.echo(_done(archive.tiers.displace(study, source, by or user_name(), copies=copies)))


@app.command("recode", epilog=HELP)
def recode(
    context: typer.Context,
    study: Study,
    store: Annotated[str, typer.Option("--in", metavar="STORE", help="The store it lies in.")],
    by: By = "",
    config: Config = None,
) -> None:
    """Write what of a study is not in the codec of its store anew there."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        typer.echo(_done(archive.tiers.reencode(study, store, by or user_name())))


def _would(archive: Archive, study: str, store: str, *, dry_run: bool) -> bool:
    """Tell what would be copied, where that is all that is asked; return whether it is."""
    if dry_run:
        missing = archive.tiers.missing(study, store)
        amount = f"{wording.number(missing.copied, 'blob')}, {wording.size(missing.copied_bytes)} where they are now"
        typer.echo(f"Would copy {amount}, to {store}.")
    return dry_run


def _done(moved: Moved) -> str:
    if moved == Moved():
        return "Nothing was to be done."
    copied = f"{wording.number(moved.copied, 'blob')} copied ({wording.size(moved.copied_bytes)} there)"
    return f"{copied}, {wording.number(moved.deleted, 'blob')} deleted ({wording.size(moved.deleted_bytes)})."


def _store_line(store: TierStanding) -> str:
    found = store.filling
    free = store.shortage or ("" if store.free_bytes is None else f"{wording.size(store.free_bytes)} free")
    amount = f"{wording.number(found.studies, 'study', 'studies')}, {wording.number(found.blobs, 'blob')}"
    ratio = f" for {wording.size(found.plain_bytes)}" if found.blobs else ""
    parts = (amount, f"{wording.size(found.stored_bytes)}{ratio}", free)
    return f"{store.store} ({store.codec}, {_soon(store.availability)}): {'; '.join(filter(None, parts))}"


def _place_line(place: StudyPlace, blobs: int) -> str:
    said = f"{place.blobs} of {wording.number(blobs, 'blob')}, {wording.size(place.stored_bytes)}"
    kept = "" if place.is_kept else "; not kept here"
    more = "; something came in since" if place.is_kept and not place.is_complete else ""
    bad = f"; {place.bad} damaged" if place.bad else ""
    how = f"{', '.join(place.codecs) or 'nothing'}, {_soon(place.availability)}"
    return f"  {place.store} ({how}): {said}{kept}{more}{bad}"


def _soon(availability: Availability) -> str:
    return availability.name.lower()


def _store_json(store: TierStanding) -> dict[str, Any]:
    return {**asdict(store), "availability": _soon(store.availability)}


def _study_json(found: StudyStanding) -> dict[str, Any]:
    places = [{**asdict(place), "availability": _soon(place.availability)} for place in found.places]
    return {**asdict(found), "availability": _soon(found.availability), "places": places}
