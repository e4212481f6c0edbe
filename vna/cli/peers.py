"""`vna peers list | add | remove | test`."""

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from vna.cli.exits import HELP, Exit
from vna.cli.options import ACTOR, AsJson, Config, print_json, read_settings
from vna.cli.tables import columns
from vna.dicom.text import is_charset
from vna.dimse import echo_peer
from vna.errors import NotFound
from vna.model import Peer
from vna.node import open_archive, open_existing_archive
from vna.settings import parse_ae_title

app = typer.Typer(help="List, add, remove and test the DICOM applications the node talks to.", no_args_is_help=True)


def _ae_title(value: str) -> str:
    try:
        return parse_ae_title(value)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc


def _host(value: str) -> str:
    if not value.strip() or value != "".join(value.split()):
        raise typer.BadParameter("a host is a name or an address, without spaces")
    return value


def _charset(value: str) -> str:
    if not is_charset(value):
        raise typer.BadParameter(r'Defined Terms are such as "ISO_IR 100" or "ISO 2022 IR 6\ISO 2022 IR 87"')
    return value


AETitle = Annotated[str, typer.Argument(metavar="AET", callback=_ae_title, help="The peer's AE title.")]


@app.command("list", epilog=HELP)
def list_peers(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    """List the registered peers."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        peers = [archive.peers()[ae_title] for ae_title in sorted(archive.peers())]
    if as_json:
        print_json([asdict(peer) for peer in peers])
        return
    if not peers:
        typer.echo("No peer is registered: vna peers add AET HOST PORT")
    for line in columns(map(_row, peers)):
        typer.echo(line)


@app.command("add", epilog=HELP)
def add_peer(
    context: typer.Context,
    ae_title: AETitle,
    host: Annotated[str, typer.Argument(metavar="HOST", callback=_host, help="Its host name or address.")],
    port: Annotated[int, typer.Argument(metavar="PORT", min=1, max=65535, help="The port it listens on.")],
    issuer: Annotated[
        str, typer.Option(help="Issuer assumed for patients it sends without Issuer of Patient ID (0010,0021).")
    ] = "",
    charset: Annotated[
        str,
        typer.Option(
            callback=_charset,
            help='Specific Character Set it wants answers in, such as "ISO_IR 100"; empty: as it asks.',
        ),
    ] = "",
    max_pdu: Annotated[
        int, typer.Option(metavar="BYTES", min=0, help="Longest PDU to send it; 0: as long as it says it takes.")
    ] = 0,
    warn_on_conflict: Annotated[
        bool, typer.Option("--warn-on-conflict", help="Warn it (B000) when what it sends disagrees with what is held.")
    ] = False,
    config: Config = None,
) -> None:
    """Register a peer, or change the one of this AE title; a running node knows it a second later.

    Example: vna peers add CT1 192.0.2.17 104 --issuer "HOSPITAL A"
    """
    peer = Peer(ae_title, host, port, issuer, charset, max_pdu, warn_on_conflict)
    with closing(open_archive(read_settings(context, config))) as archive:
        archive.add_peer(peer, actor=ACTOR)
    typer.echo(f"Registered: {'  '.join(_row(peer)).rstrip()}")


@app.command("remove", epilog=HELP)
def remove_peer(context: typer.Context, ae_title: AETitle, config: Config = None) -> None:
    """Forget a peer; what it sent stays."""
    with closing(open_existing_archive(read_settings(context, config))) as archive:
        archive.remove_peer(ae_title, actor=ACTOR)
    typer.echo(f"Removed: {ae_title}")


@app.command("test", epilog=HELP)
def check_peer(
    context: typer.Context,
    ae_title: AETitle,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="How long to wait for each answer.")] = 10,
    config: Config = None,
) -> None:
    """Ask a registered peer whether it is there (C-ECHO)."""
    settings = read_settings(context, config)
    with closing(open_existing_archive(settings)) as archive:
        peer = archive.peers().get(ae_title)
    if peer is None:
        raise NotFound(f"{ae_title} is not a registered peer; vna peers list shows those that are")
    failure = echo_peer(peer, calling_ae_title=settings.dimse.ae_title, timeout_s=timeout)
    if failure is not None:
        typer.echo(f"vna: C-ECHO to {ae_title} failed: {failure}", err=True)
        raise typer.Exit(Exit.UNREACHABLE)
    typer.echo(f"{ae_title} at {peer.host}:{peer.port} answers C-ECHO")


def _row(peer: Peer) -> tuple[str, str, str]:
    details = {
        "issuer": peer.issuer,
        "charset": peer.charset,
        "max-pdu": peer.max_pdu,
        "warn-on-conflict": "yes" if peer.warn_on_conflict else "",
    }
    told = "  ".join(f"{name}={value}" for name, value in details.items() if value)
    return peer.ae_title, f"{peer.host}:{peer.port}", told
