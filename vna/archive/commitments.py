"""Storage Commitment: what a sender is told of what it sent (PS3.4 Annex J), decided by reading it back.

A commitment is asked for, answered and settled, each by an event, so that what is owed outlives the node. It is given
when an instance that came from who asks is held and live, gives its digest when it is read back, and lies in every
store that is to hold a copy. What is said to be kept is sealed before it is said.

Nobody waits here: what cannot be decided now is decided in a later turn, by whoever takes it. A turn makes sure that
one process at a time tells the answer; it goes by `vna.index.commitments`.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final

from storage_backends import MAIN, BlobStore
from vna.archive.kept import blob_ref
from vna.archive.recording import record, record_if_due
from vna.archive.sealing import Sealer
from vna.archive.translation import storage_errors
from vna.archive.verify import Verifier
from vna.dicom.supported import STORAGE_CLASSES
from vna.errors import Damaged, OutOfResources
from vna.events import BlobDamaged, BlobEntry, CommitmentAnswered, CommitmentRequested, CommitmentSettled
from vna.index import (
    BlobState,
    Copy,
    HeldInstance,
    Index,
    Owed,
    Turn,
    Waiting,
    index_errors,
)
from vna.model import InstanceUID

RESULTS_KEPT_S: Final = 7 * 86400.0
"""For how long after the request an answer that nobody is told can be asked for (PS3.18 13.2)."""

NOBODY: Final = ""
"""The AE title to tell an answer where there is none: who asked over the web asks for the answer too."""

TURN_S: Final = 30.0
"""How long a turn lasts; who is killed in it keeps the others waiting as long."""

_RENEW_AFTER_S = 10.0
_LOOK_AGAIN_S = 3600.0
_ACTOR = "storage commitment"

Reference = tuple[str, InstanceUID]
"""SOP Class UID and SOP Instance UID."""
Failures = tuple[tuple[str, InstanceUID, int], ...]
"""References, each with its failure reason."""


class FailureReason(IntEnum):
    """Why an instance is not committed to (PS3.3 C.14.1.1)."""

    PROCESSING_FAILURE = 0x0110
    """It is held, and its bytes are not what came: it is to be sent again."""
    NO_SUCH_INSTANCE = 0x0112
    """Nothing live is held under this UID that came from who asks."""
    CLASS_INSTANCE_CONFLICT = 0x0119
    """It is held with another SOP Class."""
    CLASS_NOT_SUPPORTED = 0x0122
    """Nothing is held, and the SOP Class is no storage SOP Class."""
    DUPLICATE_TRANSACTION = 0x0131
    """The Transaction UID is that of another commitment, which is still owed."""
    RESOURCE_LIMITATION = 0x0213
    """A copy that is to be is not there yet, or cannot be read now; whether it will be is not known."""


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """The answer to a commitment, for all instances asked for: kept, or failed for a reason."""

    transaction: str
    kept: tuple[Reference, ...]
    failed: Failures


class Commitments:
    """The commitments of one archive; safe to use from all threads."""

    def __init__(self, index: Index, verifier: Verifier, stores: Mapping[str, BlobStore]) -> None:
        """Decide on what lies in these stores, by name; each is to hold a copy of every blob."""
        self._index, self._verifier, self._stores = index, verifier, stores
        self._table = index.commitments
        self._sealer: Sealer | None = None
        self._sealing = threading.Lock()

    def seal_with(self, sealer: Sealer | None) -> None:
        """Say what seals the journal before an answer is given; it is closed with this."""
        self._sealer = sealer

    def close(self) -> None:
        """Close what seals."""
        if self._sealer is not None:
            self._sealer.close()

    def ask(self, request: CommitmentRequested, actor: str) -> int:
        """Record that commitment is asked for; return its number. It is owed from now on.

        Raises:
            OutOfResources: it could not be recorded.
        """
        return record(self._index, request, actor)

    def asked(self, transaction: str) -> list[Owed]:
        """Return the commitments that were asked for under a Transaction UID, and are not settled; oldest first."""
        with index_errors():
            return self._table.asked(transaction)

    def count(self) -> int:
        """Return how many are owed."""
        with index_errors():
            return self._table.count()

    def waiting(self) -> list[Waiting]:
        """Return those that nobody deals with now, oldest first."""
        with index_errors():
            self._table.forget_turns()
            return self._table.waiting()

    def take(self, number: int) -> Turn | None:
        """Take the turn to deal with a commitment, for `TURN_S`; None if it is not to be had."""
        with index_errors():
            return self._table.take(number, TURN_S)

    def keep(self, turn: Turn, for_s: float = TURN_S) -> bool:
        """Keep a turn for some seconds from now; false if it was lost meanwhile."""
        with index_errors():
            return self._table.keep(turn, for_s, attempts=turn.attempts)

    def pass_on(self, turn: Turn, after_s: float, *, tried: bool = False) -> None:
        """Let anybody deal with a commitment after some seconds; `tried` counts an attempt to tell who asked."""
        with index_errors():
            self._table.keep(turn, after_s, attempts=turn.attempts + tried)

    def answer(self, turn: Turn, *, patience_s: float, go_on: Callable[[], bool]) -> CommitmentReport | None:
        """Return what is to be told, deciding it first if nobody has; None if it is too early to say.

        Args:
            patience_s: for how long after the request copies that are not there yet are waited for.
            go_on: is asked before each instance; nothing is decided when it says no.

        Raises:
            OutOfResources: index or journal cannot be written now.
        """
        owed = turn.owed
        failed = owed.failed
        if failed is None:
            failed = self._decide(turn, go_on)
            if failed is None or (_may_pass(failed) and _age_s(owed) < patience_s):
                return None
            record(self._index, CommitmentAnswered(owed.number, failed, self._seal()), _ACTOR)
        return report_of(replace(owed, failed=failed))

    def leave(self, turn: Turn) -> None:
        """Leave an answer until it is asked for; after `RESULTS_KEPT_S` it is settled, and known no more.

        Raises:
            OutOfResources: index or journal cannot be written now.
        """
        left_s = RESULTS_KEPT_S - _age_s(turn.owed)
        if left_s <= 0:
            self.settle(turn.owed.number, delivered=True)
        else:
            self.pass_on(turn, min(left_s, _LOOK_AGAIN_S))

    def settle(self, number: int, *, delivered: bool) -> None:
        """Record that who asked was told, or that it is given up: the commitment is owed no more."""
        record(self._index, CommitmentSettled(number, delivered), _ACTOR)

    def _seal(self) -> int:
        """Seal what is committed by now; return up to where, 0 where nothing can be sealed."""
        if self._sealer is None:
            return 0
        with self._sealing:
            return self._sealer.seal().position

    def _decide(self, turn: Turn, go_on: Callable[[], bool]) -> Failures | None:
        """Return what fails and why; None when it was cut short."""
        owed, renewed = turn.owed, time.monotonic()
        with index_errors():
            if self._table.used_before(owed):
                return tuple((*each, int(FailureReason.DUPLICATE_TRANSACTION)) for each in owed.instances)
        failed = []
        for sop_class, uid in owed.instances:
            if not go_on():
                return None
            if time.monotonic() - renewed > _RENEW_AFTER_S:
                if not self.keep(turn):
                    return None
                renewed = time.monotonic()
            reason = self._reason(owed.source, sop_class, uid)
            if reason is not None:
                failed.append((sop_class, uid, int(reason)))
        return tuple(failed)

    def _reason(self, source: str, sop_class: str, uid: InstanceUID) -> FailureReason | None:
        """Return why one instance is not committed to, None if it is."""
        try:
            with index_errors():
                sent = self._table.sent(uid, source)
            if not sent:
                known = sop_class in STORAGE_CLASSES
                return FailureReason.NO_SUCH_INSTANCE if known else FailureReason.CLASS_NOT_SUPPORTED
            asked_for = [held for held in sent if held.sop_class_uid == sop_class]
            if not asked_for:
                return FailureReason.CLASS_INSTANCE_CONFLICT
            return next(filter(None, map(self._problem, asked_for)), None)
        except OutOfResources:
            return FailureReason.RESOURCE_LIMITATION

    def _problem(self, held: HeldInstance) -> FailureReason | None:
        """Read one version back, from every store that holds it or is to."""
        with index_errors():
            copies = self._table.copies(held.version_id)
        wanted = {copy.blob.digest for copy in copies}
        in_main = _there(MAIN, copies).keys()
        moved = {copy.blob.digest for copy in copies if copy.state is BlobState.PRESENT} - in_main
        if not wanted <= in_main | moved or self._verifier.problem(held) is not None:
            return FailureReason.PROCESSING_FAILURE
        for name in ({copy.blob.store for copy in copies} | self._stores.keys()) - {MAIN}:
            there = _there(name, copies)
            is_lacking = name in self._stores and not wanted - moved <= there.keys()
            if is_lacking or not all(map(self._is_sound, there.values())):
                return FailureReason.RESOURCE_LIMITATION
        return None

    def _is_sound(self, blob: BlobEntry) -> bool:
        """Read a copy back, in the stores that we have; a damaged one is recorded, to be healed."""
        try:
            with storage_errors():
                if blob.store in self._stores:
                    self._stores[blob.store].verify(blob_ref(blob))
        except Damaged:
            record_if_due(
                self._index, BlobDamaged(blob.place, "its bytes are missing or do not give its digest"), _ACTOR
            )
            return False
        return True


def report_of(owed: Owed) -> CommitmentReport:
    """Return the answer to a commitment that is decided."""
    failed = owed.failed or ()
    names = {(sop_class, uid) for sop_class, uid, _reason in failed}
    return CommitmentReport(owed.transaction, tuple(each for each in owed.instances if each not in names), failed)


def _there(store: str, copies: Sequence[Copy]) -> dict[str, BlobEntry]:
    """Return the blobs that are present in a store, by digest; of those with another codec too, any one."""
    found = (copy.blob for copy in copies if copy.blob.store == store and copy.state is BlobState.PRESENT)
    return {blob.digest: blob for blob in found}


def _may_pass(failed: Failures) -> bool:
    return any(reason == FailureReason.RESOURCE_LIMITATION for _class, _uid, reason in failed)


def _age_s(owed: Owed) -> float:
    return (datetime.now(UTC) - owed.asked).total_seconds()
