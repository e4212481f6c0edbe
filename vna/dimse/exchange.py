"""One established association as the services see it: who talks, what was agreed, and how to answer."""

from collections import deque
from dataclasses import dataclass, field

from vna.archive import Archive, StoreSession, Turn
from vna.dimse.access import Caller
from vna.dimse.command import Command, ElementNumber, Verdict, response
from vna.dimse.connections import Connections
from vna.dimse.messages import Messages
from vna.dimse.negotiation import Agreement
from vna.dimse.pdu import AbortSource
from vna.dimse.status import Status
from vna.dimse.upper_layer import MustAbort
from vna.model import View
from vna.settings import DimseSettings


class CommandRefused(Exception):
    """A command set that cannot be carried out as it is; `offending` is the element that is wrong."""

    def __init__(self, status: Status, message: str, *, offending: ElementNumber | None = None) -> None:
        super().__init__(message)
        self.status, self.offending = status, offending


@dataclass(slots=True)
class Traffic:
    """What went over one association, for the line that is logged at its end; sizes in bytes.

    `status` is the final one of the request under way, None until it is answered.
    """

    received: int = 0
    stored: int = 0
    received_bytes: int = 0
    found: int = 0
    sent: int = 0
    status: int | None = None


@dataclass(slots=True)
class Reports:
    """Commitments asked for over one association, whose report is to go back over it if it lasts.

    `due` are to be told, each with the presentation context it was asked on; `sent` are told, by the Message ID of
    the report, which is not answered yet.
    """

    due: deque[tuple[int, Turn]] = field(default_factory=deque)
    sent: dict[int, Turn] = field(default_factory=dict)
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a service needs to serve a request."""

    archive: Archive
    settings: DimseSettings
    connections: Connections
    caller: Caller
    agreement: Agreement
    messages: Messages
    session: StoreSession
    traffic: Traffic = field(default_factory=Traffic)
    reports: Reports = field(default_factory=Reports)

    @property
    def view(self) -> View:
        """What queries and retrieves see: whoever calls the quality AE title, what is rejected too."""
        quality = self.settings.quality_ae_title
        return View.QUALITY if quality and self.caller.called_ae_title == quality else View.ORDINARY

    def answer(self, request: Command, verdict: Verdict, data_set: bytes | None = None) -> None:
        """Send the final response to a request, after what is left of the request's data set was read.

        Raises:
            MustAbort: a message of ours was begun and cannot be finished, so nothing can follow it.
        """
        if self.messages.half_sent:
            raise MustAbort(f"a message could not be finished: {verdict.comment}", source=AbortSource.USER)
        self.messages.drop_data_set()
        command = response(request, verdict, has_data_set=data_set is not None)
        self.messages.send(request.context_id, command, data_set)
        self.traffic.status = verdict.status
