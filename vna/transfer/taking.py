"""What is done with data sets that were read: they are stored, or on trial compared with what is held."""

import time
from collections.abc import Sequence
from typing import Protocol

from vna.archive import Archive, Arrived, Stored, StoreSession
from vna.archive.digests import compute_digests
from vna.dicom.describe import key_of
from vna.dicom.scan import scan
from vna.errors import OutOfResources, VnaError
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
        """Store them with one commit: when this returns they are on disk, indexed, and can be found."""
        arrived = [Arrived(each.content, each.transfer_syntax, part10_head=each.head) for each in candidates]
        outcomes = zip(arrived, self._session.store_all(arrived), strict=True)
        return [_fate(self._again(each) if isinstance(stored, OutOfResources) else stored) for each, stored in outcomes]

    def _again(self, arrived: Arrived) -> Stored | Exception:
        """Try again as the archive says it may be: a node that starts meanwhile clears what is half written."""
        for wait_s in _WAITS_S[:-1]:
            time.sleep(wait_s)
            [stored] = self._session.store_all([arrived])
            if not isinstance(stored, OutOfResources):
                return stored
        time.sleep(_WAITS_S[-1])
        return self._session.store_all([arrived])[0]


def _fate(stored: Stored | Exception) -> Fate | Exception:
    return stored if isinstance(stored, Exception) else fate_of(stored.outcome)


class Trying:
    """Says what storing would come to, and stores nothing; without an archive everything is new."""

    def __init__(self, archive: Archive | None) -> None:
        self._archive = archive

    def take(self, candidates: Sequence[Candidate]) -> list[Fate | Exception]:
        """Compare each with what is held under its UIDs."""
        return [self._tried(each) for each in candidates]

    def _tried(self, candidate: Candidate) -> Fate | Exception:
        try:
            return self._compared(candidate)
        except VnaError as exc:
            return exc

    def _compared(self, candidate: Candidate) -> Fate:
        _, key = key_of(scan(candidate.content.buffer(), candidate.transfer_syntax))
        held = self._archive.versions(key) if self._archive else []
        if not held:
            return Fate.STORED
        digest = compute_digests(candidate.transfer_syntax, candidate.content, ()).instance
        return Fate.ALREADY_STORED if any(version.digest == digest for version in held) else Fate.DIFFERS
