"""The digests of a data set, computed beside whatever else happens to its bytes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from storage_backends import Content

_STEP = 2**20
_IN_ONE_GO = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Digests:
    """SHA-256, in hex, of a data set as an instance and of the windows on it that become blobs."""

    instance: str
    windows: tuple[str, ...]


def compute_digests(transfer_syntax: str, content: Content, windows: Sequence[Content]) -> Digests:
    """Hash a data set and its windows; made for a thread beside the encoder, as it releases the GIL."""
    instance = start_digest(transfer_syntax)
    _hash(instance, content)
    return Digests(instance.hexdigest(), tuple(map(_digest_of, windows)))


def start_digest(transfer_syntax: str) -> "hashlib._Hash":
    """Return a running instance digest, to be updated with the data set's bytes.

    It is SHA-256(transfer syntax UID, 0x00, data set bytes as received): it does not depend on how the
    instance is cut or stored, nor on preamble and File Meta, so anyone can check it.
    """
    return hashlib.sha256(transfer_syntax.encode("ascii") + b"\0")


def _digest_of(content: Content) -> str:
    running = hashlib.sha256()
    _hash(running, content)
    return running.hexdigest()


def _hash(running: "hashlib._Hash", content: Content) -> None:
    step = content.size if content.size <= _IN_ONE_GO else _STEP
    for offset in range(0, content.size, max(step, 1)):
        running.update(content.read(offset, min(step, content.size - offset)))
