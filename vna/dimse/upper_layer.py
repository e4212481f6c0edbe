"""One transport connection: PDUs in and out of a socket (PS3.8 9.1, 9.3).

Reading goes through one buffer that is filled by `recv_into` and parsed in place; a PDU's body is a
view into it, valid until the next read. Writing is `sendmsg` over the caller's buffers. Nothing here
knows messages; who ends an association and how is said by the exceptions.

Time limits are the kernel's (SO_RCVTIMEO, SO_SNDTIMEO) on a blocking socket: Python's own would add a
`poll` and a second hand-over of the interpreter lock to every read. Between two messages a peer may rest for the
idle time; within one, and while it reads what we send, it has to keep the least rate of the settings.
"""

import select
import socket
import struct
import time
from collections.abc import Collection, Sequence
from typing import Final

from vna.dimse.limits import LeastRate, Limit
from vna.dimse.pdu import PDU_HEADER, AbortReason, AbortSource, PduType, abort
from vna.settings import DimseSettings

Buffer = bytes | bytearray | memoryview

_MAX_ASSOCIATE = 2**20
_SLACK = 4096  # some peers count headers differently; the standard allows none
_READ_AHEAD = 65536
_MAX_PARTS = 1000  # IOV_MAX is 1024 on Linux
_TIMEVAL = struct.Struct("@ll")
_BYTES_ACKED = struct.Struct("@Q")  # tcpi_bytes_acked in `struct tcp_info` of linux/tcp.h
_BYTES_ACKED_AT = 120
_TCP_INFO_SIZE = 128
_AT_ONCE_S = 0.02  # what takes longer waits for the peer
_GONE: Final = "the peer closed the connection"
_NOT_IN_TIME: Final = "not done in time (ARTIM)"


class AssociationEnded(Exception):
    """The association is over; the message says why, for the log. `limit` is the one that the peer has reached."""

    limit: Limit | None = None


class ReleaseRequested(AssociationEnded):
    """The peer asks for release, which is still to be answered."""


class PeerAborted(AssociationEnded):
    """The peer sent an A-ABORT."""


class Disconnected(AssociationEnded):
    """The transport connection is gone, or it is to be closed without a word."""


class OutOfTime(Disconnected):
    """The peer has not asked for an association, or not closed, within the ARTIM time (PS3.8 9.1.5)."""

    limit = Limit.ARTIM


class Stopping(AssociationEnded):
    """This node is stopping."""


class MustAbort(AssociationEnded):
    """The association cannot go on: `source` and `reason` are for the A-ABORT the peer is told so with."""

    def __init__(
        self,
        message: str,
        *,
        reason: AbortReason = AbortReason.NOT_SPECIFIED,
        source: AbortSource = AbortSource.PROVIDER,
    ) -> None:
        super().__init__(message)
        self.source, self.reason = source, reason


class Idle(MustAbort):
    """Nothing came for too long."""

    limit = Limit.IDLE

    def __init__(self, message: str) -> None:
        super().__init__(message, source=AbortSource.USER)


class TooSlow(MustAbort):
    """The peer sends, or takes, less than it has to."""

    limit = Limit.RATE

    def __init__(self, message: str) -> None:
        super().__init__(message, source=AbortSource.USER)


class Connection:
    """A connected socket that carries PDUs; one thread uses it, `interrupt` alone may come from another."""

    def __init__(self, sock: socket.socket, settings: DimseSettings) -> None:
        """Take over a socket; the settings' `max_pdu` is the longest P-DATA that we announce."""
        self._socket = sock
        self._longest_data = settings.max_pdu + _SLACK
        self._idle_timeout_s = settings.idle_timeout_s
        self._silence_s = settings.idle_timeout_s  # within a message
        if settings.min_bytes_per_s:
            self._silence_s = min(settings.idle_timeout_s, settings.min_rate_window_s)
        self._coming = LeastRate(settings.min_bytes_per_s, settings.min_rate_window_s)
        self._taken = LeastRate(settings.min_bytes_per_s, settings.min_rate_window_s)
        self._acknowledged_before = 0
        self._receive_timeout_s = 0.0
        self._buffer = memoryview(bytearray(PDU_HEADER.size + self._longest_data + _READ_AHEAD))
        self._start = self._end = 0
        self._interrupted = False
        self._poll = select.poll()
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(self._silence_s))
        self._poll.register(sock, select.POLLIN)

    def read_pdu(
        self, expected: Collection[PduType], *, deadline: float | None = None, due: bool = False
    ) -> tuple[PduType, memoryview]:
        """Return the type of the next PDU and its body, a view that the next read makes invalid.

        Args:
            expected: what may come in the present state. An A-ABORT may come in all of them.
            deadline: of `time.monotonic`, for the whole PDU; without it, the idle time and the least rate count.
            due: whether the peer is in the middle of a message, so that it may not rest now.

        Raises:
            PeerAborted: it was an A-ABORT.
            Disconnected: closed or broken, or the deadline has passed.
            MustAbort: unknown or unexpected PDU, or longer than it may be; or silent for too long, or too slow.
            Stopping: `interrupt` was called.
        """
        self._fill(PDU_HEADER.size, deadline, due=due)
        code, length = PDU_HEADER.unpack_from(self._buffer, self._start)
        kind = self._checked(code, length, expected)
        self._fill(PDU_HEADER.size + length, deadline, due=True)
        body = self._buffer[self._start + PDU_HEADER.size : self._start + PDU_HEADER.size + length]
        self._start += PDU_HEADER.size + length
        if kind is PduType.ABORT:
            raise PeerAborted(_abort_text(body))
        return kind, body

    def readable(self) -> bool:
        """Return whether something has come that was not read yet (also the end of the connection)."""
        return self._end > self._start or bool(self._poll.poll(0))

    def acknowledged(self) -> int:
        """Return how many bytes sent the peer has confirmed so far, 0 when that is not known; from any thread."""
        try:
            info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
        except OSError:
            return 0
        return int(_BYTES_ACKED.unpack_from(info, _BYTES_ACKED_AT)[0]) if len(info) == _TCP_INFO_SIZE else 0

    def send(self, parts: Sequence[Buffer]) -> None:
        """Send buffers one after the other, without joining them.

        Raises:
            Disconnected: broken.
            TooSlow: the peer took too little for too long.
        """
        for first in range(0, len(parts), _MAX_PARTS):
            batch = parts[first : first + _MAX_PARTS]
            left = sum(map(len, batch)) - self._sendmsg(batch)
            if left:
                rest = memoryview(b"".join(batch))
                while left:
                    left -= self._sendmsg([rest[-left:]])

    def abort(self, source: AbortSource, reason: AbortReason) -> None:
        """Send an A-ABORT if it still can be sent."""
        try:
            self._socket.send(abort(source, reason), socket.MSG_DONTWAIT)
        except OSError:
            return

    def close_after_peer(self, timeout_s: float) -> None:
        """Wait until the peer closes, dropping what it still sends, then close (ARTIM, PS3.8 9.1.5).

        Closing at once could make the kernel drop our last PDU before the peer has read it.
        """
        deadline = time.monotonic() + timeout_s
        try:
            self._socket.shutdown(socket.SHUT_WR)
            while True:
                self._start = self._end = 0
                self._receive(deadline, resting=True)
        except (AssociationEnded, OSError):
            self.close()

    def close(self) -> None:
        """Close the socket; may be called more than once."""
        self._socket.close()

    def interrupt(self, *, at_once: bool) -> None:
        """Make the using thread leave: from its next wait for bytes, or `at_once` also while it sends."""
        self._interrupted = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR if at_once else socket.SHUT_RD)
        except OSError:
            return

    def _checked(self, code: int, length: int, expected: Collection[PduType]) -> PduType:
        try:
            kind = PduType(code)
        except ValueError:
            reason = AbortReason.UNRECOGNIZED_PDU
            raise MustAbort(f"unrecognized PDU type {code:02X}", reason=reason) from None
        if kind is not PduType.ABORT and kind not in expected:
            raise MustAbort(f"unexpected {kind.name} PDU", reason=AbortReason.UNEXPECTED_PDU)
        if kind is PduType.DATA:
            limit = self._longest_data
        else:
            limit = _MAX_ASSOCIATE if kind in (PduType.ASSOCIATE_RQ, PduType.ASSOCIATE_AC) else _SLACK
        if length > limit:
            text = f"{kind.name} PDU of {length} bytes, {limit} is the limit"
            raise MustAbort(text, reason=AbortReason.INVALID_PARAMETER)
        return kind

    def _fill(self, size: int, deadline: float | None, *, due: bool) -> None:
        """Have at least `size` unread bytes in the buffer, in one piece."""
        if self._end - self._start >= size:
            return
        unread = self._end - self._start
        if self._start + size > len(self._buffer):
            held = self._buffer[self._start : self._end]
            if size > len(self._buffer):  # A-ASSOCIATE alone may be longer than P-DATA
                self._buffer = memoryview(bytearray(size))
            self._buffer[:unread] = held
            self._start, self._end = 0, unread
        while self._end - self._start < size:
            self._receive(deadline, resting=not due and self._end == self._start)

    def _receive(self, deadline: float | None, *, resting: bool) -> None:
        if self._start == self._end:
            self._start = self._end = 0
        self._limit_wait(deadline, resting=resting)
        try:
            # Peers that leave Nagle's algorithm on (DCMTK by default) send the rest of a message only after
            # our acknowledgement, which the kernel would delay by 40 ms; the option does not last
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            began = time.monotonic()
            count = self._socket.recv_into(self._buffer[self._end :])
        except BlockingIOError:
            if deadline is not None:
                raise OutOfTime(_NOT_IN_TIME) from None
            if resting:
                raise Idle(f"nothing came for {self._idle_timeout_s:g} s") from None
            raise TooSlow(f"nothing came for {self._silence_s:g} s within a message") from None
        except OSError as exc:
            raise Disconnected(f"{_GONE}: {exc.strerror}") from exc
        if count == 0:
            if self._interrupted:
                raise Stopping("the node is stopping")
            raise Disconnected(_GONE + (" in the middle of a PDU" if self._end > self._start else ""))
        self._end += count
        if resting:
            self._coming.begin()
        elif deadline is None and self._coming.too_slow(time.monotonic() - began, count):
            raise TooSlow("less came within a message than the least rate")

    def _limit_wait(self, deadline: float | None, *, resting: bool) -> None:
        timeout_s = self._idle_timeout_s if resting else self._silence_s
        if deadline is not None:
            timeout_s = deadline - time.monotonic()
            if timeout_s <= 0:
                raise OutOfTime(_NOT_IN_TIME)
        if timeout_s != self._receive_timeout_s:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(timeout_s))
            self._receive_timeout_s = timeout_s

    def _sendmsg(self, parts: Sequence[Buffer]) -> int:
        began = time.monotonic()
        try:
            count = self._socket.sendmsg(parts)
        except BlockingIOError:
            count = 0
        except OSError as exc:
            raise Disconnected(f"{_GONE}: {exc.strerror}") from exc
        waited_s = time.monotonic() - began
        if count == 0 or waited_s > _AT_ONCE_S:
            self._check_taken(waited_s, count)
        return count

    def _check_taken(self, waited_s: float, copied: int) -> None:
        """See whether a peer we have waited for takes enough of what is sent.

        What it confirms counts, because the kernel takes in more of ours only when a good part of its buffer is
        free, which a slow line needs minutes for.
        """
        acknowledged = self.acknowledged()
        taken = max(copied, acknowledged - self._acknowledged_before)
        self._acknowledged_before = acknowledged
        if taken == 0:
            raise TooSlow(f"the peer took nothing for {waited_s:.3g} s")
        if self._taken.too_slow(waited_s, taken):
            raise TooSlow("the peer took less than the least rate")


def _timeval(seconds: float) -> bytes:
    """Return a `struct timeval`, never zero, which would mean no limit."""
    microseconds = max(1000, int(seconds * 1_000_000))
    return _TIMEVAL.pack(*divmod(microseconds, 1_000_000))


def _abort_text(body: memoryview) -> str:
    source, reason = (body[2], body[3]) if len(body) >= 4 else (0, 0)
    if source != AbortSource.PROVIDER:
        return "the peer aborted"
    known = {each.value: each.name.lower().replace("_", " ") for each in AbortReason}
    return f"the peer's upper layer aborted: {known.get(reason, f'reason {reason}')}"
