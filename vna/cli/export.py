"""`vna export`."""

from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from vna.cli.exits import HELP, Exit
from vna.cli.export_summary import ExportSummary
from vna.cli.options import AsJson, Config, file_path, folder_path, print_json, read_settings
from vna.cli.progress import TransferBar
from vna.cli.stopping import stopped_by_signals
from vna.node import open_existing_archive
from vna.settings import Settings
from vna.transfer import (
    DEFAULT_LAYOUT,
    MEDIA,
    Exporter,
    FolderTarget,
    Layout,
    Selection,
    ZipTarget,
    parse_keys,
    selected,
)

Everything = Annotated[bool, typer.Option("--all", help="Export everything that is held and shown.")]
Studies = Annotated[
    list[str] | None, typer.Option(metavar="UID", help="A study, by Study Instance UID; may be repeated.")
]
Patients = Annotated[list[str] | None, typer.Option(metavar="ID", help="A patient, by ID; may be repeated.")]
Issuer = Annotated[str, typer.Option(help="The issuer of these IDs. Default: the only one each is known of.")]
Queries = Annotated[
    list[str] | None,
    typer.Option(metavar="KEYWORD=VALUE", help="A key as in C-FIND, wild cards and ranges too; may be repeated."),
]
To = Annotated[Path | None, typer.Option(parser=folder_path, metavar="FOLDER", help="Write files into this folder.")]
Zip = Annotated[Path | None, typer.Option("--zip", parser=file_path, metavar="FILE", help="Write one ZIP file.")]
LayoutText = Annotated[
    str | None,
    typer.Option(
        metavar="PATH", help=f'Where each file goes: keywords in braces, or "{MEDIA}". The default stands below.'
    ),
]
Dicomdir = Annotated[bool, typer.Option("--dicomdir", help=f"Write a DICOMDIR too; the layout is then {MEDIA}.")]
Versions = Annotated[bool, typer.Option("--versions", help="Export all versions, not the served ones alone.")]

EPILOG = f"Without --layout: {DEFAULT_LAYOUT}\n\n{HELP}"


def export_files(
    context: typer.Context,
    everything: Everything = False,
    study: Studies = None,
    patient: Patients = None,
    issuer: Issuer = "",
    query: Queries = None,
    to: To = None,
    zip_file: Zip = None,
    layout: LayoutText = None,
    dicomdir: Dicomdir = False,
    versions: Versions = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Write what is held as DICOM files, into a folder or one ZIP file, each read back and proven by its digest.

    What came as a file comes out as the same file, byte for byte; what came without the head of a file (PS3.10 7.1),
    over the network or as a data set alone, gets one. In a folder, files that are there and
    whole are kept, so the same command finishes what was cut short. Exit code 1: something could not be
    exported, nothing was found, or the export was stopped.

    Example: vna export --query PatientID=4711 --query StudyDate=20240101-20241231 --to /mnt/copy
    """
    keys = [("StudyInstanceUID", uid) for uid in study or ()] + list(map(_key, query or ()))
    patients = [(each, issuer) for each in patient or ()]
    if everything == bool(keys or patients):
        raise typer.BadParameter("say what to export: --study, --patient and --query, or --all")
    if (to is None) == (zip_file is None):
        raise typer.BadParameter("say where to: --to FOLDER or --zip FILE")
    request = _Request(
        _selection(keys, patients, versions=versions), _layout(layout, dicomdir=dicomdir), dicomdir, to, zip_file
    )
    if request.layout.is_media and versions:
        raise typer.BadParameter(f"a file-set holds an instance once: no --versions with the layout {MEDIA}")
    summary = _run(read_settings(context, config), request)
    if as_json:
        print_json(summary.as_json())
    else:
        typer.echo("\n".join(summary.lines()))
    if not everything and not summary.found:
        typer.echo("vna: nothing that is held fits", err=True)
    if summary.is_problem or (not everything and not summary.found):
        raise typer.Exit(Exit.PROBLEM)


@dataclass(frozen=True, slots=True)
class _Request:
    """What the command line asks for."""

    selection: Selection
    layout: Layout
    dicomdir: bool
    folder: Path | None
    zip_file: Path | None

    def target(self) -> FolderTarget | ZipTarget:
        return ZipTarget(self.zip_file) if self.zip_file else FolderTarget(self.folder or Path())


def _run(settings: Settings, request: _Request) -> ExportSummary:
    summary = ExportSummary()
    with ExitStack() as stack:
        archive = stack.enter_context(closing(open_existing_archive(settings)))
        exporter = Exporter(archive, request.target(), request.layout, dicomdir=request.dicomdir)
        stack.enter_context(stopped_by_signals(exporter.stop))
        bar = stack.enter_context(TransferBar("exporting"))
        bar.expect(one.held.size for study in selected(archive, request.selection, ()) for one in study)
        for file in exporter.run(request.selection):
            bar.advance(file.size)
            line = summary.add(file)
            if line:
                bar.tell(line)
        summary.end(exporter, bar)
    return summary


def _key(text: str) -> tuple[str, str]:
    keyword, equals, value = text.partition("=")
    if not equals or not value:
        raise typer.BadParameter(f"{text!r} is not KEYWORD=VALUE")
    return keyword, value


def _selection(keys: list[tuple[str, str]], patients: list[tuple[str, str]], *, versions: bool) -> Selection:
    try:
        return Selection(parse_keys(keys), versions, patients)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc


def _layout(text: str | None, *, dicomdir: bool) -> Layout:
    if dicomdir and text not in (None, MEDIA):
        raise typer.BadParameter(f"a DICOMDIR needs the names of the layout {MEDIA} (PS3.10 8.2)")
    try:
        return Layout(text or (MEDIA if dicomdir else DEFAULT_LAYOUT))
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
