"""Small messages that would become large: each is answered, and the worker stays within its memory."""

import resource
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import oddities, phantoms
from conformance.corpus import Instance
from conformance.requests import Answer, echo, query_proposals, store, store_proposals
from conformance.server import process_tree
from conformance.upper_layer import Association
from running_node import RunningNode, running_node

ROOM_BYTES = 640 << 20
"""Address space a worker may take on top of what it has when it rests."""
STORED, NOT_UNDERSTOOD = 0x0000, 0xC000
JPEG, DEFLATED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.1.99"
MILLIONS = 6_000_000

CT = oddities.encoded(phantoms.ct_slice(study=710, size=16))
PIXELS_AT = CT.data.index(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
BEFORE_PIXELS = CT.data[:PIXELS_AT]
OPEN_PIXELS = struct.pack("<HH2sxxI", 0x7FE0, 0x0010, b"OB", 0xFFFFFFFF)
OPEN_SEQUENCE = struct.pack("<HH2sxxI", 0x0029, 0x1010, b"SQ", 0xFFFFFFFF)
EMPTY_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node with one worker, whose processes may not grow much."""
    settings = {"VNA_SERVE__WORKERS": "1"}
    with running_node(tmp_path_factory.mktemp("node"), settings=settings) as running:
        send(running, CT)
        for pid in process_tree(running.server.pid):
            now = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
            resource.prlimit(pid, resource.RLIMIT_AS, (now + ROOM_BYTES, now + ROOM_BYTES))
        yield running


def send(node: RunningNode, instance: Instance) -> Answer:
    """Send one instance; the association must go on after it."""
    with Association.open(node.address, (*store_proposals([instance]), *query_proposals())) as association:
        answer = store(association, instance)
        assert echo(association).status == STORED
        return answer


def bomb(data: bytes, syntax: str = CT.transfer_syntax) -> Instance:
    return Instance(CT.sop_class_uid, CT.sop_instance_uid, syntax, data)


def inflating() -> bytes:
    """Half a gigabyte of zeros after a proper beginning, in half a megabyte."""
    packer = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    start = BEFORE_PIXELS + struct.pack("<HH2sxxI", 0x7FE0, 0x0010, b"OW", 512 << 20)
    return b"".join((packer.compress(start), *(packer.compress(bytes(1 << 20)) for _ in range(512)), packer.flush()))


def without_bulk() -> bytes:
    """Eighty megabytes of values that are all too short to be stored apart."""
    value = struct.pack("<HH2sxxI", 0x0029, 0x1010, b"OB", 200_000) + bytes(200_000)
    return BEFORE_PIXELS + value * 400


@pytest.mark.parametrize(
    ("make", "syntax", "status", "comment"),
    [
        pytest.param(inflating, DEFLATED, STORED, "", id="deflated"),
        pytest.param(
            lambda: BEFORE_PIXELS + OPEN_PIXELS + EMPTY_ITEM * MILLIONS + SEQUENCE_END,
            JPEG,
            NOT_UNDERSTOOD,
            "more than 1000000 fragments",
            id="fragments",
        ),
        pytest.param(
            lambda: BEFORE_PIXELS + OPEN_SEQUENCE + EMPTY_ITEM * MILLIONS + SEQUENCE_END,
            CT.transfer_syntax,
            NOT_UNDERSTOOD,
            "more than 5000000 elements",
            id="items",
            marks=pytest.mark.long,
        ),
        pytest.param(without_bulk, CT.transfer_syntax, NOT_UNDERSTOOD, "beside bulk values", id="header"),
    ],
)
def test_what_would_become_large_is_answered(
    node: RunningNode, make: object, syntax: str, status: int, comment: str
) -> None:
    answer = send(node, bomb(make(), syntax))

    assert answer.status == status
    assert comment in answer.comment
    assert "MemoryError" not in node.log()


def test_encapsulated_pixels_and_heads_of_files_are_refused(node: RunningNode) -> None:
    for data in (
        BEFORE_PIXELS + OPEN_PIXELS + EMPTY_ITEM + SEQUENCE_END,
        b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0" + CT.data,
    ):
        answer = send(node, bomb(data))

        assert answer.status == NOT_UNDERSTOOD
    assert send(node, CT).status == STORED
