"""What is done with a data set that was read: it is stored, or on trial compared with what is held."""

import time
from typing import Protocol

from vna.archive import Archive, Arrived, StoreSession
from vna.archive.digests import compute_digests
from vna.dicom.describe import key_of
from vna.dicom.scan import scan
from vna.errors import OutOfResources
from vna.transfer.reading import Candidate
from vna.transfer.units import Fate, fate_of

_WAITS_S = (0.1, 0.5, 2.0)


class Taker(Protocol):
    """Takes candidates, from many threads; says what became of each."""

    def take(self, candidate: Candidate) -> Fate:
        """Take one.

        Raises:
            CannotUnderstand: it is no data set.
            OutOfResources: it cannot be taken now.
        """
        ...


class Storing:
    """Stores candidates in one session of the archive."""

    def __init__(self, session: StoreSession) -> None:
        self._session = session

    def take(self, candidate: Candidate) -> Fate:
        """Store one: when this returns it is on disk, indexed, and can be found.

        What the archive says may be tried again is: a node that starts meanwhile clears what is half written.
        """
        arrived = Arrived(candidate.content, candidate.transfer_syntax, part10_head=candidate.head)
        for wait_s in _WAITS_S:
            try:
                return fate_of(self._session.store(arrived).outcome)
            except OutOfResources:
                time.sleep(wait_s)
        return fate_of(self._session.store(arrived).outcome)


class Trying:
    """Says what storing would come to, and stores nothing; without an archive everything is new."""

    def __init__(self, archive: Archive | None) -> None:
        self._archive = archive

    def take(self, candidate: Candidate) -> Fate:
        """Compare one with what is held under its UIDs."""
        _, key = key_of(scan(candidate.content.buffer(), candidate.transfer_syntax))
        held = self._archive.versions(key) if self._archive else []
        if not held:
            return Fate.STORED
        digest = compute_digests(candidate.transfer_syntax, candidate.content, ()).instance
        return Fate.ALREADY_STORED if any(version.digest == digest for version in held) else Fate.DIFFERS
