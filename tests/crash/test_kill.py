"""Killed at any moment of an ingest, the node keeps what it acknowledged, byte for byte, and nothing by halves.

Real processes: several associations store, SIGKILL hits the node at a random time, and it starts again over the same
folder. Afterwards everything acknowledged comes back as it was sent, what was under way is there whole or not at all,
and `vna verify` finds nothing.
"""

import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.corpus import Instance
from conformance.node_process import NodeProcess
from conformance.requests import find, get, get_proposals, query_proposals, store, store_proposals
from conformance.upper_layer import Aborted, Address, Association, PeerClosed
from exchange import unique_keys
from ingest import kinds, mixture

ASSOCIATIONS = 3
LONGEST_INGEST_S = 1.0


class Sender(threading.Thread):
    """Stores instances one after the other until the node is gone, remembering what was acknowledged."""

    def __init__(self, address: Address, instances: Iterator[Instance]) -> None:
        super().__init__(daemon=True)
        self._address, self._instances = address, instances
        self.sent: list[Instance] = []
        self.acknowledged: list[Instance] = []
        self.refused: list[str] = []

    def run(self) -> None:
        """Store until the connection breaks."""
        try:
            with Association.open(self._address, store_proposals(kinds())) as association:
                for instance in self._instances:
                    self.sent.append(instance)
                    answer = store(association, instance)
                    if answer.status != 0:
                        self.refused.append(f"{answer.status:04X} {answer.comment}")
                        return
                    self.acknowledged.append(instance)
        except (OSError, PeerClosed, Aborted):
            return


@pytest.mark.long
def test_everything_acknowledged_survives_a_few_kills(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, kills=3, seed=1)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(5))
def test_everything_acknowledged_survives_many_kills(tmp_path: Path, seed: int) -> None:
    kill_again_and_again(tmp_path, kills=20, seed=100 + seed)


def kill_again_and_again(folder: Path, *, kills: int, seed: int) -> None:
    """Store and kill the node, so often; check after each restart the newest acknowledged, and everything at last."""
    chosen = random.Random(seed)
    sent: dict[str, Instance] = {}
    acknowledged: set[str] = set()
    newest: set[str] = set()
    with NodeProcess(folder) as node:
        for round_number in range(kills):
            address = node.start().address
            check(address, {uid: sent[uid] for uid in newest}, newest)
            senders = ingest_and_kill(node, address, round_number, after_s=chosen.uniform(0.02, LONGEST_INGEST_S))
            assert [refusal for sender in senders for refusal in sender.refused] == []
            sent |= {one.sop_instance_uid: one for sender in senders for one in sender.sent}
            newest = {one.sop_instance_uid for sender in senders for one in sender.acknowledged}
            acknowledged |= newest
        assert acknowledged, "no instance was stored before any of the kills"
        check(node.start().address, sent, acknowledged)
        assert node.stop() == 0
        verify(node)


def ingest_and_kill(node: NodeProcess, address: Address, round_number: int, *, after_s: float) -> list[Sender]:
    """Store over several associations, and kill the node in the midst of it."""
    senders = [Sender(address, mixture((round_number * ASSOCIATIONS + n) * 10_000)) for n in range(ASSOCIATIONS)]
    for sender in senders:
        sender.start()
    senders[0].join(after_s)
    node.kill()
    for sender in senders:
        sender.join(60)
        assert not sender.is_alive()
    return senders


def check(address: Address, sent: dict[str, Instance], acknowledged: set[str]) -> None:
    """Check that what is found is what was sent, whole, and that nothing acknowledged is missing."""
    got = {}
    with Association.open(address, get_proposals(kinds())) as association:
        for uid, instance in sent.items():
            for one in get(association, unique_keys(instance), level="IMAGE").instances:
                got[uid] = one
    assert {uid for uid, one in got.items() if one != sent[uid]} == set()
    assert acknowledged - got.keys() == set()
    found = found_studies(address)
    assert {unique_keys(sent[uid])["StudyInstanceUID"] for uid in got} <= found


def found_studies(address: Address) -> set[str]:
    """Return the Study Instance UIDs of all studies that C-FIND shows; each must have an instance."""
    with Association.open(address, query_proposals()) as association:
        matches = find(association, {"StudyInstanceUID": "", "NumberOfStudyRelatedInstances": ""}).matches
    assert all(match.NumberOfStudyRelatedInstances for match in matches)
    return {match.StudyInstanceUID for match in matches}


def verify(node: NodeProcess) -> None:
    """Check that `vna verify` reads everything back without a problem."""
    answer = node.vna("verify", "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["problems"] == []
