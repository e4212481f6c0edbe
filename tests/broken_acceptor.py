"""A DICOM peer that does most things wrong: it accepts everything, says success to everything, and does nothing."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from conformance.messages import NO_DATA_SET, Field, Message, MessageReader, Tag, command_set, pdata
from conformance.upper_layer import Aborted, Address, PduReader, PeerClosed, accept_all


@contextmanager
def broken_acceptor() -> Iterator[Address]:
    """Run it until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(target=_accept, args=(listener,), daemon=True).start()
    try:
        yield Address("127.0.0.1", listener.getsockname()[1], "BROKEN")
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _accept(listener: socket.socket) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(sock,), daemon=True).start()


def _serve(sock: socket.socket) -> None:
    with sock, contextlib.suppress(OSError, PeerClosed, Aborted, ValueError, KeyError, StopIteration):
        pdus = PduReader(sock)
        _, body = pdus.read()
        answer, _contexts = accept_all(bytes(body))
        sock.sendall(answer)
        reader = MessageReader(sock, pdus)
        while (message := reader.read()) is not None:
            if message.command_field == Field.FIND_RQ:
                sock.sendall(_response(message, 0xFF00, has_data=True) + pdata(message.context_id, b"", max_pdu=100))
            sock.sendall(_response(message, 0))


def _response(message: Message, status: int, *, has_data: bool = False) -> bytes:
    """Return a response that confuses the next message ID with this one's when it is a C-ECHO."""
    wrong = 1 if message.command_field == Field.ECHO_RQ else 0
    fields: dict[Tag, int | str] = {
        Tag.SOP_CLASS: message.text(Tag.SOP_CLASS),
        Tag.COMMAND_FIELD: message.command_field | 0x8000,
        Tag.RESPONDED_TO: message.number(Tag.MESSAGE_ID) + wrong,
        Tag.DATA_SET_TYPE: 1 if has_data else NO_DATA_SET,
        Tag.STATUS: status,
    }
    return pdata(message.context_id, command_set(fields), max_pdu=16384, command=True)
