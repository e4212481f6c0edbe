"""A Storage SCP that takes everything it is offered: the destination of C-MOVE in tests, checks and benchmarks."""

import contextlib
import queue
import socket
import threading
from typing import Self

from conformance.corpus import Instance
from conformance.messages import Field, Message, MessageReader, Tag, event_report_rsp, store_rsp
from conformance.upper_layer import Aborted, PduReader, PeerClosed, accept_all


class Sink:
    """Listens on a port of its own in threads of this process; a context manager.

    Every context is accepted in its first transfer syntax. With `keep` the instances received stand in `received`, in
    the order of their arrival; without, only `count` and `size` (bytes of data sets) go on. `move_originators` are the
    (AE title, message ID) pairs that C-STORE requests carried (PS3.7 9.1.1.1), `status` is what they are answered with.
    N-EVENT-REPORT requests are answered with success and come out of `next_report`.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, keep: bool = False, status: int = 0) -> None:
        self._listener = socket.create_server((host, port), backlog=64)
        self._keep, self.status = keep, status
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._reports: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.host, self.port = host, self._listener.getsockname()[1]
        self.count = self.size = 0
        self.received: list[Instance] = []
        self.move_originators: set[tuple[str, int]] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="sink", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Forget what was received."""
        with self._lock:
            self.count = self.size = 0
            self.received.clear()
            self.move_originators.clear()

    def take_size(self) -> int:
        """Return how many bytes of data sets came since the last time, and count anew."""
        with self._lock:
            size, self.size = self.size, 0
        return size

    def next_report(self, timeout_s: float) -> Message | None:
        """Wait for the next N-EVENT-REPORT request; None when none comes in time."""
        try:
            return self._reports.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError, PeerClosed, Aborted):
            self._take_association(sock)
        with self._lock:
            self._open.discard(sock)

    def _take_association(self, sock: socket.socket) -> None:
        pdus = PduReader(sock)
        _, body = pdus.read()
        answer, contexts = accept_all(bytes(body))
        sock.sendall(answer)
        reader = MessageReader(sock, pdus, keep_data=self._keep)
        while (message := reader.read()) is not None:
            if message.command_field == Field.STORE_RQ:
                self._take_instance(message, *contexts[message.context_id])
                sock.sendall(store_rsp(message, status=self.status))
            elif message.command_field == Field.EVENT_REPORT_RQ:
                self._reports.put(message)
                sock.sendall(event_report_rsp(message))

    def _take_instance(self, message: Message, sop_class: str, transfer_syntax: str) -> None:
        with self._lock:
            self.count += 1
            self.size += message.size
            self.move_originators.add((message.text(Tag.MOVE_ORIGINATOR), message.number(Tag.MOVE_ORIGINATOR_ID)))
            if self._keep:
                instance_uid = message.text(Tag.SOP_INSTANCE)
                self.received.append(Instance(sop_class, instance_uid, transfer_syntax, message.data))
