"""A full disk is answered A700, breaks nothing, and is forgotten when there is room again (PS3.4 B.2.3)."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from conformance import oddities, phantoms
from conformance.corpus import Instance
from conformance.requests import echo, find, get, get_proposals, query_proposals, store, store_proposals
from conformance.upper_layer import Association
from exchange import unique_keys
from running_node import RunningNode, running_node

OUT_OF_RESOURCES = 0xA700
DISK_BYTES = 48 * 2**20
NO_WATERMARK = {"VNA_STORE__MIN_FREE_BYTES": "0", "VNA_STORE__MIN_FREE_PERCENT": "0"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MiB in memory; only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = os.geteuid() == 0 and _run("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk))
    if not mounted:
        pytest.skip("a small file system cannot be mounted here: that takes root, outside of most containers")
    yield disk
    assert _run("umount", str(disk))


def _run(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def noise(number: int) -> Instance:
    """Return a CT slice of 525 kB that no codec makes smaller."""
    ds = phantoms.ct_slice(study=800, number=number)
    ds.PixelData = np.random.default_rng(number).bytes(512 * 512 * 2)
    return oddities.encoded(ds)


def send(node: RunningNode, instance: Instance) -> int:
    """Store an instance over an association that must go on afterwards; return the status."""
    proposals = (*store_proposals([instance]), *query_proposals())
    with Association.open(node.address, proposals) as association:
        answer = store(association, instance)
        assert answer.comment or answer.status == 0
        assert echo(association).status == 0
    return answer.status


def held(node: RunningNode, instances: list[Instance]) -> list[Instance]:
    """Return what the node gives back of the study of these instances, in order of their numbers."""
    study = unique_keys(instances[0])["StudyInstanceUID"]
    with Association.open(node.address, get_proposals(instances)) as association:
        return get(association, {"StudyInstanceUID": study}).instances


@pytest.mark.long
def test_a_full_disk_is_told_and_forgotten_when_there_is_room(small_disk: Path) -> None:
    filler = small_disk / "filler"
    with running_node(small_disk / "node", settings=NO_WATERMARK) as node:
        stored = [noise(1)]
        assert send(node, stored[0]) == 0
        _fill(filler, small_disk)

        statuses = [send(node, noise(n)) for n in range(2, 6)]

        assert set(statuses) == {OUT_OF_RESOURCES}
        assert held(node, stored) == stored
        filler.unlink()
        stored += [noise(n) for n in range(2, 6)]
        assert [send(node, one) for one in stored[1:]] == [0, 0, 0, 0]
        assert held(node, stored) == stored
        assert node.node.vna("verify").returncode == 0


def test_a_disk_that_fills_up_while_storing_loses_nothing_acknowledged(small_disk: Path) -> None:
    with running_node(small_disk / "node", settings=NO_WATERMARK) as node:
        acknowledged = []
        for number in range(1, 200):
            instance = noise(number)
            status = send(node, instance)
            if status != 0:
                break
            acknowledged.append(instance)

        assert status == OUT_OF_RESOURCES
        assert len(acknowledged) > 10
        assert held(node, acknowledged) == acknowledged


def test_an_object_too_large_for_the_disk_is_refused_and_leaves_no_trace(small_disk: Path) -> None:
    with running_node(small_disk / "node", settings=NO_WATERMARK) as node:
        big = oddities.encoded(oddities.encapsulated_pdf(study=801, size=2 * DISK_BYTES))

        assert send(node, big) == OUT_OF_RESOURCES

        assert list((node.node.data_dir / "spool").iterdir()) == []
        assert send(node, noise(1)) == 0


def test_below_the_watermark_nothing_is_taken_and_everything_is_given(tmp_path: Path) -> None:
    instance = noise(1)
    with running_node(tmp_path) as node:
        assert send(node, instance) == 0
    with running_node(
        tmp_path, settings={"VNA_STORE__MIN_FREE_PERCENT": "100", "VNA_STORE__MIN_FREE_BYTES": str(2**60)}
    ) as node:
        assert send(node, noise(2)) == OUT_OF_RESOURCES

        assert held(node, [instance]) == [instance]
        with Association.open(node.address, query_proposals()) as association:
            assert len(find(association, {"StudyInstanceUID": ""}).matches) == 1


@pytest.mark.long
def test_a_store_that_turns_read_only_is_told_and_forgotten_when_it_can_be_written(
    tmp_path: Path, small_disk: Path
) -> None:
    with running_node(tmp_path / "node", settings=NO_WATERMARK | {"VNA_STORE__URL": f"file://{small_disk}"}) as node:
        stored = [noise(1)]
        assert send(node, stored[0]) == 0
        _make(small_disk, "ro")

        assert [send(node, noise(n)) for n in (2, 3)] == [OUT_OF_RESOURCES] * 2

        assert held(node, stored) == stored
        _make(small_disk, "rw")
        assert [send(node, noise(n)) for n in (2, 3)] == [0, 0]
        assert held(node, stored) == [*stored, noise(2), noise(3)]


def _make(disk: Path, what: str) -> None:
    """Mount a file system again, read-only or not; not while a file on it is being written."""
    deadline = time.monotonic() + 20
    while not _run("mount", "-o", f"remount,{what}", str(disk)):
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def _fill(filler: Path, disk: Path) -> None:
    """Fill a file system but for 64 KiB."""
    status = os.statvfs(disk)
    filler.write_bytes(bytes(max(0, status.f_bavail * status.f_frsize - 65536)))
