"""What is done with data sets that were read: they are stored, or on trial compared with what is held."""

import hashlib
import threading
import time
from collections.abc import Sequence
from typing import Protocol

from vna.archive import Archive, Arrived, StoreSession
from vna.archive.digests import compute_digests
from vna.dicom.describe import key_of
from vna.dicom.scan import scan
from vna.errors import OutOfResources, tried
from vna.events import Arrival
from vna.model import InstanceKey, Source
from vna.transfer.reading import Candidate
from vna.transfer.units import Fate, fate_of

_WAITS_S = (0.1, 0.5, 2.0)


class Taker(Protocol):
    """Takes candidates, from many threads."""

    def take(self, candidates: Sequence[Candidate]) -> list[Fate | Exception]:
        """Take some together; return what became of each.

        An error is that of one alone: `CannotUnderstand` if it is no data set, `OutOfResources` if it cannot be taken
        now, or another.
        """
        ...


class Storing:
    """Stores candidates in one session of the archive."""

    def __init__(self, session: StoreSession) -> None:
        self._session = session

    def take(self, candidates: Sequence[Candidate]) -> list[Fate | Exception]:
        """Store them with one commit: when this returns they are on disk, indexed, and can be found.

        What the archive says may be tried again is: a node that starts meanwhile clears what is half written.
        """
        arrived = [Arrived(each.content, each.transfer_syntax, part10_head=each.head) for each in candidates]
        outcomes = self._session.store_all(arrived)
        for wait_s in _WAITS_S:
            again = [number for number, each in enumerate(outcomes) if isinstance(each, OutOfResources)]
            if not again:
                break
            time.sleep(wait_s)
            for number, outcome in zip(again, self._session.store_all([arrived[n] for n in again]), strict=True):
                outcomes[number] = outcome
        return [each if isinstance(each, Exception) else fate_of(each.outcome) for each in outcomes]


class Trying:
    """Says what storing would come to, and stores nothing; without an archive everything is new.

    What came before in the same trial counts as held.
    """

    def __init__(self, archive: Archive | None, source: Source) -> None:
        self._archive, self._source = archive, source
        self._lock = threading.Lock()
        self._seen: set[bytes] = set()
        """Of each instance, and of each with its digest, a short name: there may be millions."""

    def take(self, candidates: Sequence[Candidate]) -> list[Fate | Exception]:
        """Compare each with what is held under its UIDs."""
        return [tried(self._compared, each) for each in candidates]

    def _compared(self, candidate: Candidate) -> Fate:
        sop_class, key = key_of(scan(candidate.content.buffer(), candidate.transfer_syntax))
        held = {version.digest for version in self._archive.versions(key)} if self._archive else set[str]()
        digest = compute_digests(candidate.transfer_syntax, candidate.content, ()).instance
        if self._archive is not None and self._archive.would_refuse(self._arrival(candidate, sop_class, key, digest)):
            return Fate.REJECTED
        instance, content = _short("\0".join((key.study, key.series, key.instance))), _short(f"{key.instance} {digest}")
        with self._lock:
            is_known, is_same = instance in self._seen, content in self._seen
            self._seen |= {instance, content}
        if is_same or digest in held:
            return Fate.ALREADY_STORED
        return Fate.DIFFERS if held or is_known else Fate.STORED

    def _arrival(self, candidate: Candidate, sop_class: str, key: InstanceKey, digest: str) -> Arrival:
        """Return what would be submitted, but for how it would be kept."""
        return Arrival(
            key=key,
            sop_class_uid=sop_class,
            transfer_syntax=candidate.transfer_syntax,
            digest=digest,
            size=candidate.content.size,
            source=self._source,
            issuer=self._source.issuer or self._source.name,
            recipe=b"",
            blobs=(),
            association="",
        )


def _short(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=16).digest()
