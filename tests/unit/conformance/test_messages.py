"""Command sets and P-DATA as PS3.7 and PS3.8 draw them."""

import socket
import struct

import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset

from conformance import messages
from conformance.corpus import Instance
from conformance.messages import Field, MessageReader, Tag
from conformance.upper_layer import ABORT, RELEASE_RP, RELEASE_RQ, Aborted, PduReader


def test_pydicom_reads_our_command_set() -> None:
    data = messages.store_command("1.2.3", "1.2.34", message_id=7)

    ds = read_dataset(DicomBytesIO(data), is_implicit_VR=True, is_little_endian=True)

    assert ds[0x0000, 0x0000].value == len(data) - 12
    assert (ds[0x0000, 0x0002].value, ds[0x0000, 0x1000].value) == ("1.2.3", "1.2.34")
    assert (ds[0x0000, 0x0100].value, ds[0x0000, 0x0110].value) == (Field.STORE_RQ, 7)


@pytest.mark.parametrize("size", [0, 1, 93, 94, 95, 188, 1000])
def test_pdata_is_cut_to_the_peers_limit(size: int) -> None:
    stream = messages.pdata(5, bytes(size), max_pdu=100)

    at, pieces, last = 0, 0, []
    while at < len(stream):
        kind, length, item, context, control = struct.unpack_from(">BxIIBB", stream, at)
        assert (kind, context, item) == (4, 5, length - 4)
        assert length <= 100
        pieces, at = pieces + length - 6, at + 6 + length
        last.append(control)
    assert pieces == size
    assert last == [0] * (len(last) - 1) + [2]


@pytest.mark.parametrize("keep", [True, False])
def test_a_message_is_put_together_from_its_fragments(keep: bool) -> None:
    near, far = socket.socketpair()
    with near, far:
        instance = Instance("1.2.3", "1.2.34", "1.2.840.10008.1.2", bytes(range(200)))
        far.sendall(messages.store_rq(instance, 3, message_id=9, max_pdu=64) + RELEASE_RQ)
        reader = MessageReader(near, PduReader(near), keep_data=keep)

        message = reader.read()

        assert message is not None
        assert (message.context_id, message.size, message.data) == (3, 200, instance.data if keep else b"")
        assert (message.command_field, message.number(Tag.MESSAGE_ID)) == (Field.STORE_RQ, 9)
        assert message.text(Tag.SOP_INSTANCE) == "1.2.34"
        assert reader.read() is None
        assert far.recv(100) == RELEASE_RP


def test_a_response_answers_its_request() -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(messages.store_rq(Instance("1.2.3", "1.2.34", "", b"x"), 3, message_id=9, max_pdu=64))
        request = MessageReader(near, PduReader(near)).read()
        assert request is not None
        near.sendall(messages.store_rsp(request, status=0xA700))

        response = MessageReader(far, PduReader(far)).read()

        assert response is not None
        assert (response.status, response.number(Tag.RESPONDED_TO), response.context_id) == (0xA700, 9, 3)
        assert not response.pending


def test_an_abort_is_told() -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(ABORT)

        with pytest.raises(Aborted):
            MessageReader(near, PduReader(near)).read()


def test_parts_are_sent_as_one_data_set() -> None:
    near, far = socket.socketpair()
    with near, far:
        command = messages.store_command("1.2.3", "1.2.34", message_id=1)
        far.sendall(messages.pdata(1, command, max_pdu=100, command=True))
        messages.send_in_parts(far, 1, [b"a" * 150, b"b", b"c" * 94], size=245, max_pdu=100)

        message = MessageReader(near, PduReader(near)).read()

        assert message is not None
        assert message.data == b"a" * 150 + b"b" + b"c" * 94


def test_parts_of_another_size_than_promised_are_an_error() -> None:
    near, far = socket.socketpair()
    with near, far, pytest.raises(ValueError, match="hold 3 bytes, not 4"):
        messages.send_in_parts(far, 1, [b"abc"], size=4, max_pdu=100)
