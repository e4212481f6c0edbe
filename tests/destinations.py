"""Move destinations that behave as a test says, association by association."""

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from typing import Self

from conformance.messages import Message, MessageReader, Tag, store_rsp
from conformance.upper_layer import ABORT, Aborted, PduReader, PeerClosed
from vna.dimse.associate import AnsweredContext, AssociateAccept, ContextResult, UserInformation, decode_request
from vna.dimse.pdu import Rejection
from vna.model import Peer


class Visit:
    """One association requested of a destination; `number` counts them from 0, in the order they came in.

    `received` are SOP Instance UIDs, `longest_pdu` in bytes after the PDU header; it waits `pause_per_pdu_s`
    before it reads each. `ending` is "released",
    "aborted", "closed" or, where the destination did not wait for the node, "left".
    """

    def __init__(self, number: int, sock: socket.socket) -> None:
        self.number, self._socket = number, sock
        self.received: list[str] = []
        self.longest_pdu = 0
        self.pause_per_pdu_s = 0.0
        self.ending = "left"
        self._pdus = _Measuring(sock, self)
        self._messages = MessageReader(sock, self._pdus, keep_data=False)
        self.request = bytes(self._pdus.read()[1])

    def accept(self, *, max_pdu: int = 16384, only: str = "") -> None:
        """Accept every context in its first transfer syntax, or `only` those of one."""
        request, answers = decode_request(self.request), []
        for context in request.contexts:
            result = ContextResult.ACCEPTED
            if only and context.transfer_syntaxes[0] != only:
                result = ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED
            answers.append(AnsweredContext(context.context_id, result, context.transfer_syntaxes[0]))
        titles = request.called_ae_title, request.calling_ae_title
        self.longest_pdu = 0
        self._socket.sendall(AssociateAccept(*titles, tuple(answers), UserInformation(max_pdu)).encode())

    def take(self) -> Message:
        """Return the next C-STORE-RQ, not answered yet.

        Raises:
            PeerClosed: there is none; a release was answered, or the node is gone.
            Aborted: there is none, either.
        """
        try:
            message = self._messages.read()
        except PeerClosed:
            self.ending = "closed"
            raise
        except Aborted:
            self.ending = "aborted"
            raise
        if message is None:
            self.ending = "released"
            raise PeerClosed
        self.received.append(message.text(Tag.SOP_INSTANCE))
        return message

    def answer(self, message: Message, status: int = 0) -> None:
        """Answer a C-STORE-RQ."""
        self._socket.sendall(store_rsp(message, status=status))

    def serve(self, status_of: Callable[[str], int] = lambda _uid: 0) -> None:
        """Answer everything until the association ends."""
        while True:
            message = self.take()
            self.answer(message, status_of(self.received[-1]))

    def reject(self, rejection: Rejection) -> None:
        """Reject the association."""
        self._socket.sendall(rejection.encode())

    def abort(self) -> None:
        """Abort the association."""
        self._socket.sendall(ABORT)

    def pause(self, seconds: float) -> None:
        """Neither read nor say anything for a while, or until the node ends the association.

        Raises:
            PeerClosed: it has.
        """
        poll = select.poll()
        poll.register(self._socket, select.POLLRDHUP)
        if poll.poll(seconds * 1000):
            self.ending = "closed"
            raise PeerClosed

    def drip(self) -> None:
        """Read a byte now and then, as a peer that is hardly alive."""
        while self._socket.recv(1):
            self.pause(0.02)


class _Measuring(PduReader):
    def __init__(self, sock: socket.socket, visit: Visit) -> None:
        super().__init__(sock)
        self._visit = visit

    def read(self) -> tuple[int, memoryview]:
        if self._visit.pause_per_pdu_s:
            self._visit.pause(self._visit.pause_per_pdu_s)
        kind, body = super().read()
        self._visit.longest_pdu = max(self._visit.longest_pdu, len(body))
        return kind, body


class Destination:
    """Listens on a port of its own and lets `behave` deal with each association; a context manager.

    `visits` are the associations in the order they came in, those rejected too. What goes wrong in `behave`
    fails the test when the context is left.
    """

    def __init__(self, behave: Callable[[Visit], None], *, receive_buffer: int = 0) -> None:
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._failures: list[Exception] = []
        self.visits: list[Visit] = []
        host, port = self._listener.getsockname()
        self.peer = Peer("DEST", host, port)

    @property
    def received(self) -> list[str]:
        """The SOP Instance UIDs of all C-STORE requests, association by association."""
        return [uid for visit in self.visits for uid in visit.received]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        assert not self._failures, self._failures

    def wait_until_left(self) -> None:
        """Wait until the node has ended all associations."""
        for thread in self._threads[1:]:
            thread.join(10)
            assert not thread.is_alive()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(10)
            self._sockets.append(sock)
            self._start(self._visit, len(self._sockets) - 1, sock)

    def _visit(self, number: int, sock: socket.socket) -> None:
        try:
            with sock:
                visit = Visit(number, sock)
                self.visits.append(visit)
                self._behave(visit)
        except (PeerClosed, Aborted, ConnectionError):
            return
        except Exception as exc:  # noqa: BLE001 - told when the context is left
            self._failures.append(exc)
