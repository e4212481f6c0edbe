"""`make demo`: a node loaded with the collection, and what to try with it. Ctrl-C stops it.

Everything lies below one folder: `collection/` has the files, `data/` is the node's data folder, `node.log` its log.
"""

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.node_process import NodeProcess
from conformance.server import Server, StartFailed
from sample_data.chu import FOLLOW_UP
from sample_data.identity import Seed
from sample_data.loading import SENDERS, held, send
from sample_data.make import make
from sample_data.people import INFIRMARY
from sample_data.sizes import SIZES

_ISSUER_OF_THE_INFIRMARY = "ST-BRANNOC"
"""What the node takes as issuer of the IDs that the infirmary sends: its own objects do not say."""

_TO_TRY = """
The node is loaded: {studies} studies, {instances} instances. DIMSE on {host} port {port}, AE title {ae}; page on {page}

From another terminal (call DCMTK's programs by full path if a Python environment is active):

  # three people have the ID 4711, one in each hospital
  {find} -k PatientID=4711 -k PatientName -k IssuerOfPatientID -k StudyDescription {where}

  # names in Latin, Greek, Cyrillic, Hebrew, Arabic, Japanese, Korean and Chinese, all answered in UTF-8
  {find} -k "SpecificCharacterSet=ISO_IR 192" -k PatientName -k StudyDescription -k ModalitiesInStudy {where}
  {find} -k "SpecificCharacterSet=ISO_IR 192" -k "PatientName=鈴木*" -k StudyDate {where}

  # the follow-up of a nodule: CT, segmentations, measurements, contours, key image
  {find} -k PatientID=4711 -k "StudyDescription=*thoracique*" -k StudyDate -k StudyInstanceUID {where}

  # fetch that study (the folder must exist)
  getscu -aec {ae} -S +B -k QueryRetrieveLevel=STUDY -k StudyInstanceUID={study} -od /tmp {where}

  # what the node itself says
  VNA_DATA_DIR={data} .venv/bin/vna status

Files: {collection}   Log: {log}   Ctrl-C stops the node.
"""


def run(folder: Path, *, size: str, settings: dict[str, str]) -> None:
    """Make the collection if it is not there yet, start a node, load it, say what to try, and wait.

    Raises:
        conformance.server.StartFailed: the node did not start.
        sample_data.loading.NotStored: the node refused an instance.
    """
    collection = folder / "collection"
    make_once(collection, size=size)
    _say(f"Starting a node, its data in {folder / 'data'} ...\n")
    with NodeProcess(folder, settings=settings) as node:
        server = node.start()
        sender = SENDERS[INFIRMARY.folder]
        node.vna("peers", "add", sender, "127.0.0.1", "104", "--issuer", _ISSUER_OF_THE_INFIRMARY).check_returncode()
        _load(server, collection)
        _say(_what_to_try(node, server, collection))
        status = node.process.wait()
        _say(f"The node has stopped with exit status {status}; its log is {node.log}\n")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.demo", description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("var/demo"), help="where everything lies (var/demo)")
    parser.add_argument("--size", choices=SIZES, default="small", help="size of the collection (small)")
    parser.add_argument("--port", type=int, default=11113, help="port for DIMSE, 0 for a free one (11113)")
    parser.add_argument("--http-port", type=int, default=8081, help="port for HTTP, 0 for a free one (8081)")
    args = parser.parse_args()
    settings = {"VNA_DIMSE__PORT": str(args.port), "VNA_HTTP__PORT": str(args.http_port)}
    try:
        with stopped_by_signals():
            run(args.folder.resolve(), size=args.size, settings=settings)
    except StartFailed as exc:
        sys.exit(f"The node did not start: {exc}")
    except KeyboardInterrupt:
        _say("\nStopped.\n")


def make_once(collection: Path, *, size: str) -> None:
    """Make the collection; it takes its name when it is whole, so that an interrupted one is made again."""
    if collection.is_dir():
        return
    unfinished = collection.with_name("collection.unfinished")
    _say("Making the collection, about a minute ...")
    for count, _ in enumerate(make(unfinished, size=size), 1):
        _tick(f"Making the collection, about a minute: {count} files")
    unfinished.rename(collection)
    _say("\n")


def _load(server: Server, collection: Path) -> None:
    """Send the collection, unless the node holds as much already."""
    total = sum(1 for _ in collection.rglob("*.dcm"))
    if held(server.address).instances >= total:
        return
    _say("Sending it by C-STORE ...")
    for count, _ in enumerate(send(server.address, collection), 1):
        _tick(f"Sending it by C-STORE: {count} of {total}")
    _say("\n")


def _tick(text: str) -> None:
    """Write how far something is over what stood there before, for who watches; a file gets none of it."""
    if sys.stdout.isatty():
        _say(f"\r{text} ")


def _what_to_try(node: NodeProcess, server: Server, collection: Path) -> str:
    holding, address = held(server.address), server.address
    http = json.loads((node.data_dir / "node.json").read_text())["http"]
    return _TO_TRY.format(
        studies=holding.studies,
        instances=holding.instances,
        host=address.host,
        port=address.port,
        ae=address.ae_title,
        page=f"http://{http['host']}:{http['port']}/",
        find=f"findscu -aec {address.ae_title} -S -k QueryRetrieveLevel=STUDY",
        where=f"{address.host} {address.port}",
        data=node.data_dir,
        study=Seed().uid("study", FOLLOW_UP),
        collection=collection,
        log=node.log,
    )


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Make SIGTERM end the block as Ctrl-C does, so that the node is stopped either way."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
