"""Verifying: every version is put together again and its digest compared with the one recorded.

A blob found damaged or lost is recorded as such: the next identical receive then writes it again, and
heals every instance that shares it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from vna.archive.digests import start_digest
from vna.archive.kept import Shelf
from vna.archive.retrieve import Retriever
from vna.errors import VnaError
from vna.events import BlobDamaged, BlobEntry
from vna.index import EventEntry, HeldInstance, Index


@dataclass(frozen=True, slots=True)
class Finding:
    """The result for one version; `problem` is None when its bytes are what was received."""

    held: HeldInstance
    problem: str | None


class Verifier:
    """Re-reads what is held."""

    def __init__(self, index: Index, shelf: Shelf, retriever: Retriever) -> None:
        self._index, self._shelf, self._retriever = index, shelf, retriever

    def verify(self, study_uid: str | None = None) -> Iterator[Finding]:
        """Go through all versions of the archive, or of one study, superseded ones and renditions too."""
        for held in self._index.reader.every_version(study_uid):
            yield Finding(held, self._problem(held))

    def _problem(self, held: HeldInstance) -> str | None:
        digest = start_digest(held.transfer_syntax)
        try:
            for chunk in self._retriever.open(held).chunks:
                digest.update(chunk)
        except VnaError as exc:
            self._mark_bad_blobs(held)
            return str(exc)
        return None if digest.hexdigest() == held.digest else "the bytes do not give the digest they came with"

    def _mark_bad_blobs(self, held: HeldInstance) -> None:
        for blob in self._index.reader.stored_forms([held.version_id])[0].blobs.values():
            if not self._shelf.is_sound(blob):
                self._record_damage(blob)

    def _record_damage(self, blob: BlobEntry) -> None:
        if blob.digest in self._index.reader.present_blobs([blob.digest]):
            committer, now = self._index.committer, datetime.now(UTC).isoformat(timespec="microseconds")
            event = BlobDamaged(blob.place, "its bytes are missing or do not give its digest")
            committer.submit(EventEntry(committer.next_sequence(), now, "verify", event))
