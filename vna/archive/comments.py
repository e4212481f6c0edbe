"""What stands beside an event and can be erased alone: what people write, as free text, and details, as a map.

A payload of this kind is the CBOR of the text or the map, kept as a zstd frame against a constant base: a base outlives
the payloads that name it, so it must not be anybody's text.
"""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

import cbor2
import zstandard

from vna.archive.headers import HeaderCodec
from vna.events import payload_digest
from vna.index import Comment, Payload

_BASE = b"vna: what was written beside an event"


class Comments:
    """Packs and reads comments and details."""

    def __init__(self, headers: HeaderCodec) -> None:
        self._headers = headers

    def pack(self, owner: str, text: str) -> Payload | None:
        """Return a comment on something in a study as it is kept; None for no comment."""
        return _packed(owner, text) if text else None

    def pack_detail(self, owner: str, detail: Mapping[str, Any]) -> Payload:
        """Return the details of an event as they are kept, to be erased with an owner."""
        return _packed(owner, dict(detail))

    def read(self, kept: Comment | None) -> str:
        """Return a comment; empty if nothing was written, or it was erased.

        Raises:
            Damaged: it does not decode.
        """
        return "" if kept is None else str(cbor2.loads(self._headers.unpack(kept.data, kept.base)))

    def read_detail(self, data: bytes, base: bytes) -> dict[str, Any]:
        """Return details.

        Raises:
            Damaged: they do not decode.
        """
        return dict(cbor2.loads(self._headers.unpack(data, base)))


def _packed(owner: str, value: Any) -> Payload:
    plain, salt = cbor2.dumps(value, canonical=True), secrets.token_bytes(16)
    dictionary = zstandard.ZstdCompressionDict(_BASE, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    data = zstandard.ZstdCompressor(dict_data=dictionary, write_checksum=True).compress(plain)
    base_data = zstandard.ZstdCompressor(write_checksum=True).compress(_BASE)
    return Payload(owner, salt, payload_digest(salt, plain), data, hashlib.sha256(_BASE).digest(), base_data)
