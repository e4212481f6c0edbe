"""Storing what one request holds: several instances at a time, each with an outcome of its own.

While the next ones arrive, those that have come are stored: by a few threads, so that some wait for the disk while
others work, each with one commit for all that it finds waiting. What is on its way is bounded: who gives more, waits.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from dicomweb.requesters import Requester
from dicomweb.store_report import COERCED, Failed, Kept, Outcome, Report
from vna.archive import Archive, Arrived, Expected, Incoming, Stored
from vna.dicom.describe import key_of
from vna.dicom.encoding import tag_text
from vna.dicom.part10 import TRANSFER_SYNTAX_UID, find_data_set
from vna.dicom.scan import scan
from vna.dicom.supported import STORAGE_CLASSES, TRANSFER_SYNTAXES
from vna.errors import CannotUnderstand, NotStorable, SyntaxNotSupported, VnaError
from vna.log_context import ContextThreads
from vna.metrics.families import IN_FLIGHT_BYTES, RECEIVED, RECEIVED_BYTES, RECEIVED_SIZES
from vna.model import Outcome as Fate
from vna.model import StudyUID

_log = logging.getLogger(__name__)

_THREADS: Final = min(4, max(2, os.cpu_count() or 2))
_TOGETHER: Final = 4
_SMALL_BYTES: Final = 16 << 20
"""Beyond this, no more are on their way than are stored together."""
_REFUSED: Final = "refused"
_STANDARD_ROOT: Final = "1.2.840.10008."

Names = tuple[str, str]
"""SOP Class UID and SOP Instance UID; empty where they are not known."""
UNNAMED: Final[Names] = ("", "")


class Storing:
    """Stores the instances of one request; `report` waits for all, and `close` must be called however it ends."""

    def __init__(self, archive: Archive, requester: Requester, study: StudyUID | None) -> None:
        """Store for a requester, into `study` alone where the request names it."""
        self.session = archive.session(requester.source, requester.actor)
        self._archive, self._requester = archive, requester
        self._expected = Expected(study_instance_uid=study)
        self._threads = ContextThreads(_THREADS, thread_name_prefix="stow")
        self._waiting: deque[_Whole] = deque()
        self._on_their_way: deque[tuple[int, Future[Outcome]]] = deque()
        self._under_way: dict[str, Future[Outcome]] = {}
        self._outcomes: list[Outcome | Future[Outcome]] = []

    def close(self) -> None:
        """Wait for what is being stored: it is kept whole, or not at all."""
        self._threads.shutdown()

    def incoming(self) -> Incoming:
        """Start to receive something of this request.

        Raises:
            OutOfResources: there is no room for it now.
        """
        return self._archive.incoming(self._requester.counted_as)

    def fail(self, error: VnaError, names: Names = UNNAMED, *, size: int = 0) -> None:
        """Take note of something that is not stored, of so many bytes; `names` are SOP Class and Instance UID."""
        self._outcomes.append(self._failed(error, names, size))

    def store_file(self, incoming: Incoming) -> None:
        """Store a Part 10 file; it is discarded when that is done. Waits while enough are on their way."""
        content = incoming.finish()
        try:
            head = find_data_set(content.buffer())
        except CannotUnderstand as exc:
            incoming.discard()
            self.fail(exc, size=content.size)
            return
        names = head.sop_class_uid or "", head.sop_instance_uid or ""
        data_set = content.part(head.length, content.size - head.length)
        file_head = bytes(content.buffer()[: head.length])
        self._begin(Arrived(data_set, head.transfer_syntax, self._expected, file_head), names, incoming)

    def store_data_set(self, incoming: Incoming, transfer_syntax: str, names: Names) -> None:
        """Store a data set; it is discarded when that is done. Waits while enough are on their way."""
        self._begin(Arrived(incoming.finish(), transfer_syntax, self._expected), names, incoming)

    def report(self) -> Report:
        """Wait for all outcomes and return them, in the order the instances came."""
        return Report(each.result() if isinstance(each, Future) else each for each in self._outcomes)

    def _begin(self, arrived: Arrived, names: Names, incoming: Incoming) -> None:
        """Have a thread store something; of the same instance one after the other, since the last one counts."""
        while self._are_enough_on_their_way():
            self._on_their_way.popleft()[1].exception()
        before = self._under_way.get(names[1]) if names[1] else None
        if before is not None:
            before.exception()
        whole = _Whole(arrived, names, incoming)
        self._waiting.append(whole)
        self._on_their_way.append((arrived.content.size, whole.outcome))
        self._under_way[names[1]] = whole.outcome
        self._outcomes.append(whole.outcome)
        self._threads.submit(self._store_waiting)

    def _are_enough_on_their_way(self) -> bool:
        size = sum(size for size, _ in self._on_their_way)
        return len(self._on_their_way) >= (2 * _TOGETHER if size <= _SMALL_BYTES else _TOGETHER)

    def _store_waiting(self) -> None:
        """Store some of what waits, if another thread has not taken all of it."""
        some = list[_Whole]()
        with suppress(IndexError):
            while len(some) < _TOGETHER:
                some.append(self._waiting.popleft())
        try:
            for each, stored in zip(some, self._stored(some), strict=True):
                each.outcome.set_result(self._outcome(each, stored))
        except Exception:  # noqa: BLE001 - nobody but the log hears what a thread raises; the request waits for outcomes
            _log.exception("web instances not stored source=%s", self._requester.source.name)
        finally:
            for each in some:
                each.incoming.discard()
                if not each.outcome.done():
                    each.outcome.set_result(_fault(each))

    def _stored(self, some: Sequence["_Whole"]) -> list[Stored | Exception]:
        """Store what is of a kind that is stored; return what became of each."""
        refused = [_refusal(each.names[0], each.arrived.transfer_syntax) for each in some]
        taken = [each.arrived for each, refusal in zip(some, refused, strict=True) if refusal is None]
        metrics, size = self._archive.metrics, sum(arrived.content.size for arrived in taken)
        metrics.change(IN_FLIGHT_BYTES, by=size)
        try:
            stored = iter(self.session.store_all(taken))
        finally:
            metrics.change(IN_FLIGHT_BYTES, by=-size)
        return [next(stored) if refusal is None else refusal for refusal in refused]

    def _outcome(self, whole: "_Whole", stored: Stored | Exception) -> Outcome:
        size, source = whole.arrived.content.size, self._requester.source
        if isinstance(stored, VnaError):
            return self._failed(stored, _names(whole.arrived) or whole.names, size)
        if isinstance(stored, Exception):  # a fault of ours in one instance must not take the others with it
            _log.error("web instance not stored source=%s", source.name, exc_info=stored)
            return _fault(whole)
        self._count(stored.outcome.value, size)
        aside = stored.outcome is Fate.ASIDE and source.warn_on_conflict
        _log.debug(
            "stow stored source=%s study=%s instance=%s outcome=%s ms=%.1f",
            source.name,
            stored.key.study,
            stored.key.instance,
            stored.outcome,
            (time.monotonic() - whole.came) * 1e3,
        )
        return Kept(stored.sop_class_uid, stored.key, COERCED if aside or stored.hidden_by else 0)

    def _failed(self, error: VnaError, names: Names, size: int) -> Failed:
        self._count(_REFUSED, size)
        _log.warning(
            "web instance refused source=%s instance=%s status=%04X reason=%s",
            self._requester.source.name,
            names[1] or "?",
            error.status,
            error,
        )
        return Failed(error.status, str(error), *names)

    def _count(self, outcome: str, size: int) -> None:
        metrics, label = self._archive.metrics, self._requester.label
        metrics.count(RECEIVED, label, outcome)
        metrics.count(RECEIVED_BYTES, label, outcome, by=size)
        metrics.observe(RECEIVED_SIZES, size)


@dataclass(frozen=True, slots=True)
class _Whole:
    """An instance that has come, when that was, what is known of it, and what becomes of it."""

    arrived: Arrived
    names: Names
    incoming: Incoming
    came: float = field(default_factory=time.monotonic)
    outcome: Future[Outcome] = field(default_factory=Future)


def _refusal(sop_class_uid: str, transfer_syntax: str) -> VnaError | None:
    """Return why something is not taken that C-STORE would not negotiate; private SOP Classes are taken."""
    if transfer_syntax not in TRANSFER_SYNTAXES:
        return SyntaxNotSupported(f"{tag_text(TRANSFER_SYNTAX_UID)} is no transfer syntax that data sets are stored in")
    if sop_class_uid.startswith(_STANDARD_ROOT) and sop_class_uid not in STORAGE_CLASSES:
        return NotStorable(f"{sop_class_uid} is no storage SOP Class")
    return None


def _fault(whole: _Whole) -> Failed:
    return Failed(VnaError.status, "the node failed to store it; its log says why", *whole.names)


def _names(arrived: Arrived) -> Names | None:
    """Return SOP Class and SOP Instance UID as the data set itself says; None if it cannot be read."""
    try:
        sop_class, key = key_of(scan(arrived.content.buffer(), arrived.transfer_syntax))
    except VnaError:
        return None
    return sop_class, key.instance
