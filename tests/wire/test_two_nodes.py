"""Two nodes, each with a data folder of its own, on one PostgreSQL and one bucket.

Both receive at once, each serves what the other took in, and a node that is killed takes nothing with it that was
acknowledged. Whatever happens, the journal stays one chain: dense positions, each head made from the one before.
"""

import hashlib
import itertools
import json
import random
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cbor2
import pytest
from sqlalchemy import text

from conformance import oddities
from conformance.corpus import Instance, ct_instances, small_studies
from conformance.node_process import NodeProcess
from conformance.requests import find, get, get_proposals, query_proposals, store, store_proposals
from conformance.upper_layer import Aborted, Address, Association, PeerClosed
from databases import connected, new_database
from exchange import unique_keys
from s3_server import new_bucket, store_settings
from vna.journal import make_key

pytestmark = pytest.mark.timeout(300)

_EACH = 12
_EVENTS = text(
    "SELECT position, origin, origin_sequence, time, actor, kind, schema_version, body, payload_digest, hash"
    " FROM event ORDER BY position"
)


class Pair:
    """Two nodes of one archive."""

    def __init__(self, folder: Path, database: str, endpoint: str) -> None:
        self.database = database
        settings = {"VNA_INDEX__URL": database, **store_settings(endpoint, new_bucket(endpoint))}
        self.one = NodeProcess(folder / "one", settings=settings)
        self.other = NodeProcess(folder / "other", settings=settings)
        for node in (self.one, self.other):  # nodes of one archive sign with one key
            make_key(folder / "key.pem")
            (node.data_dir / "keys").mkdir(parents=True)
            shutil.copy(folder / "key.pem", node.data_dir / "keys" / "journal-ed25519.pem")

    def events(self) -> list[Sequence[object]]:
        """Return the rows of all events in order, having followed the chain from its beginning."""
        with connected(self.database.replace("postgresql://", "postgresql+psycopg://")) as connection:
            rows = [tuple(row) for row in connection.execute(_EVENTS)]
        head = bytes(32)
        for number, (*fields, body, payload, kept) in enumerate(rows, 1):
            assert fields[0] == number
            event = [*fields, bytes(body), None if payload is None else bytes(payload)]
            head = hashlib.sha256(head + cbor2.dumps(event)).digest()
            assert bytes(kept) == head, f"the chain breaks at {number}"
        return rows


class Sender(threading.Thread):
    """Stores instances over one association until they end or the connection does."""

    def __init__(self, address: Address, instances: Iterator[Instance], enough: threading.Event) -> None:
        super().__init__(daemon=True)
        self._address, self._instances, self._enough = address, instances, enough
        self.acknowledged: list[Instance] = []
        self.refused: list[str] = []
        self.broke = False

    def run(self) -> None:
        """Store, and remember what was acknowledged."""
        try:
            with Association.open(self._address, store_proposals(kinds())) as association:
                for instance in self._instances:
                    answer = store(association, instance)
                    if answer.status == 0:
                        self.acknowledged.append(instance)
                    else:
                        self.refused.append(f"{answer.status:04X} {answer.comment}")
                    if self._enough.is_set():
                        return
        except (OSError, PeerClosed, Aborted):
            self.broke = True


@contextmanager
def pair(folder: Path, postgresql: str, endpoint: str) -> Iterator[Pair]:
    """Make two nodes on a new database and a new bucket; they are stopped at the end."""
    nodes = Pair(folder, new_database(postgresql), endpoint)
    with nodes.one, nodes.other:
        yield nodes


def mixture(first: int) -> Iterator[Instance]:
    """Yield instances of all sizes without end: tiny ones, slices, and some that go up in parts."""
    small, slices = small_studies(100_000, first=first), ct_instances(100_000, first=first, label="pair")
    for number in itertools.count(first):
        yield next(small)
        yield next(slices)
        if number % 10 == 3:
            document = oddities.encapsulated_pdf(study=number)
            document["EncapsulatedDocument"].value = random.Random(number).randbytes(9_000_000)
            yield oddities.encoded(document)


def kinds() -> list[Instance]:
    """Return one instance of each SOP Class and transfer syntax that `mixture` yields."""
    some = itertools.islice(mixture(0), 12)
    return list({(one.sop_class_uid, one.transfer_syntax): one for one in some}.values())


def send(*senders: Sender) -> None:
    """Run senders to their end."""
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(120)
        assert not sender.is_alive()


def missing(address: Address, instances: Sequence[Instance]) -> set[str]:
    """Return which instances a node does not give back byte for byte, or does not find."""
    lost = set()
    with (
        Association.open(address, get_proposals(kinds())) as getting,
        Association.open(address, query_proposals()) as asking,
    ):
        found = {match.StudyInstanceUID for match in find(asking, {"StudyInstanceUID": ""}).matches}
        for instance in instances:
            keys = unique_keys(instance)
            got = get(getting, keys, level="IMAGE").instances
            if got != [instance] or keys["StudyInstanceUID"] not in found:
                lost.add(instance.sop_instance_uid)
    return lost


def test_both_receive_at_once_and_each_serves_what_the_other_took(
    tmp_path: Path, postgresql_server: str, s3: str
) -> None:
    at_the_end = threading.Event()
    with pair(tmp_path, postgresql_server, s3) as nodes:
        one, other = nodes.one.start().address, nodes.other.start().address
        same = list(ct_instances(4, label="same"))
        senders = {
            address: [
                Sender(address, itertools.islice(mixture(1_000 * number), _EACH), at_the_end),
                Sender(address, iter(same), at_the_end),
            ]
            for number, address in enumerate((one, other))
        }

        send(*senders[one], *senders[other])

        assert [sender.refused for sender in (*senders[one], *senders[other]) if sender.refused or sender.broke] == []
        assert missing(other, senders[one][0].acknowledged) == set()
        assert missing(one, senders[other][0].acknowledged + same) == set()
        kinds_of_same = [row[5] for row in nodes.events()]
        assert kinds_of_same.count("instance-stored") == 2 * _EACH + len(same)
        assert (nodes.one.stop(), nodes.other.stop()) == (0, 0)
        verified = nodes.other.vna("journal", "verify", "--json")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert json.loads(verified.stdout)["mark"]["position"] == len(nodes.events())


@pytest.mark.long
def test_one_is_killed_and_the_other_goes_on(tmp_path: Path, postgresql_server: str, s3: str) -> None:
    kill_again_and_again(tmp_path, postgresql_server, s3, kills=1)


@pytest.mark.long
def test_one_is_killed_often_and_the_other_goes_on(tmp_path: Path, postgresql_server: str, s3: str) -> None:
    kill_again_and_again(tmp_path, postgresql_server, s3, kills=15)


def kill_again_and_again(folder: Path, postgresql: str, endpoint: str, *, kills: int) -> None:
    """Store on both, and kill the one in mid-association; each time nothing acknowledged may be missing on the other.

    At last the one starts again, and serves everything too.
    """
    chosen = random.Random(kills)
    everything: list[Instance] = []
    with pair(folder, postgresql, endpoint) as nodes:
        other = nodes.other.start().address
        for number in range(kills):
            one = nodes.one.start().address
            lost, kept = in_mid_association(nodes, one, other, number, after_s=chosen.uniform(0.3, 1.5))
            assert all(sender.broke for sender in lost)
            assert not any(sender.broke for sender in kept)
            assert [sender.refused for sender in (*lost, *kept) if sender.refused] == []
            acknowledged = [instance for sender in (*lost, *kept) for instance in sender.acknowledged]
            assert missing(other, acknowledged) == set()
            everything += acknowledged
        assert everything
        assert missing(nodes.one.start().address, everything) == set()
        assert len(nodes.events()) >= len(everything)
        assert (nodes.one.stop(), nodes.other.stop()) == (0, 0)


def in_mid_association(
    nodes: Pair, one: Address, other: Address, number: int, *, after_s: float
) -> tuple[list[Sender], list[Sender]]:
    """Let two senders store on each node and kill the one node; the other's go on until they have stored three more."""
    enough = threading.Event()
    first = 100_000 * (number + 1)
    lost = [Sender(one, mixture(first + 10_000 * n), enough) for n in range(2)]
    kept = [Sender(other, mixture(first + 10_000 * (n + 2)), enough) for n in range(2)]
    for sender in (*lost, *kept):
        sender.start()
    lost[0].join(after_s)
    nodes.one.kill()
    before = [len(sender.acknowledged) for sender in kept]
    for sender, count in zip(kept, before, strict=True):
        while sender.is_alive() and len(sender.acknowledged) < count + 3:
            sender.join(0.05)
    enough.set()
    for sender in (*lost, *kept):
        sender.join(120)
        assert not sender.is_alive()
    return lost, kept
