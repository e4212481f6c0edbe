"""`vna receipt`."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from vna.archive import write_receipt
from vna.cli.exits import Exit
from vna.cli.options import Config, read_settings
from vna.journal import make_key
from vna.model import StudyUID
from vna.node import DataFolder, open_existing_archive, open_sealer


def receipt(
    context: typer.Context,
    study_uid: Annotated[str, typer.Argument(metavar="STUDY", help="Study Instance UID.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", dir_okay=False, help="Write it into this file, not to the terminal."),
    ] = None,
    config: Config = None,
) -> None:
    """Print a signed receipt: which instances of a study the archive holds, read back just now, with their digests.

    Anybody can check it with conformance/check_receipt.py and the public key that `vna status` prints. Exit code 1: the
    study is not known, or something of it is damaged.
    """
    settings = read_settings(context, config)
    with closing(open_existing_archive(settings)) as archive, closing(open_sealer(settings)) as sealer:
        key = make_key(DataFolder(settings.data_dir).signing_key)
        text = write_receipt(StudyUID(study_uid), archive.verify(study_uid), sealer, key)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, "ascii")
    except OSError as exc:
        typer.echo(f"vna: {out} cannot be written: {exc.strerror}", err=True)
        raise typer.Exit(Exit.PROBLEM) from exc
