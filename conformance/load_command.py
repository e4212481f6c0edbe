"""`python -m conformance load ...`: the load generator at the command line, one line of figures or JSON."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from pydicom.datadict import tag_for_keyword
from pydicom.uid import (
    ComprehensiveSRStorage,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    EncapsulatedPDFStorage,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    EnhancedSRStorage,
    ExplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
    MRImageStorage,
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from conformance import load, repeated
from conformance.corpus import write_ct_files
from conformance.pace import Pace
from conformance.sink import Sink
from conformance.sources import BigMultiframe, CtSlices, Part10Files, SmallStudies, Source
from conformance.upper_layer import Aborted, Address, PeerClosed, Proposal, Refused, Requestor

Figures = load.StoreFigures | repeated.RepeatedFigures

_USUAL_CLASSES = (
    *(CTImageStorage, EnhancedCTImageStorage, MRImageStorage, EnhancedMRImageStorage, ComputedRadiographyImageStorage),
    *(DigitalXRayImageStorageForPresentation, DigitalMammographyXRayImageStorageForPresentation),
    *(UltrasoundImageStorage, UltrasoundMultiFrameImageStorage, XRayAngiographicImageStorage),
    *(XRayRadiofluoroscopicImageStorage, NuclearMedicineImageStorage, PositronEmissionTomographyImageStorage),
    *(SecondaryCaptureImageStorage, SegmentationStorage, EncapsulatedPDFStorage, EnhancedSRStorage),
    *(ComprehensiveSRStorage, KeyObjectSelectionDocumentStorage),
)
_FAILED, _UNREACHED = 1, 2
_EPILOG = "Exit status: 0 all went well, 1 a request failed, 2 the load could not be made. What is stored stays there."


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add store, big, find, get, move, echo and corpus below a parser."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_store(_command(commands, "store", "store files, CT slices or tiny studies"))
    big = _command(commands, "big", "store large multi-frame objects, made while they are sent, all at once")
    big.add_argument("--objects", type=_positive, default=10, help="so many (default 10)")
    big.add_argument("--megabytes", type=_positive, default=1000, help="size of each (default 1000)")
    _finish(big, _big)
    _finish(_repeating(_command(commands, "find", "query studies (Study Root)")), _find, keys=True)
    get = _repeating(_command(commands, "get", "retrieve a study by C-GET and drop it"))
    get.add_argument("--sop-class", action="append", metavar="UID", help="classes to take (default: the usual ones)")
    get.add_argument("--transfer-syntax", action="append", metavar="UID", help="to take them in (default: Explicit VR)")
    _finish(get, _get, keys=True)
    move = _repeating(_command(commands, "move", "retrieve a study by C-MOVE into a sink of this process"))
    move.add_argument("--destination", required=True, metavar="AET", help="AE title the node knows the sink by")
    move.add_argument("--sink-port", type=int, required=True, metavar="PORT", help="port the node knows the sink by")
    move.add_argument("--sink-host", default="", metavar="HOST", help="address to listen on (default: every one)")
    _finish(move, _move, keys=True)
    _finish(_repeating(_command(commands, "echo", "send C-ECHO")), _echo)
    corpus = commands.add_parser("corpus", help="write CT slices as files, for other load generators")
    corpus.add_argument("folder", type=Path)
    corpus.add_argument("--n", type=_positive, default=1000, help="so many slices (default 1000)")
    corpus.set_defaults(run=lambda args: write_ct_files(args.folder, args.n))


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=text, description=text.capitalize() + ".", epilog=_EPILOG)


def _add_store(store: argparse.ArgumentParser) -> None:
    _paced(store)
    store.add_argument("--first", type=int, default=0, help="number of the first slice or study made up")
    store.add_argument("--limit", type=_positive, help="at most so many files")
    what = store.add_mutually_exclusive_group(required=True)
    what.add_argument("--files", type=Path, metavar="FOLDER", help="send the Part 10 files under a folder")
    what.add_argument("--ct", type=_positive, metavar="N", help="send so many CT slices made up here")
    what.add_argument("--small", type=_positive, metavar="N", help="send so many tiny studies made up here")
    _finish(store, _store)


def _paced(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--associations", type=_positive, default=1, help="associations at once (default 1)")
    parser.add_argument(
        "--rate", type=float, default=0, help="requests a second (default: as fast as they are answered)"
    )
    parser.add_argument("--duration", type=float, default=0, metavar="S", help="stop after so many seconds")


def _repeating(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    _paced(parser)
    parser.add_argument(
        "--repetitions", type=_positive, help="so many requests (default 20, or without end where --duration is given)"
    )
    return parser


def _finish(
    parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], Figures], *, keys: bool = False
) -> None:
    """Add what every command has: the node, perhaps keys, and the form of the answer."""
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("ae_title")
    parser.add_argument("--calling", default="LOADGEN", metavar="AET", help="our AE title (default LOADGEN)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    if keys:
        parser.add_argument(
            "--key", action="append", default=[], type=_pair, metavar="KEYWORD=VALUE", help="may be repeated"
        )
    parser.set_defaults(run=lambda args: _show(_made(run, args), as_json=args.json))


def _made(run: Callable[[argparse.Namespace], Figures], args: argparse.Namespace) -> Figures:
    """Make the load; what keeps it from being made becomes one sentence."""
    try:
        return run(args)
    except (load.LoadFailed, Refused, Aborted, PeerClosed, OSError, LookupError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        print(f"{args.ae_title} at {args.host}:{args.port}: {reason}", file=sys.stderr)
        sys.exit(_UNREACHED)


def _store(args: argparse.Namespace) -> Figures:
    pace = Pace(args.rate, args.duration)
    return load.run_store(
        _address(args), _source(args), associations=args.associations, pace=pace, calling=args.calling
    )


def _source(args: argparse.Namespace) -> Source:
    if args.files:
        if not args.files.is_dir():
            raise ValueError(f"{args.files} is no folder")
        return Part10Files(args.files, args.limit)
    return CtSlices(args.ct, first=args.first) if args.ct else SmallStudies(args.small, first=args.first)


def _big(args: argparse.Namespace) -> Figures:
    return load.run_store_big(
        _address(args), [BigMultiframe(args.megabytes * 1_000_000, n) for n in range(args.objects)]
    )


def _find(args: argparse.Namespace) -> Figures:
    keys = dict.fromkeys(load.RETURN_KEYS, "") | dict(args.key)
    return _repeated(args, repeated.queries(_address(args), Requestor(args.calling), keys))


def _get(args: argparse.Namespace) -> Figures:
    syntaxes = tuple(args.transfer_syntax or (ExplicitVRLittleEndian,))
    storage = [Proposal(uid, syntaxes, as_scp=True) for uid in args.sop_class or _USUAL_CLASSES]
    return _repeated(args, repeated.retrievals(_address(args), Requestor(args.calling), dict(args.key), storage))


def _move(args: argparse.Namespace) -> Figures:
    with Sink(host=args.sink_host, port=args.sink_port) as sink:
        asked = repeated.moves(
            _address(args), Requestor(args.calling), dict(args.key), destination=args.destination, sink=sink
        )
        return _repeated(args, asked)


def _echo(args: argparse.Namespace) -> Figures:
    return _repeated(args, repeated.echoes(_address(args), Requestor(args.calling)))


def _repeated(args: argparse.Namespace, open_association: repeated.OpenAssociation) -> Figures:
    repetitions = args.repetitions or (0 if args.duration else 20)
    pace = Pace(args.rate, args.duration, repetitions)
    return repeated.run_repeated(open_association, pace, associations=args.associations)


def _address(args: argparse.Namespace) -> Address:
    return Address(args.host, args.port, args.ae_title)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _pair(text: str) -> tuple[str, str]:
    keyword, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEYWORD=VALUE")
    if tag_for_keyword(keyword) is None:
        raise argparse.ArgumentTypeError(f"{keyword!r} is no attribute; write keywords such as PatientID")
    return keyword, value


def _show(figures: Figures, *, as_json: bool) -> None:
    """Print the figures; exit status 1 when a request failed."""
    values = asdict(figures)
    if as_json:
        print(json.dumps(values))
    else:
        shown = {name: f"{v:.2f}" if isinstance(v, float) else str(v) for name, v in values.items()}
        print(*(f"{name} {text}" for name, text in shown.items()))
    if figures.failed:
        sys.exit(_FAILED)
