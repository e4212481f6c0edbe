"""`vna elimination run`, `certificate` and `verify-certificate`."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from vna.archive import EliminationRun, check_certificate, told_elimination_standing
from vna.cli.elimination_printing import print_certificate
from vna.cli.elimination_words import LANGUAGES
from vna.cli.exits import HELP, Exit
from vna.cli.options import (
    LARGEST_NUMBER,
    AsJson,
    By,
    Config,
    print_json,
    read_settings,
    told_if_not_written,
    user_name,
    write_file,
)
from vna.console import wording
from vna.node import open_existing_sealing_archive

Number = Annotated[int, typer.Argument(metavar="NUMBER", max=LARGEST_NUMBER, help="The number of the elimination.")]

app = typer.Typer()


@app.command(epilog=HELP)
def run(
    context: typer.Context,
    number: Number,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many items.")] = None,
    by: By = "",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Carry out what all have agreed to, once the waiting time is over.

    Each item is evaluated again first; what is not due any more, or held, is kept. It may be stopped at any time and
    run again. Exit code 1: a place has not attested yet that nothing is left there.
    """
    now = datetime.now(UTC)
    with closing(open_existing_sealing_archive(read_settings(context, config))) as archive:
        done = archive.executor.run(number, by or user_name(), now, limit=limit)
    if as_json:
        counts = {"eliminated": done.eliminated, "kept": done.kept, "waits_for": done.waits_for}
        print_json({**counts, **told_elimination_standing(done.standing)})
    else:
        _tell(done)
    if done.waits_for:
        raise typer.Exit(Exit.PROBLEM)


@app.command(epilog=HELP)
def certificate(
    context: typer.Context,
    number: Number,
    out: Annotated[
        Path,
        typer.Option(metavar="FOLDER", file_okay=False, help="Where to write it; made where it is missing."),
    ],
    config: Config = None,
) -> None:
    """Write the signed certificate, and its printed form in French and English."""
    with closing(open_existing_sealing_archive(read_settings(context, config))) as archive:
        data = archive.executor.certificate(number, datetime.now(UTC))
    name = f"elimination-{number}"
    files = {f"{name}.json": data, **{f"{name}.{each}.pdf": print_certificate(data, each) for each in LANGUAGES}}
    with told_if_not_written(out):
        out.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        write_file(out / file, content)
        typer.echo(out / file)


@app.command("verify-certificate", epilog=HELP)
def verify_certificate(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The signed certificate (JSON).")
    ],
    key: Annotated[
        str, typer.Option(metavar="HEX", help="The archive's public key, known from elsewhere; `vna status` prints it.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Verify a certificate from its file alone: no node, index or settings are asked.

    It is compared part by part with the digests it holds, these with the signature, and then what it tells with the
    rules of an elimination. Exit code 1: something is wrong; each line says where and what. Without --key the key is
    taken from the file: then it is proven only that nothing was changed since somebody signed it.
    """
    faults = check_certificate(file.read_bytes(), key.strip())
    if as_json:
        print_json({"sound": not faults, "faults": [{"where": each.where, "what": each.what} for each in faults]})
    else:
        for fault in faults:
            typer.echo(str(fault), err=True)
        whose = (
            "and signed with this key" if key else "and signed with the key it names: compare that with the archive's"
        )
        typer.echo("The certificate is NOT sound." if faults else f"The certificate is whole, in order, {whose}.")
    if faults:
        raise typer.Exit(Exit.PROBLEM)


def _tell(done: EliminationRun) -> None:
    standing = done.standing
    items = wording.number(done.eliminated, "item")
    typer.echo(f"{items} eliminated, {done.kept:,} kept; {standing.state.value}, {standing.left:,} left")
    for place, reason in done.waits_for.items():
        typer.echo(f"waits for {place}: {reason}", err=True)
    if standing.elimination.certificate:
        number = standing.elimination.number
        typer.echo(f"certified: vna elimination certificate {number} --out FOLDER")
