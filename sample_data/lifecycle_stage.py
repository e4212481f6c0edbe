"""What a demonstration stands on: its folders, its node, commands shown with their answers, and checked claims."""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydicom.uid import ImplicitVRLittleEndian

from conformance.corpus import Instance
from conformance.node_process import NodeProcess
from conformance.requests import STUDY_ROOT_FIND, find, get, get_proposals, in_batches, store, store_proposals
from conformance.server import Server
from conformance.upper_layer import Address, Association, Proposal, Requestor

_SHOWN_LINES = 14
_COMMAND_TIMEOUT_S = 1800
"""Encoding for the smallest size takes its time."""


class NotAsClaimed(Exception):
    """Something is not as the demonstration says; the message says what."""


class Stage:
    """The folders of a demonstration, its node, and what it shows."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.collection, self.loaded = folder, folder / "collection", folder / "loaded"
        self.papers, self.backup = folder / "papers", folder / "backup"
        settings = {
            "VNA_STORE__TIERS": f"cold=file://{folder / 'cold'};codec=smallest;availability=nearline",
            "VNA_STORE__SWEEP_GRACE_S": "0",
            "VNA_ARCHIVE__LEDGER_COPIES": f"file://{folder / 'ledgers'}",
            "VNA_LIFECYCLE__RUN_EVERY_S": "0",
            "VNA_ARCHIVE__STUDY_QUIET_S": "1",
        }
        self.node = NodeProcess(folder, settings=settings)
        self.server: Server | None = None

    def start(self) -> Server:
        """Start the node."""
        self.server = self.node.start()
        return self.server

    def vna(self, *arguments: str, fails: bool = False) -> str:
        """Run a command, show it with its answer, and return that.

        Raises:
            NotAsClaimed: it failed, or did not though it was to.
        """
        say("$ vna " + " ".join(f'"{each}"' if " " in each else each for each in arguments) + "\n")
        done = self.node.vna(*arguments, timeout_s=_COMMAND_TIMEOUT_S)
        told = (done.stdout + done.stderr).splitlines()
        say("".join(f"  {line}\n" for line in told[:_SHOWN_LINES]))
        say(f"  ... {len(told) - _SHOWN_LINES} more lines\n" if len(told) > _SHOWN_LINES else "")
        check((done.returncode != 0) == fails, f"vna {arguments[0]} ended with status {done.returncode}")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Run a command with --json, without showing it, and return what it answered."""
        done = self.node.vna(*arguments, "--json")
        check(done.returncode == 0, f"vna {arguments[0]}: {done.stderr}")
        return json.loads(done.stdout)

    def found(self, **keys: str) -> Mapping[str, str]:
        """Return the Instance Availability of the studies that a C-FIND gives, by UID."""
        wanted = {"StudyInstanceUID": "", "InstanceAvailability": "", **keys}
        with Association.open(self._address, [Proposal(STUDY_ROOT_FIND, (ImplicitVRLittleEndian,))]) as association:
            matches = find(association, wanted).matches
        return {str(match.StudyInstanceUID): str(match.get("InstanceAvailability", "")) for match in matches}

    def retrieved(self, study: str, instances: Iterable[Instance]) -> set[bytes]:
        """Return the data sets that a C-GET of a study gives."""
        with Association.open(self._address, get_proposals(instances)) as association:
            return {bytes(each.data) for each in get(association, {"StudyInstanceUID": study}).instances}

    def sent(self, instances: Iterable[Instance], ae_title: str) -> set[int]:
        """Send instances by C-STORE and return the statuses of the answers."""
        statuses = set()
        for batch in in_batches(list(instances)):
            requestor = Requestor(ae_title=ae_title)
            with Association.open(self._address, store_proposals(batch), requestor=requestor) as association:
                statuses |= {store(association, instance).status for instance in batch}
        return statuses

    @property
    def _address(self) -> Address:
        if self.server is None:
            raise NotAsClaimed("the node is not running")
        return self.server.address


def check(is_so: bool, otherwise: str) -> None:
    """Go on if a claim is true.

    Raises:
        NotAsClaimed: it is not; the text says what is the case instead.
    """
    if not is_so:
        raise NotAsClaimed(otherwise)


def say(text: str) -> None:
    """Print a text as it is."""
    sys.stdout.write(text)
    sys.stdout.flush()
