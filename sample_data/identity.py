"""What makes a collection repeatable: UIDs and random numbers that follow from one seed and from names.

Every UID is a UUID of version 5 under the arc 2.25 (PS3.5 B.2): of the namespace below, the seed and the names. The
same seed gives the same UIDs and the same bytes; another seed gives a collection that shares no UID with it.
"""

import hashlib
import uuid
from dataclasses import dataclass

import numpy as np
from pydicom.uid import UID

_NAMESPACE = uuid.UUID("b7f0a9de-5d0c-4c1f-8f0e-2f6d6b1f9a33")


@dataclass(frozen=True, slots=True)
class Seed:
    """The number a collection follows from."""

    number: int = 0

    def uid(self, *names: object) -> UID:
        """Return the UID that belongs to these names, always the same one."""
        return UID(f"2.25.{uuid.uuid5(_NAMESPACE, self._joined(names)).int}")

    def rng(self, *names: object) -> np.random.Generator:
        """Return the generator of random numbers that belongs to these names."""
        return np.random.default_rng(int.from_bytes(hashlib.sha256(self._joined(names).encode()).digest()[:16], "big"))

    def _joined(self, names: tuple[object, ...]) -> str:
        return "/".join(map(str, (self.number, *names)))
