"""Replicating: what a replica of the store lacks is copied to it, and recorded once it is there and read back.

With `store.replicate = "behind"` that is how every copy is made. With "with-receive" the receive writes to all stores
at once, and a replica that cannot be written makes it fail (status A700, the sender tries again): whoever asks for that
wants an answer to mean two copies, and who would rather go on taking in asks for "behind". What was stored before a
replica was there, or is lost to it, is copied here in both cases.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from typing import Final

from vna.archive.healing import Healer, Health, store_name
from vna.archive.recording import record_if_due
from vna.errors import Damaged
from vna.events import BlobEntry, BlobsEntered
from vna.index import index_errors
from vna.metrics.families import COPIED

_AT_ONCE: Final = 4
_BATCH: Final = 32
"""Copies recorded in one event; those of a node that is killed are made again."""
_ANEW_AFTER_S: Final = 24 * 3600
_ACTOR: Final = "replication"

log = logging.getLogger(__name__)


class Replicator:
    """Copies to one replica. For one thread."""

    def __init__(self, healer: Healer, replica: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with the oldest; `clock` gives seconds."""
        self._healer, self._replica, self._clock = healer, replica, clock
        self._upto = 0
        self._began_at = clock()

    def run(self, stopping: Event) -> None:
        """Copy what has been stored since the last time, and once a day look at everything again.

        Raises:
            OutOfResources: the replica, the store or the index cannot be used; it goes on there next time.
            Damaged: the replica does not give back what it was given.
        """
        if self._clock() - self._began_at >= _ANEW_AFTER_S:
            self._upto, self._began_at = 0, self._clock()
        with index_errors():
            for window in self._healer.index.blobs.lacking(self._replica, after=self._upto):
                if window.blobs:
                    self._refuse_another()
                for batch in _batches(window.blobs):
                    self._copy_all(batch)
                    if stopping.is_set():
                        return
                self._upto = window.upto
                if stopping.is_set():
                    return

    def _refuse_another(self) -> None:
        if self._healer.index.blobs.has_any(self._replica):
            self._healer.refuse_empty(self._replica)

    def _copy_all(self, batch: Sequence[BlobEntry]) -> None:
        """Copy blobs side by side, and record those that have arrived, whatever became of the others."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="replicate") as threads:
            copies = [(blob, threads.submit(self._copy, blob)) for blob in batch]
        arrived = tuple(replace(blob, store=self._replica) for blob, copy in copies if _has_arrived(copy))
        if arrived and record_if_due(self._healer.index, BlobsEntered(arrived), _ACTOR) is not None:
            self._healer.metrics.count(COPIED, store_name(self._replica), by=len(arrived))
        for _, copy in copies:
            copy.result()

    def _copy(self, blob: BlobEntry) -> bool:
        """Copy one blob; return false when the store has no sound copy of it."""
        try:
            self._healer.copy(blob, self._replica)
        except Damaged:
            if self._healer.examine(blob, _ACTOR) is Health.DAMAGED:
                log.warning("blob not copied, it is damaged digest=%s store=%s", blob.digest, self._replica)
                return False
            self._healer.copy(blob, self._replica)
        return True


def _batches(blobs: Sequence[BlobEntry]) -> list[Sequence[BlobEntry]]:
    return [blobs[start : start + _BATCH] for start in range(0, len(blobs), _BATCH)]


def _has_arrived(copy: "Future[bool]") -> bool:
    return copy.exception() is None and copy.result()
