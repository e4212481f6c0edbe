"""DIMSE messages over one association: command sets and data sets in and out of PDVs (PS3.8 Annex E, PS3.7 6).

Data sets are never collected here: they come as views of the receive buffer and go as views of the
caller's chunks, with only the PDV headers added. C-CANCEL-RQ may come at any time between messages;
it is noted and asked for with `cancelled`.
"""

from collections.abc import Collection, Iterable, Iterator

from vna.dimse.command import Command, CommandField, MalformedCommand, parse_command
from vna.dimse.pdu import (
    COMMAND_FRAGMENT,
    LAST_FRAGMENT,
    PDV_HEADER,
    PDV_OVERHEAD,
    AbortReason,
    AbortSource,
    PduType,
    data_header,
)
from vna.dimse.upper_layer import Buffer, Connection, MustAbort, ReleaseRequested

_MAX_COMMAND = 65536
_LARGEST_PDU = 2**20  # to a peer that takes any length
_QUEUE_LIMIT = 65536
_SEND_AT_ONCE = 2**20
_MAX_PARTS = 900
_EXPECTED = frozenset({PduType.DATA, PduType.RELEASE_RQ})


class Messages:
    """The messages of one established association."""

    def __init__(self, connection: Connection, *, context_ids: Collection[int], peer_max_pdu: int) -> None:
        """Speak over a connection.

        Args:
            context_ids: the accepted presentation contexts; a PDV on any other ends the association.
            peer_max_pdu: the longest P-DATA the peer takes, 0 for any (PS3.8 D.1).
        """
        self._connection = connection
        self._context_ids = context_ids
        self._payload = max(2, (min(peer_max_pdu or _LARGEST_PDU, _LARGEST_PDU) - PDV_OVERHEAD) & ~1)
        self._unparsed = memoryview(b"")
        self._data_set_context: int | None = None
        self._cancelled: set[int] = set()
        self._queue: list[Buffer] = []
        self._queued = 0
        self._half_sent = False

    @property
    def half_sent(self) -> bool:
        """Whether a message was begun and not finished: nothing else can be sent then."""
        return self._half_sent

    def next_command(self) -> Command:
        """Wait for the next command that is not a C-CANCEL-RQ.

        Raises:
            AssociationEnded: in one of its ways.
        """
        while True:
            command = self._read_command()
            if command.field != CommandField.C_CANCEL_RQ:
                if not command.is_response:
                    self._cancelled.discard(command.message_id)
                return command
            self._note_cancel(command)

    def cancelled(self, message_id: int) -> bool:
        """Return whether the peer has cancelled a request of its own; does not wait.

        Raises:
            MustAbort: another request came, though asynchronous operations were not agreed.
            AssociationEnded: the peer wants to go, or is gone.
        """
        while self.has_more():
            command = self._read_command()
            if command.field != CommandField.C_CANCEL_RQ:
                raise _user_violation(f"command {command.field:04X} before request {message_id} was answered")
            self._note_cancel(command)
        return message_id in self._cancelled

    def has_more(self) -> bool:
        """Return whether the peer has sent something that was not read yet; does not wait."""
        return bool(self._unparsed) or self._connection.readable()

    def data_set(self) -> Iterator[memoryview]:
        """Yield the data set of the last command piece by piece; each is valid until the next is asked for."""
        while self._data_set_context is not None:
            context_id, control, data = self._next_pdv(due=True)
            if control & COMMAND_FRAGMENT:
                raise _user_violation("a command set where a data set was due")
            if context_id != self._data_set_context:
                text = f"data set on presentation context {context_id}, its command was on {self._data_set_context}"
                raise _user_violation(text)
            if control & LAST_FRAGMENT:
                self._data_set_context = None
            yield data

    def drop_data_set(self) -> None:
        """Read past what is left of the last command's data set."""
        for _piece in self.data_set():
            pass

    def queue(self, context_id: int, command: bytes, data_set: bytes | None = None) -> None:
        """Have a small message sent with the next `flush`, or when enough has come together."""
        self._enqueue(context_id, COMMAND_FRAGMENT, command)
        if data_set is not None:
            self._enqueue(context_id, 0, data_set)
        if self._queued >= _QUEUE_LIMIT:
            self.flush()

    def flush(self) -> None:
        """Send what is queued."""
        if self._queue:
            parts, self._queue, self._queued = self._queue, [], 0
            self._connection.send(parts)

    def send(self, context_id: int, command: bytes, data_set: bytes | None = None) -> None:
        """Send a small message, and whatever is queued before it."""
        self.queue(context_id, command, data_set)
        self.flush()

    def send_stream(self, context_id: int, command: bytes, chunks: Iterable[Buffer]) -> None:
        """Send a message whose data set comes in chunks, which must stay unchanged until it is sent.

        When getting a chunk fails, the error rises and the message is `half_sent`.
        """
        self._enqueue(context_id, COMMAND_FRAGMENT, command)
        self._half_sent = True
        for part in self._fragments(context_id, chunks):
            self._queue.append(part)
            self._queued += len(part)
            if self._queued >= _SEND_AT_ONCE or len(self._queue) >= _MAX_PARTS:
                self.flush()
        self.flush()
        self._half_sent = False

    def _fragments(self, context_id: int, chunks: Iterable[Buffer]) -> Iterator[Buffer]:
        """Yield headers and payload; a full PDU waits for one more byte, as it may be the last one."""
        full = data_header(context_id, 0, self._payload)
        parts: list[Buffer] = []
        room = self._payload
        for chunk in chunks:
            view = memoryview(chunk).cast("B")
            while view:
                if room == 0:
                    yield full
                    yield from parts
                    parts, room = [], self._payload
                part, view = view[:room], view[room:]
                parts.append(part)
                room -= len(part)
        yield data_header(context_id, LAST_FRAGMENT, self._payload - room)
        yield from parts

    def _enqueue(self, context_id: int, control: int, data: bytes) -> None:
        view = memoryview(data)
        while True:
            part, view = view[: self._payload], view[self._payload :]
            header = data_header(context_id, control if view else control | LAST_FRAGMENT, len(part))
            self._queue += (header, part)
            self._queued += len(header) + len(part)
            if not view:
                return

    def _read_command(self) -> Command:
        context_id, control, data = self._next_pdv()
        raw, size = bytearray(data), len(data)
        while not control & LAST_FRAGMENT:
            _check_command(control, size)
            next_id, control, data = self._next_pdv(due=True)
            if next_id != context_id:
                raise _user_violation(f"a command set on presentation contexts {context_id} and {next_id}")
            raw += data
            size += PDV_HEADER.size + len(data)
        _check_command(control, size)
        try:
            command = parse_command(context_id, bytes(raw))
        except MalformedCommand as exc:
            raise _user_violation(str(exc)) from exc
        self._data_set_context = context_id if command.has_data_set else None
        return command

    def _note_cancel(self, command: Command) -> None:
        self.drop_data_set()
        self._cancelled.add(command.message_id)

    def _next_pdv(self, *, due: bool = False) -> tuple[int, int, memoryview]:
        """Return context ID, control header and payload of the next PDV, which is `due` within a message."""
        if not self._unparsed:
            kind, self._unparsed = self._connection.read_pdu(_EXPECTED, due=due)
            if kind is PduType.RELEASE_RQ:
                self._unparsed = memoryview(b"")
                raise ReleaseRequested("released")
        if len(self._unparsed) < PDV_HEADER.size:
            raise _invalid("a P-DATA PDU ends before its PDV's header")
        length, context_id, control = PDV_HEADER.unpack_from(self._unparsed)
        end = 4 + length
        if length < 2 or end > len(self._unparsed):
            raise _invalid(f"a PDV of length {length} in {len(self._unparsed)} bytes")
        if context_id not in self._context_ids:
            raise _invalid(f"a PDV on presentation context {context_id}, which was not accepted")
        data, self._unparsed = self._unparsed[PDV_HEADER.size : end], self._unparsed[end:]
        return context_id, control, data


def _check_command(control: int, size: int) -> None:
    """Refuse what is no command set or too long for one; `size` has the headers of its fragments, empty ones too."""
    if not control & COMMAND_FRAGMENT:
        raise _user_violation("a data set without a command set")
    if size > _MAX_COMMAND:
        raise _user_violation(f"a command set of more than {_MAX_COMMAND} bytes")


def _invalid(text: str) -> MustAbort:
    return MustAbort(text, reason=AbortReason.INVALID_PARAMETER)


def _user_violation(text: str) -> MustAbort:
    """A breach of DIMSE, not of the upper layer: the service user aborts (PS3.7 8.1)."""
    return MustAbort(text, source=AbortSource.USER)
