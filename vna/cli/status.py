"""`vna status`."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import typer

import vna
from vna.archive import ExtraProgress, Overview, StoreStanding, storage_errors
from vna.cli.exits import Exit
from vna.cli.options import AsJson, Config, print_json, read_settings
from vna.console import wording
from vna.errors import Damaged, OutOfResources, VnaError
from vna.journal import SealedJournal, load_key
from vna.node import Address, DataFolder, NodeRecord, open_archive, open_documents
from vna.settings import Settings

_TIMEOUT_S = 5
_COMPLAINTS_SHOWN = 5


def status(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    """Tell whether the node runs and is ready, what it holds, what came in, and how long its space lasts.

    Exit code 0: it runs and takes what is sent to it; 1: it runs but is not ready; 3: it does not run.
    """
    settings = read_settings(context, config)
    folder = DataFolder(settings.data_dir)
    record = folder.running()
    live = _ask(record.http) if record else {}
    try:
        overview, owed, stores, extra = _overview(settings, folder.path)
    except VnaError as exc:
        if record is None:
            typer.echo(f"vna: the node does not run, and what it holds cannot be read: {exc}", err=True)
            raise typer.Exit(Exit.UNREACHABLE) from exc
        overview, owed, stores, extra = None, 0, (), []
        live["not_ready"] = {"index": str(exc), **live["not_ready"]}
    journal = _journal(settings, overview)
    found: dict[str, Any] = {
        "running": record is not None,
        "version": record.version if record else vna.__version__,
        "data_dir": str(folder.path),
        "node": _node(record),
        "not_ready": live.get("not_ready"),
        "workers": live.get("workers", []),
        "complaints": live.get("complaints", []),
        "journal": journal,
        "commitments": owed,
        "stores": [asdict(store) for store in stores],
        "extra_attributes": [asdict(each) for each in extra],
        **(asdict(overview) if overview else {"holds": None}),
    }
    if as_json:
        print_json(found)
    else:
        lines = [*_node_lines(found), *_archive_lines(overview, found["not_ready"]), *map(wording.store, stores)]
        lines += [*_journal_lines(journal), *map(wording.extra_attribute, extra), *_owed_lines(owed)]
        typer.echo("\n".join([*lines, *_complaint_lines(found["complaints"])]))
    if record is None:
        raise typer.Exit(Exit.UNREACHABLE)
    if found["not_ready"]:
        raise typer.Exit(Exit.PROBLEM)


def _node(record: NodeRecord | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return asdict(record) | {"dimse": str(record.dimse), "http": str(record.http)}


def _overview(
    settings: Settings, data_dir: Path
) -> tuple[Overview | None, int, tuple[StoreStanding, ...], list[ExtraProgress]]:
    """What the archive holds, how many commitments it owes, its stores, and how far its extra attributes are read.

    Nothing of that where nothing has been made yet: looking must not change that.
    """
    if not data_dir.is_dir():
        return None, 0, (), []
    with closing(open_archive(settings)) as archive:
        overview = archive.overview(datetime.now(UTC).astimezone())
        return overview, archive.commitments.count(), archive.stores(), archive.extra.progress()


def _ask(http: Address) -> dict[str, Any]:
    """Ask the running node what only it knows: whether it is ready, its workers, and what it has complained of."""
    url = f"http://{Address(http.reachable_host, http.port)}/status.json"
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            told = orjson.loads(answer.read())
    except (OSError, ValueError) as exc:
        return {"not_ready": {"http": f"{url} does not answer: {exc}"}}
    node = told["node"] or {}
    return {"not_ready": told["not_ready"], **{name: node.get(name, []) for name in ("workers", "complaints")}}


def _node_lines(found: dict[str, Any]) -> list[str]:
    node = found["node"]
    lines = [f"vna {found['version']}, data in {found['data_dir']}"]
    if node is None:
        return [*lines, "not running"]
    lines.append(f"running as process {node['pid']} since {node['started']}, AE title {node['ae_title']}")
    lines.append(f"DIMSE on {node['dimse']}, HTTP on http://{node['http']}/")
    lines += [f"NOT READY, {name}: {reason}" for name, reason in found["not_ready"].items()] or ["ready"]
    workers = found["workers"]
    if workers:
        alive = sum(worker["alive"] for worker in workers)
        again = sum(worker["starts"] - 1 for worker in workers)
        associations = wording.number(sum(worker["associations"] for worker in workers), "association")
        restarts = f", {again} started again after they died" if again else ""
        lines.append(f"{alive} of {wording.number(len(workers), 'worker')} alive{restarts}, {associations} open")
    return lines


def _archive_lines(overview: Overview | None, not_ready: Mapping[str, str] | None) -> list[str]:
    if overview is None:
        return ["what it holds cannot be read" if not_ready and "index" in not_ready else "nothing stored yet"]
    holds, jump = overview.holds, overview.clock_jump
    lines = [wording.held(holds) + wording.set_aside(holds), wording.space(overview), wording.outlook(overview)]
    if jump is not None:
        lines.append(f"CLOCK NOT TRUSTED since it went from {jump.trusted} to {jump.seen}: vna lifecycle confirm-clock")
    rows = [("Came in from", "today", "last 7 days"), *wording.by_source(overview)]
    if len(rows) == 1:
        return [*lines, "Nothing came in during the last 7 days."]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return lines + [f"  {source:{first}}  {today:{second}}  {week}" for source, today, week in rows]


def _journal(settings: Settings, overview: Overview | None) -> dict[str, Any] | None:
    """How far the journal goes and is sealed; `sealed` is None where that is damaged or cannot be read."""
    if overview is None:
        return None
    documents, key = open_documents(settings), load_key(DataFolder(settings.data_dir).signing_key)
    position = overview.holds.position
    try:
        with storage_errors():
            sealed: int | None = SealedJournal(documents).mark().position
    except (Damaged, OutOfResources):
        sealed = None
    lag = position if sealed is None else max(0, position - sealed)
    return {"position": position, "sealed": sealed, "lag": lag, "public_key": key.public if key else None}


def _journal_lines(journal: dict[str, Any] | None) -> list[str]:
    if journal is None:
        return []
    sealed = "what is sealed cannot be read" if journal["sealed"] is None else f"sealed up to {journal['sealed']}"
    lag = f", {journal['lag']} in the index alone" if journal["lag"] else ""
    lines = [f"journal position {journal['position']}, {sealed}{lag}"]
    return lines + ([f"signed with the key {journal['public_key']}"] if journal["public_key"] else [])


def _owed_lines(owed: int) -> list[str]:
    return [f"{wording.number(owed, 'commitment')} not answered yet"] if owed else []


def _complaint_lines(complaints: list[dict[str, Any]]) -> list[str]:
    if not complaints:
        return []
    lines = ["Warnings and errors since it was started, latest first:"]
    for complaint in complaints[:_COMPLAINTS_SHOWN]:
        last = datetime.fromisoformat(complaint["last"]).astimezone()
        lines.append(f"  {complaint['count']} x, last {last:%Y-%m-%d %H:%M:%S}: {complaint['text']}")
    return lines
