"""Reports of commitments over associations of our own (PS3.4 J.3.3): to those who did not wait, until they take them.

Each peer is called once for all that it is to be told. What it does not take is tried again after a pause that doubles,
up to an hour, and given up after `dimse.commitment_retry_s`. The turns of `vna.index.commitments` see to it that no
other process, and no other node, tells the same at the same time.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import Final

from vna.archive import NOBODY, Archive, CommitmentReport, Turn
from vna.dicom.encoding import EXPLICIT_LE_UID, IMPLICIT_LE_UID
from vna.dicom.supported import STORAGE_COMMITMENT
from vna.dimse.command import CommandField
from vna.dimse.commitment import LATER_S, send_report, settle
from vna.dimse.connections import Connections
from vna.dimse.requestor import PeerUnreachable, RequestedAssociation, request_association
from vna.dimse.upper_layer import AssociationEnded
from vna.errors import VnaError
from vna.metrics.families import COMMITMENTS, UNREGISTERED
from vna.model import Peer
from vna.settings import DimseSettings

_log = logging.getLogger(__name__)

_PEERS_AT_ONCE = 4
_LOOK_S = 0.2
_LONGEST_PAUSE_S: Final = 3600.0

Told = tuple[Turn, CommitmentReport]


class Reporter:
    """Tells peers the answers to their commitments."""

    def __init__(self, archive: Archive, settings: DimseSettings) -> None:
        """Tell what an archive owes; a peer that says nothing for the ARTIM time is left alone until the next try."""
        self._archive = archive
        self._settings = settings.model_copy(update={"idle_timeout_s": settings.artim_timeout_s})

    def report_all(self, stopping: threading.Event) -> None:
        """Deal with everything that is owed and that nobody deals with now.

        Raises:
            OutOfResources: the index cannot be read now.
        """
        by_peer: dict[tuple[str, str], list[int]] = {}
        for waiting in self._archive.commitments.waiting():
            by_peer.setdefault((waiting.ae_title, waiting.called_ae_title), []).append(waiting.number)
        if not by_peer:
            return
        connections = Connections()
        visit = _Visit(self._archive, self._settings, connections, stopping)
        with ThreadPoolExecutor(_PEERS_AT_ONCE, thread_name_prefix="report") as threads:
            visits = [threads.submit(visit.make, *titles, numbers) for titles, numbers in by_peer.items()]
            while wait(visits, timeout=_LOOK_S).not_done:
                if stopping.is_set():
                    connections.interrupt_all()
        for each in visits:
            each.result()


class _Visit:
    """Tells one peer after the other what it is to be told, each over one association."""

    def __init__(
        self, archive: Archive, settings: DimseSettings, connections: Connections, stopping: threading.Event
    ) -> None:
        self._archive, self._settings = archive, settings
        self._connections, self._stopping = connections, stopping

    def make(self, ae_title: str, called_ae_title: str, numbers: Iterable[int]) -> None:
        """Decide what is not decided, and tell the peer what is."""
        told = [each for number in numbers if (each := self._decided(number)) is not None]
        if not told or self._stopping.is_set():
            self._try_later(told, tried=False)
            return
        if ae_title == NOBODY:
            for turn, _report in told:
                self._archive.commitments.leave(turn)
            return
        peer = self._archive.peers().get(ae_title)
        if peer is None:
            _log.info("commitments cannot be reported, no such peer is registered peer=%s", ae_title)
            self._try_later(told, tried=True)
            return
        try:
            self._call(peer, called_ae_title, told)
        except PeerUnreachable as exc:
            _log.warning("commitments not reported peer=%s reports=%d reason=%s", ae_title, len(told), exc)
            self._try_later(told, tried=True)

    def _decided(self, number: int) -> Told | None:
        commitments, report = self._archive.commitments, None
        if self._stopping.is_set():
            return None
        try:
            turn = commitments.take(number)
            if turn is None:
                return None
            report = commitments.answer(
                turn, patience_s=self._settings.commitment_patience_s, go_on=lambda: not self._stopping.is_set()
            )
            if report is None:
                commitments.pass_on(turn, LATER_S)
                return None
        except VnaError as exc:
            _log.warning("commitment not decided now number=%d reason=%s", number, exc)
            return None
        return turn, report

    def _call(self, peer: Peer, called_ae_title: str, told: Sequence[Told]) -> None:
        association = request_association(
            peer,
            [(STORAGE_COMMITMENT, (EXPLICIT_LE_UID, IMPLICIT_LE_UID))],
            calling_ae_title=called_ae_title,
            settings=self._settings,
            connections=self._connections,
        )
        left = list(told)
        try:
            self._tell(association, peer, left)
        except AssociationEnded as exc:
            _log.warning("commitments not reported peer=%s reports=%d reason=%s", peer.ae_title, len(left), exc)
            association.abort()
        else:
            association.release(self._settings.artim_timeout_s)
        self._try_later(left, tried=True)

    def _tell(self, association: RequestedAssociation, peer: Peer, left: list[Told]) -> None:
        """Tell one after the other; what was answered, for good or not, is no longer `left`."""
        context = next((each for each in association.contexts.values() if each.roles.scp), None)
        if context is None:
            _log.warning("commitments not reported, the peer does not take reports peer=%s", peer.ae_title)
            return
        for message_id, (turn, report) in enumerate(tuple(left), 1):
            if not self._archive.commitments.keep(turn, 2 * self._settings.artim_timeout_s):
                left.remove((turn, report))
                continue
            send_report(association.messages, context, report, message_id)
            response = association.messages.next_command()
            association.messages.drop_data_set()
            if response.field != CommandField.N_EVENT_REPORT_RSP or response.message_id != message_id:
                return
            if settle(self._archive, turn, response, peer.ae_title):
                left.remove((turn, report))

    def _try_later(self, told: Iterable[Told], *, tried: bool) -> None:
        """Let others deal with what was not taken after a pause, or give it up when it is too old."""
        commitments, settings = self._archive.commitments, self._settings
        for turn, _report in told:
            age_s = (datetime.now(UTC) - turn.owed.asked).total_seconds()
            if tried and age_s > settings.commitment_retry_s:
                _log.error("commitment given up peer=%s number=%d", turn.owed.ae_title, turn.owed.number)
                commitments.settle(turn.owed.number, delivered=False)
                peer = turn.owed.ae_title if turn.owed.ae_title in self._archive.peers() else UNREGISTERED
                self._archive.metrics.count(COMMITMENTS, peer, "given-up")
                continue
            pause_s = min(settings.commitment_retry_pause_s * 2**turn.attempts, _LONGEST_PAUSE_S) if tried else 0.0
            commitments.pass_on(turn, pause_s, tried=tried)
