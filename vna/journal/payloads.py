"""Payload files: what the events of one segment keep of one owner (a study or a patient), to be erased with it.

The file is a zstd frame around a CBOR sequence (vna.journal.packing):

    head        {"format": "vna-payloads", "version": 1, "archive": uid, "owner": owner, "first": n, "last": m}
    bases       ["base", SHA-256 of the plain base, zstd frame of the base]
    payloads    ["payload", position, salt, digest of its base, zstd frame against that base]

A payload is compressed with its base as raw-content dictionary, as in the index: the first header of a series is the
base of the others. Every base that a payload of the file names is in the file, so that each file can be read, and
erased, without any other.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import cbor2
import zstandard

from vna.events import KeptPayload, payload_digest
from vna.journal.packing import MALFORMED, MOST_BYTES, Unreadable, octets, pack, unpack

FORMAT: Final = "vna-payloads"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """A payload file taken apart: payloads by position, compressed bases by digest."""

    archive: str
    owner: str
    first: int
    last: int
    bases: Mapping[bytes, bytes]
    payloads: Mapping[int, KeptPayload]

    def pack(self) -> bytes:
        """Return the file."""
        head = {"format": FORMAT, "version": VERSION, "archive": self.archive}
        head |= {"owner": self.owner, "first": self.first, "last": self.last}
        bases = [cbor2.dumps(["base", digest, data]) for digest, data in self.bases.items()]
        payloads = [
            cbor2.dumps(["payload", position, kept.salt, kept.base, kept.data])
            for position, kept in self.payloads.items()
        ]
        return pack([cbor2.dumps(head), *bases, *payloads])

    @classmethod
    def unpack(cls, data: bytes) -> "PayloadFile":
        """Take a file apart.

        Raises:
            Unreadable: it is no payload file of a version this release knows.
        """
        items = unpack(data)
        if not items or not isinstance(items[0], dict) or items[0].get("format") != FORMAT:
            raise Unreadable("it is no payload file")
        if items[0].get("version") != VERSION:
            raise Unreadable(f"it has version {items[0].get('version')}, this release reads {VERSION}")
        try:
            return _payload_file(items[0], items[1:])
        except MALFORMED as exc:
            raise Unreadable("an entry of it is not what it should be") from exc


class PayloadReader:
    """Decompresses payloads of one file, keeping what a base needs."""

    def __init__(self, bases: Mapping[bytes, bytes]) -> None:
        self._bases = bases
        self._decompressors: dict[bytes, zstandard.ZstdDecompressor] = {}

    def plain(self, kept: KeptPayload) -> bytes:
        """Return a plain payload.

        Raises:
            Unreadable: it or its base does not decompress, or the base does not give its digest.
        """
        try:
            if not 0 <= zstandard.frame_content_size(kept.data) <= MOST_BYTES:
                raise Unreadable("its size is not what it should be")
            return self._decompressor(kept.base).decompress(kept.data, max_output_size=0)
        except zstandard.ZstdError as exc:
            raise Unreadable("it does not decompress") from exc

    def checked(self, kept: KeptPayload, digest: bytes | None) -> bytes:
        """Return a plain payload whose digest is the one in the chain.

        Raises:
            Unreadable: it is not.
        """
        plain = self.plain(kept)
        if payload_digest(kept.salt, plain) != digest:
            raise Unreadable("it does not give its digest")
        return plain

    def _decompressor(self, base: bytes) -> zstandard.ZstdDecompressor:
        found = self._decompressors.get(base)
        if found is None:
            plain = self._base(base)
            dictionary = zstandard.ZstdCompressionDict(plain, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
            found = self._decompressors[base] = zstandard.ZstdDecompressor(dict_data=dictionary)
        return found

    def _base(self, digest: bytes) -> bytes:
        packed = self._bases.get(digest)
        if packed is None:
            raise Unreadable(f"its base {digest.hex()[:12]} is missing")
        if not 0 <= zstandard.frame_content_size(packed) <= MOST_BYTES:
            raise Unreadable("the size of its base is not what it should be")
        plain = zstandard.ZstdDecompressor().decompress(packed)
        if hashlib.sha256(plain).digest() != digest:
            raise Unreadable(f"its base {digest.hex()[:12]} does not give its digest")
        return plain


def _payload_file(head: dict[str, Any], items: list[Any]) -> PayloadFile:
    bases: dict[bytes, bytes] = {}
    payloads: dict[int, KeptPayload] = {}
    owner = str(head["owner"])
    for kind, *rest in items:
        if kind == "base":
            digest, data = rest
            bases[octets(digest)] = octets(data)
        elif kind == "payload":
            position, salt, base, data = rest
            payloads[int(position)] = KeptPayload(owner, octets(salt), octets(base), octets(data))
        else:
            raise ValueError("an entry of an unknown kind")
    return PayloadFile(str(head["archive"]), owner, int(head["first"]), int(head["last"]), bases, payloads)
