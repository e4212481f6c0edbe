"""What the journal keeps of an instance beside the chain: its header, and of a file its head.

A payload is the CBOR array

    [header bytes, part 10 head bytes]              or, where the header is over 256 KiB,
    [["blob", digest (32 bytes)], part 10 head bytes]

compressed against the base of its series (vna.archive.headers). The part 10 head is preamble, prefix and
File Meta as they came (PS3.10 7.1), empty for what came by C-STORE.
"""

import hashlib
import itertools
import secrets
from dataclasses import dataclass

import cbor2

HEADER_LIMIT_BYTES = 256 * 1024
"""A longer header is a blob of its own."""


@dataclass(frozen=True, slots=True)
class HeaderParts:
    """A payload taken apart: the header itself, or the digest (hex) of the blob that is the header."""

    header: bytes
    header_blob: str | None
    part10_head: bytes


class Salts:
    """Salts nobody can guess, from one secret of this process: the system's own cost 0.16 ms each on some machines."""

    def __init__(self) -> None:
        self._secret, self._count = secrets.token_bytes(32), itertools.count()

    def next(self) -> bytes:
        """Return 16 bytes, never the same twice."""
        return hashlib.blake2b(str(next(self._count)).encode(), key=self._secret, digest_size=16).digest()


def pack(parts: HeaderParts) -> bytes:
    """Return the plain payload."""
    header = parts.header if parts.header_blob is None else ["blob", bytes.fromhex(parts.header_blob)]
    return cbor2.dumps([header, parts.part10_head])


def unpack(payload: bytes) -> HeaderParts:
    """Return what a plain payload holds."""
    header, head = cbor2.loads(payload)
    if isinstance(header, bytes):
        return HeaderParts(header, None, head)
    return HeaderParts(b"", header[1].hex(), head)
