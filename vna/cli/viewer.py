"""`vna viewer install`."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from vna.cli.exits import HELP
from vna.cli.options import Config, read_settings
from vna.console import viewer_files
from vna.errors import NotFound, OutOfResources

app = typer.Typer(help="The web viewer that the node serves at /viewer/.", no_args_is_help=True)

_TIMEOUT_S = 900

_Archive = Annotated[
    Path | None,
    typer.Argument(
        metavar="[ARCHIVE]",
        exists=True,
        dir_okay=False,
        help=f"The release's archive, ohif-app-{viewer_files.RELEASE}.tgz. Default: npm fetches it.",
    ),
]
_Again = Annotated[bool, typer.Option("--again", help="Install it although it is there already.")]


@app.callback()
def viewer() -> None:
    """Keep `install` a command of its own."""


@app.command("install", epilog=HELP)
def install(context: typer.Context, archive: _Archive = None, again: _Again = False, config: Config = None) -> None:
    """Get the viewer (OHIF) and put it where the node serves it from: http.viewer_dir, or the node's environment.

    Its archive is compared with a digest that this version of the node knows. A running node serves it once it is
    started again.
    """
    named = read_settings(context, config).http.viewer_dir
    folder = Path(named) if named else viewer_files.default_folder()
    if viewer_files.is_installed(folder) and not again:
        typer.echo(f"The viewer, {viewer_files.PACKAGE} {viewer_files.RELEASE}, is in {folder} already.")
        return
    with tempfile.TemporaryDirectory() as scratch:
        found = archive or _fetched(Path(scratch))
        typer.echo(f"Unpacking and compressing it into {folder} ...")
        try:
            count = viewer_files.install(found, folder)
        except OSError as exc:
            raise OutOfResources(f"the viewer cannot be put into {folder}: {exc}") from exc
    typer.echo(f"{count} files. A node that is started now serves them at /viewer/.")


def _fetched(folder: Path) -> Path:
    """Let npm fetch the archive.

    Raises:
        NotFound: there is no npm, or it did not get it.
    """
    npm, name = shutil.which("npm"), f"{viewer_files.PACKAGE}@{viewer_files.RELEASE}"
    if npm is None:
        raise NotFound(f"npm is missing: install it, or fetch {name} from npm elsewhere and name the archive here")
    typer.echo(f"Fetching {name} from npm, about 48 MB ...")
    command = [npm, "pack", "--silent", "--pack-destination", str(folder), name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, cwd=folder, check=False)  # noqa: S603 - a fixed command
    except subprocess.TimeoutExpired as exc:
        raise NotFound(f"npm did not get {name} within {_TIMEOUT_S} s") from exc
    found = list(folder.glob("*.tgz"))
    if done.returncode or len(found) != 1:
        raise NotFound(f"npm did not get {name}: {done.stderr.strip()[-500:]}")
    return found[0]
