"""`vna import`."""

import os
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vna.archive import Archive
from vna.cli.exits import Exit
from vna.cli.import_summary import ImportSummary
from vna.cli.options import AsJson, Config, existing_path, print_json, read_settings
from vna.cli.progress import TransferBar
from vna.cli.stopping import stopped_by_signals
from vna.model import Source
from vna.node import DataFolder, open_archive
from vna.node.process import set_up_process
from vna.settings import Settings, parse_ae_title
from vna.transfer import FinishedUnits, Importer, Job, Standby, Verdict, files

_ACTOR = "vna import"
_THREADS = 3
_MOST_WORKERS = 8
_FEW_FILES = 300
_FEW_BYTES = 150_000_000
"""So much is stored before another process has loaded what it needs."""


def _source_name(value: str) -> str:
    try:
        return parse_ae_title(value)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc


def import_files(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", parser=existing_path, help="Folders, files, ZIP, TAR or DICOMDIR."),
    ],
    source: Annotated[
        str,
        typer.Option(metavar="NAME", callback=_source_name, help="Whose content this is: the AE title of a peer."),
    ] = "import",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and judge everything, store nothing, write nothing.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Read also what an earlier import was done with and has not changed.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=32, help="Processes that read and store. Default: one to a core, one for little."),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Store DICOM files from disk: whole folders, single files, ZIP and TAR archives, the files of a DICOMDIR.

    Beside a running node or without one. Files come back from an export byte for byte; a data set
    without the head of a file (PS3.10 7.1) comes back with one. What was begun and
    not finished is taken up by the same command: files it is done with are passed over unless they have
    changed. Standard error names every file that is not DICOM, damaged or cannot be read. Exit code 1:
    something was damaged or failed, or the import was stopped.
    """
    worthwhile = 1 if dry_run else workers or worthwhile_workers(paths)  # a trial remembers what it has seen
    request = _Request(paths, source, dry_run, again, worthwhile)
    summary = _run(read_settings(context, config), request)
    if as_json:
        print_json(summary.as_json())
    else:
        typer.echo("\n".join(summary.lines()))
    if summary.problems or summary.stopped:
        raise typer.Exit(Exit.PROBLEM)


def worthwhile_workers(paths: list[Path]) -> int:
    """Return how many processes shorten an import; as soon as there is much of it, the rest is not looked at."""
    size = 0
    for number, found in enumerate(files(paths), 1):
        size += 0 if isinstance(found, Verdict) else found.size
        if number > _FEW_FILES or size > _FEW_BYTES:
            return min(len(os.sched_getaffinity(0)), _MOST_WORKERS)
    return 1


@dataclass(frozen=True, slots=True)
class _Request:
    """What the command line asks for."""

    paths: list[Path]
    source: str
    dry_run: bool
    again: bool
    workers: int


def _run(settings: Settings, request: _Request) -> ImportSummary:
    opener = partial(_open, settings, workers=request.workers, dry_run=request.dry_run)
    with ExitStack() as stack:
        standby = stack.enter_context(Standby(request.workers if request.workers > 1 else 0))  # before all that follows
        archive = opener()
        if archive is not None:
            stack.enter_context(closing(archive))
        source = _source(archive, request.source)
        job = Job(opener, set_up_process, source, _ACTOR, threads=_THREADS, dry_run=request.dry_run)
        remember = archive is not None and not (request.dry_run or request.again)
        finished = _finished(settings, archive) if archive is not None and remember else None
        importer = Importer(job, workers=request.workers, finished=finished, standby=standby)
        stack.enter_context(stopped_by_signals(importer.stop))
        bar = stack.enter_context(TransferBar("checking" if request.dry_run else "importing"))
        bar.expect(found.size for found in files(request.paths) if not isinstance(found, Verdict))
        summary = ImportSummary(request.source, request.dry_run)
        for verdict in importer.run(request.paths):
            bar.advance(verdict.progress)
            line = summary.add(verdict)
            if line:
                bar.tell(line)
        summary.end(importer, bar)
    return summary


def _open(settings: Settings, *, workers: int, dry_run: bool) -> Archive | None:
    """Open the archive; a trial does not make one, and returns None where there is none."""
    if dry_run and not settings.index.url and not DataFolder(settings.data_dir).index_file.is_file():
        return None
    return open_archive(settings, workers=workers)


def _source(archive: Archive | None, name: str) -> Source:
    """Return the source of that name: as it would send, if it is a registered peer."""
    peer = archive.peers().get(name) if archive is not None else None
    return Source(name, peer.issuer, peer.warn_on_conflict) if peer else Source(name)


def _finished(settings: Settings, archive: Archive) -> FinishedUnits:
    return FinishedUnits(DataFolder(settings.data_dir).imports_file, archive.knows_mark, archive.journal_mark)
