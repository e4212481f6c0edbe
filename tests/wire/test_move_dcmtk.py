"""C-MOVE to DCMTK's storescp at its best and at its worst, at the node's own settings but for shorter pauses."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import dcmtk
from conformance.corpus import small_studies
from conformance.server import accepts_connections, free_port, kill, running, wait_until
from fake_door import held_instance
from fake_node import FakeNode, fake_node
from vna.archive import HeldInstance
from vna.model import Peer

pytestmark = pytest.mark.skipif(bool(dcmtk.MISSING) or dcmtk.program("storescp") is None, reason=dcmtk.REASON)

SMALL = {held.digest: held for held in (held_instance(n) for n in range(1, 201))}
INSTANCES = dict(zip(SMALL, small_studies(len(SMALL)), strict=True))


@contextmanager
def filled(port: int, **settings: object) -> Iterator[FakeNode]:
    """Run a node that holds 200 small instances and knows a destination by the name of DEST."""
    with fake_node(**settings) as node:
        node.archive.registered = {"DEST": Peer("DEST", "127.0.0.1", port)}
        node.archive.held = [_described(held) for held in SMALL.values()]
        node.archive.data = lambda held: iter([INSTANCES[held.digest].data])
        yield node
        node.assert_alive()


def _described(held: HeldInstance) -> HeldInstance:
    """Return the held instance under the SOP Class of its data set, which storescp compares."""
    one = INSTANCES[held.digest]
    key = type(held.key)(held.key.study, held.key.series, type(held.key.instance)(one.sop_instance_uid))
    return HeldInstance(held.version_id, key, one.sop_class_uid, one.transfer_syntax, len(one.data), 1, held.digest)


@contextmanager
def storescp(folder: Path, *options: str, port: int = 0) -> Iterator[int]:
    """Run storescp and give its port; at the end it and all it forked are killed."""
    port = port or free_port()
    folder.mkdir()
    command = [str(dcmtk.program("storescp")), "-od", str(folder), *options, str(port)]
    log = folder.parent / "storescp.log"
    with running(command, environment={}, log=log) as process:
        wait_until(lambda: accepts_connections("127.0.0.1", port), process, log=log, timeout_s=20)
        yield port
        kill(process)


def movescu(node: FakeNode) -> "subprocess.CompletedProcess[str]":
    """Have everything moved to DEST."""
    host, port = node.address
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3"]
    command = [str(dcmtk.program("movescu")), "-v", "-S", "-aec", "VNA", "-aem", "DEST", *keys, host, str(port)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def arrived(folder: Path) -> list[str]:
    """Return the SOP Instance UIDs of the files storescp has written."""
    return [path.name.partition(".")[2] for path in folder.iterdir()]


@pytest.mark.parametrize("process", ["--fork", "--single-process"])
def test_everything_arrives_whether_it_takes_several_associations_or_one(tmp_path: Path, process: str) -> None:
    with storescp(tmp_path / "out", process) as port, filled(port) as node:
        answer = movescu(node)

        assert answer.returncode == 0, answer.stderr
        assert "Success" in answer.stderr + answer.stdout
    assert sorted(arrived(tmp_path / "out")) == sorted(one.sop_instance_uid for one in INSTANCES.values())


@pytest.mark.parametrize("misbehaviour", ["--refuse", "--abort-after", "--abort-during"])
def test_a_destination_that_takes_nothing_fails_the_move_and_not_the_node(tmp_path: Path, misbehaviour: str) -> None:
    with storescp(tmp_path / "out", "--fork", misbehaviour) as port, filled(port) as node:
        answer = movescu(node)

    assert answer.returncode != 0
    assert "OutOfResourcesSubOperations" in answer.stderr + answer.stdout


def test_a_destination_restarted_in_the_middle_gets_everything(tmp_path: Path) -> None:
    half, went_on = threading.Event(), threading.Event()
    held_back = list(SMALL)[100]

    def data(held: HeldInstance) -> Iterator[bytes]:
        if held.digest == held_back:
            half.set()
            assert went_on.wait(20)
        yield INSTANCES[held.digest].data

    answers: list[subprocess.CompletedProcess[str]] = []
    with ExitStack() as first:
        port = first.enter_context(storescp(tmp_path / "before", "--fork"))
        with filled(port, move_retries=10) as node:
            node.archive.data = data
            moving = threading.Thread(target=lambda: answers.append(movescu(node)))
            moving.start()
            assert half.wait(20)
            first.close()
            went_on.set()
            with storescp(tmp_path / "after", "--fork", port=port):
                moving.join(30)
                after = arrived(tmp_path / "after")

    assert answers[0].returncode == 0, answers[0].stderr
    assert 0 < len(after) < 200
    assert set(arrived(tmp_path / "before")) | set(after) == {one.sop_instance_uid for one in INSTANCES.values()}
