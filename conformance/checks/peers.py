"""`python -m conformance results`: the checks of this node, Orthanc and dcmqrscp, kept as files to compare with.

Each runs on this machine over an empty folder. A peer that is not installed is left out, and its file stays as it is.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from conformance.checks.catalogue import CHECKS
from conformance.checks.compare import as_markdown
from conformance.checks.objects import TestObjects
from conformance.checks.report import Report, as_json
from conformance.checks.run import meet, run_checks
from conformance.checks.session import Listener, Session, Target
from conformance.checks.web_client import WebClient
from conformance.dcmqrscp import dcmqrscp, find_dcmqrscp
from conformance.node_process import dicomweb_root, running_node
from conformance.orthanc import DICOMWEB_PLUGIN, dicomweb_settings, find_orthanc, orthanc
from conformance.server import Server
from conformance.sink import Sink

CALLING, LISTENER = "CONFCHECK", "CONFSINK"
RESULTS = Path(__file__).parents[1] / "results"
_TIMEOUT_S = 6
_ARTIM_S, _PATIENCE_S = "2", 8

Destinations = dict[str, tuple[str, int]]
Running = tuple[Server, str, str]
"""A server, its DICOMweb root and the address of its URI service, which may be empty."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to a parser."""
    parser.add_argument("names", nargs="*", help="any of vna, orthanc, dcmqrscp; all by default")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the reports are kept (default: in here)")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    if unknown := set(args.names) - {"vna", "orthanc", "dcmqrscp"}:
        sys.exit(f"no such node: {', '.join(sorted(unknown))}; there are vna, orthanc and dcmqrscp")
    args.folder.mkdir(parents=True, exist_ok=True)
    for name in args.names or ("vna", "orthanc", "dcmqrscp"):
        with tempfile.TemporaryDirectory(prefix="vna-checks-") as temporary:
            report = _check(name, Path(temporary))
        if report is None:
            print(f"{name} is not installed, and left out.", file=sys.stderr)
            continue
        (args.folder / f"{name}.json").write_text(as_json(report), encoding="utf-8")
        print(f"{report.name}: {report.counts}", file=sys.stderr)
    kept = [args.folder / f"{name}.json" for name in ("vna", "orthanc", "dcmqrscp")]
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in kept if path.exists()]
    (args.folder / "README.md").write_text(as_markdown(documents), encoding="utf-8")


def _check(name: str, folder: Path) -> Report | None:
    """Run a node and check it; None where it is not installed."""
    with Sink(keep=True) as sink:
        here = (sink.host, sink.port)
        started = _started(name, folder, {LISTENER: here, CALLING: here})
        if started is None:
            return None
        label, server = started
        with server as (running, web, uri):
            patience = _PATIENCE_S if name == "vna" else 0
            root = WebClient(web, _TIMEOUT_S) if web else None
            target = Target(running.address, CALLING, root, Listener(sink, LISTENER), _TIMEOUT_S, patience, uri=uri)
            session = Session(target, TestObjects(uuid.uuid4()))
            node = meet(session)
            results = list(run_checks(session, CHECKS))
    return Report(label or node.implementation_version, node, results, [])


def _started(name: str, folder: Path, destinations: Destinations) -> tuple[str, AbstractContextManager[Running]] | None:
    """Return what a node is called, and the context in which it runs; None where it is not installed."""
    if name == "vna":
        return "", _vna(folder, destinations)
    program = find_orthanc() if name == "orthanc" else find_dcmqrscp()
    if program is None:
        return None
    if name == "orthanc":
        return f"Orthanc {_version(program)}", _orthanc(program, folder, destinations)
    return f"dcmqrscp {_version(program)}", _dcmqrscp(program, folder, destinations)


@contextmanager
def _vna(folder: Path, destinations: Destinations) -> Iterator[Running]:
    with running_node(folder, settings={"VNA_DIMSE__ARTIM_TIMEOUT_S": _ARTIM_S}, peers=destinations) as server:
        root = dicomweb_root(server)
        yield server, root, f"{root}/wado"


@contextmanager
def _orthanc(program: str, folder: Path, destinations: Destinations) -> Iterator[Running]:
    if not DICOMWEB_PLUGIN.exists():
        with orthanc(program, folder, destinations=destinations) as server:
            yield server, "", ""
        return
    more, address = dicomweb_settings()
    with orthanc(program, folder, destinations=destinations, more=more) as server:
        yield server, f"{address}/dicom-web", f"{address}/wado"


@contextmanager
def _dcmqrscp(program: str, folder: Path, destinations: Destinations) -> Iterator[Running]:
    with dcmqrscp(program, folder, destinations=destinations) as server:
        yield server, "", ""


def _version(program: str) -> str:
    """Return the first number with dots that a program says of itself."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    found = re.search(r"\d+(?:\.\d+)+", said)
    return found[0] if found else "of unknown version"
