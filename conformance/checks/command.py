"""`python -m conformance check`: checks of any node over the wire, at the command line."""

import argparse
import re
import sys
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from conformance.checks.catalogue import chosen
from conformance.checks.objects import TestObjects
from conformance.checks.report import FORMATS, Report
from conformance.checks.run import Result, Unreachable, meet, run_checks
from conformance.checks.session import Listener, Session, Target
from conformance.checks.verdicts import counted
from conformance.checks.web_client import WebClient
from conformance.sink import Sink
from conformance.upper_layer import Address

_NODE = re.compile(r"(?P<title>[^@\\]{1,16})@(?P<host>\[[^\]]+\]|[^:@]+):(?P<port>\d{1,5})")
_WRONG = 2


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to a parser."""
    parser.add_argument("--dimse", type=node_address, metavar="AET@HOST:PORT", help="the node to check")
    parser.add_argument("--web", type=web_root, metavar="URL", help="its DICOMweb root, such as http://host/dicom-web")
    parser.add_argument(
        "--wado-uri", type=web_root, metavar="URL", help="its URI service (default: wado below the root)"
    )
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="goes with every request, such as a token",
    )
    parser.add_argument("--study", default="", metavar="UID", help="a study it holds: over DICOMweb nothing is stored")
    parser.add_argument("--calling", default="CONFCHECK", metavar="AET", help="our AE title (default CONFCHECK)")
    parser.add_argument("--listen", type=int, default=0, metavar="PORT", help="where we take what C-MOVE sends")
    parser.add_argument("--listen-host", default="", metavar="HOST", help="address to listen on (default: every one)")
    parser.add_argument("--listen-as", default="", metavar="AET", help="AE title the node knows that port by")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="checks to make, such as 'find.*'")
    parser.add_argument(
        "--timeout", type=float, default=10, metavar="S", help="longest wait for an answer (default 10)"
    )
    parser.add_argument(
        "--patience", type=float, default=0, metavar="S", help="wait so long for the ARTIM timer (default: do not)"
    )
    parser.add_argument("--name", default="", help="what to call the node in the report (default: what it says itself)")
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="form of the report (default text)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the report into a file")
    parser.add_argument("--list", action="store_true", help="print the checks and their sections, and make none")
    parser.set_defaults(run=check)


def node_address(text: str) -> Address:
    """Return the address that AET@HOST:PORT stands for."""
    match = _NODE.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not AET@HOST:PORT, such as ARCHIVE@192.0.2.5:104")
    return Address(match["host"].strip("[]"), int(match["port"]), match["title"])


def web_root(text: str) -> str:
    """Return a URL without the slash at its end."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is no URL, such as http://192.0.2.5:8080/dicom-web")
    return text.rstrip("/")


def check(args: argparse.Namespace) -> None:
    """Make the checks and write the report; exit status 1 when one failed, 2 when none could be made."""
    checks = chosen(args.only)
    if args.list:
        print(*(f"{each.id}: {each.title} [{each.section}]" for each in checks), sep="\n")
        return
    if args.dimse is None and args.web is None:
        _stop("give the node to check: --dimse AET@HOST:PORT, --web URL, or both")
    if args.dimse is None:
        checks = [each for each in checks if each.id.startswith("web.")]
    if not checks:
        _stop(f"no check fits {' or '.join(args.only)}; --list shows them all")
    with ExitStack() as stack:
        session = Session(_target(args, stack), TestObjects(uuid.uuid4()))
        try:
            node = meet(session)
        except Unreachable as exc:
            _stop(str(exc))
        results = []
        for result in run_checks(session, checks):
            results.append(result)
            _tell(result, len(results), len(checks))
    report = Report(
        args.name or node.implementation_version or node.implementation_uid or "the node",
        node,
        results,
        session.left_behind(),
    )
    _write(FORMATS[args.format](report), args.output)
    if args.output or args.format != "text":
        remains = counted(len(report.left_behind), "study", "studies")
        print(f"{report.counts}; {remains} left behind, under patients called CONFORMANCE", file=sys.stderr)
    sys.exit(int(report.failed))


def _target(args: argparse.Namespace, stack: ExitStack) -> Target:
    listener = None
    if args.listen_as:
        try:
            sink = stack.enter_context(Sink(host=args.listen_host, port=args.listen, keep=True))
        except OSError as exc:
            _stop(f"cannot listen on port {args.listen}: {exc.strerror}")
        listener = Listener(sink, args.listen_as)
    elif args.listen:
        _stop("--listen needs --listen-as, the AE title the node knows the port by")
    web = WebClient(args.web, args.timeout, _headers(args.header)) if args.web else None
    uri = args.wado_uri or (f"{args.web}/wado" if args.web else "")
    return Target(args.dimse, args.calling, web, listener, args.timeout, args.patience, args.study, uri)


def _headers(lines: list[str]) -> dict[str, str]:
    """Return the headers that were given; one without a colon stops the command."""
    named = [line.partition(":") for line in lines]
    if not all(name.strip() and colon for name, colon, _text in named):
        _stop("--header needs NAME: VALUE, such as 'Authorization: Bearer ...'")
    return {name.strip(): text.strip() for name, _colon, text in named}


def _tell(result: Result, number: int, of: int) -> None:
    """Show on a terminal how far the run is."""
    if sys.stderr.isatty():
        print(
            f"\r\x1b[K{number}/{of} {result.check.id}: {result.verdict}",
            end="\n" if number == of else "",
            file=sys.stderr,
        )


def _write(text: str, file: Path | None) -> None:
    if file is None:
        print(text, end="")
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as exc:
        _stop(f"{file} cannot be written: {exc.strerror}")


def _stop(reason: str) -> NoReturn:
    print(reason, file=sys.stderr)
    sys.exit(_WRONG)
