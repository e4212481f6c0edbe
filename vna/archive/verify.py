"""Verifying: every version is put together again and its digest compared with the one recorded.

A blob found damaged or lost is recorded as such, and healed out of a replica that has a sound copy; else the next
identical receive writes it again, and heals every instance that shares it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vna.archive.digests import start_digest
from vna.archive.healing import Healer, Health
from vna.archive.kept import Shelf
from vna.errors import VnaError
from vna.index import HeldInstance, Reader

_ACTOR = "verify"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result for one version; `problem` is None when its bytes are what was received."""

    held: HeldInstance
    problem: str | None


class Verifier:
    """Re-reads what is held."""

    def __init__(self, reader: Reader, shelf: Shelf, healer: Healer) -> None:
        """Read from a shelf that rescues nothing: damage is to be told, also where it can be healed."""
        self._reader, self._shelf, self._healer = reader, shelf, healer

    def verify(self, study_uid: str | None = None) -> Iterator[Finding]:
        """Go through all versions of the archive, or of one study, superseded ones and renditions too.

        What was damaged and is healed now is told as a problem once.
        """
        for held in self._reader.every_version(study_uid):
            problem = self._read(held)
            if problem is not None and self._is_healed(held):
                problem = f"{problem}; now healed out of another store"
            yield Finding(held, problem)

    def problem(self, held: HeldInstance) -> str | None:
        """Read one version back; say what is wrong with its bytes, None when they are what came, or are so again."""
        problem = self._read(held)
        return None if problem is not None and self._is_healed(held) else problem

    def _read(self, held: HeldInstance) -> str | None:
        digest = start_digest(held.transfer_syntax)
        try:
            kept = self._shelf.fetch([held])[0]
            for chunk in self._shelf.chunks(kept, {}):
                digest.update(chunk)
        except VnaError as exc:
            return str(exc)
        return None if digest.hexdigest() == held.digest else "the bytes do not give the digest they came with"

    def _is_healed(self, held: HeldInstance) -> bool:
        """Record and heal what is damaged of a version; return whether it can be read now."""
        blobs = self._reader.stored_forms([held.version_id])[0].blobs.values()
        found = [self._healer.examine(blob, _ACTOR) for blob in blobs]
        return Health.DAMAGED not in found and self._read(held) is None
