"""`vna journal seal`, `vna journal verify` and `vna journal tail`."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import cbor2
import orjson
import typer

from vna.archive import storage_errors
from vna.cli.exits import HELP, Exit
from vna.cli.options import AsJson, Config, print_json, read_settings
from vna.console import wording
from vna.events import Link
from vna.index import JournalReader, index_errors
from vna.journal import HEADS, Problem, Report, load_key, make_key
from vna.journal import verify as verify_journal
from vna.node import DataFolder, lost_end, open_documents, open_journal_reader, open_sealer

app = typer.Typer(no_args_is_help=True, help="The journal: what happened to the archive, sealed and checked.")

_POLL_S = 0.5
_LEFT_OUT = frozenset({"recipe", "blobs"})
"""How an instance is kept, which says nothing of what happened."""


@app.command("seal", epilog=HELP)
def seal(
    context: typer.Context,
    sign: Annotated[bool, typer.Option("--sign", help="Sign the head too.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Seal what happened until now into the store; a running node does so by itself."""
    settings = read_settings(context, config)
    with closing(open_sealer(settings)) as sealer:
        mark = sealer.seal()
        if sign:
            sealer.sign(make_key(DataFolder(settings.data_dir).signing_key), datetime.now(UTC))
    if as_json:
        print_json({"sealed": mark.position, "hash": mark.chain_hash.hex(), "signed": sign})
    else:
        typer.echo(f"Sealed up to position {mark.position}, {mark.chain_hash.hex()}{', and signed' if sign else ''}")


@app.command("verify", epilog=HELP)
def verify(
    context: typer.Context,
    public_key: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="The key that must have signed. Default: that of the data folder, if any."),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Check the sealed journal from the store alone, without index and node.

    What the data folder remembers of the last seal tells whether the end was deleted. Only where nothing at all is
    sealed the index is asked whether there should be a journal.

    Exit code 1: something was altered, deleted, moved, cut off, swapped or forged; the first bad entry is named first.
    """
    settings = read_settings(context, config)
    documents = open_documents(settings)
    key = load_key(DataFolder(settings.data_dir).signing_key)
    with storage_errors():
        report = verify_journal(documents, public_key or (key.public if key else None))
    lost = None if report.problems else lost_end(settings, report)
    if lost is not None:
        report.problems.append(lost)
    if public_key is not None and not report.signed_heads:
        report.problems.append(Problem(1, HEADS, "nothing is signed, with this key or another: it proves nothing here"))
    if as_json:
        print_json(_told(report))
    else:
        typer.echo("\n".join(_lines(report)))
    if report.problems:
        raise typer.Exit(Exit.PROBLEM)


@app.command("tail", epilog=HELP)
def tail(
    context: typer.Context,
    since: Annotated[int, typer.Option(metavar="POSITION", min=0, help="Only what came behind this position.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens, until Ctrl-C.")] = False,
    config: Config = None,
) -> None:
    """Print what happened, oldest first, one JSON object a line; no patient's data is in it."""
    with closing(open_journal_reader(read_settings(context, config))) as reader:
        try:
            for link in _happened(reader, since, follow=follow):
                typer.echo(orjson.dumps(_happening(link)).decode())
        except KeyboardInterrupt:
            raise typer.Exit from None


def _happened(reader: JournalReader, since: int, *, follow: bool) -> Iterator[Link]:
    while True:
        with index_errors():
            for link in reader.links(after=since, upto=reader.mark().position):
                since = link.event.position
                yield link
        if not follow:
            return
        time.sleep(_POLL_S)


def _happening(link: Link) -> dict[str, Any]:
    event = link.event
    body = {name: _plain(value) for name, value in cbor2.loads(event.body).items() if name not in _LEFT_OUT}
    about = {"position": event.position, "time": event.time, "actor": event.actor, "kind": event.kind}
    return {**about, "hash": link.head.hex(), "event": body}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _told(report: Report) -> dict[str, Any]:
    mark = {"position": report.mark.position, "hash": report.mark.chain_hash.hex()}
    return {**asdict(report), "mark": mark, "sound": not report.problems}


def _lines(report: Report) -> list[str]:
    lines = [f"position {each.position}: {each.document}: {each.reason}" for each in report.problems]
    lines += [f"erased by event {each.event}: {each.document}" for each in report.erasures]
    lines += [f"belongs to nothing (a seal was cut short): {name}" for name in report.leftovers]
    number = wording.number
    parts = f"{number(report.segments, 'segment')}, {number(report.payloads, 'payload')}"
    checked = f"{parts} and {number(report.signed_heads, 'signed head')} checked"
    lines.append(f"{checked}, {number(len(report.problems), 'problem')}")
    signed = f"signed up to {report.signed_upto}" if report.signed_upto else "none of it signed"
    lines.append(f"sound up to position {report.mark.position}, {report.mark.chain_hash.hex()}, {signed}")
    return lines
