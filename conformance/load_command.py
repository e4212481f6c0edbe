"""`python -m conformance load ...`: the load generator at the command line, one line of figures or JSON."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from pydicom.uid import CTImageStorage, MRImageStorage, SecondaryCaptureImageStorage

from conformance import load
from conformance.corpus import write_ct_files
from conformance.sink import Sink
from conformance.sources import BigMultiframe, CtSlices, Part10Files, SmallStudies, Source
from conformance.upper_layer import Address

Figures = load.StoreFigures | load.FindFigures | load.RetrieveFigures


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add store, big, find, get, move, echo and corpus below a parser."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_store(commands.add_parser("store", help="store files, CT slices or tiny studies"))
    big = commands.add_parser("big", help="store large multi-frame objects, made while they are sent, all at once")
    big.add_argument("--objects", type=int, default=10, help="so many (default 10)")
    big.add_argument("--megabytes", type=int, default=1000, help="size of each (default 1000)")
    _finish(big, _big)
    find = commands.add_parser("find", help="query studies (Study Root) on one association")
    find.add_argument("--repetitions", type=int, default=20, help="how often (default 20)")
    _finish(find, _find, keys=True)
    _finish(commands.add_parser("get", help="retrieve a study by C-GET and drop it"), _get, keys=True)
    move = commands.add_parser("move", help="retrieve a study by C-MOVE into a sink of this process")
    move.add_argument("--destination", required=True, help="AE title the node knows the sink by")
    move.add_argument("--sink-port", type=int, required=True, help="port the node knows the sink by")
    _finish(move, _move, keys=True)
    echo = commands.add_parser("echo", help="send C-ECHO on one association")
    echo.add_argument("--repetitions", type=int, default=20, help="how often (default 20)")
    _finish(echo, _echo)
    corpus = commands.add_parser("corpus", help="write CT slices as files, for other load generators")
    corpus.add_argument("folder", type=Path)
    corpus.add_argument("--n", type=int, default=1000, help="so many slices (default 1000)")
    corpus.set_defaults(run=lambda args: write_ct_files(args.folder, args.n))


def _add_store(store: argparse.ArgumentParser) -> None:
    store.add_argument("--associations", type=int, default=1, help="associations at once, a process each (default 1)")
    store.add_argument("--first", type=int, default=0, help="number of the first slice or study made up")
    store.add_argument("--limit", type=int, help="at most so many files")
    what = store.add_mutually_exclusive_group(required=True)
    what.add_argument("--files", type=Path, metavar="FOLDER", help="send the Part 10 files under a folder")
    what.add_argument("--ct", type=int, metavar="N", help="send so many CT slices made up here")
    what.add_argument("--small", type=int, metavar="N", help="send so many tiny studies made up here")
    _finish(store, _store)


def _finish(
    parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], Figures], *, keys: bool = False
) -> None:
    """Add what every command has: the node, perhaps keys, and the form of the answer."""
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("ae_title")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    if keys:
        parser.add_argument(
            "--key", action="append", default=[], type=_pair, metavar="KEYWORD=VALUE", help="may be repeated"
        )
    parser.set_defaults(run=lambda args: _show(run(args), as_json=args.json))


def _store(args: argparse.Namespace) -> Figures:
    return load.run_store(_address(args), _source(args), associations=args.associations)


def _source(args: argparse.Namespace) -> Source:
    if args.files:
        return Part10Files(args.files, args.limit)
    return CtSlices(args.ct, first=args.first) if args.ct else SmallStudies(args.small, first=args.first)


def _big(args: argparse.Namespace) -> Figures:
    return load.run_store_big(
        _address(args), [BigMultiframe(args.megabytes * 1_000_000, n) for n in range(args.objects)]
    )


def _find(args: argparse.Namespace) -> Figures:
    return load.run_find(_address(args), [dict(args.key)] * args.repetitions)


def _get(args: argparse.Namespace) -> Figures:
    classes = [CTImageStorage, MRImageStorage, SecondaryCaptureImageStorage]
    return load.run_get(_address(args), dict(args.key), sop_classes=classes)


def _move(args: argparse.Namespace) -> Figures:
    with Sink(port=args.sink_port) as sink:
        return load.run_move(_address(args), dict(args.key), destination=args.destination, sink=sink)


def _echo(args: argparse.Namespace) -> Figures:
    return load.run_echo(_address(args), repetitions=args.repetitions)


def _address(args: argparse.Namespace) -> Address:
    return Address(args.host, args.port, args.ae_title)


def _pair(text: str) -> tuple[str, str]:
    keyword, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEYWORD=VALUE")
    return keyword, value


def _show(figures: Figures, *, as_json: bool) -> None:
    values = asdict(figures)
    if as_json:
        print(json.dumps(values))
    else:
        shown = {name: f"{v:.2f}" if isinstance(v, float) else str(v) for name, v in values.items()}
        print(*(f"{name} {text}" for name, text in shown.items()))
