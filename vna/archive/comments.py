"""What people write beside an event: free text, so it lies in the payload, where it can be erased alone.

A payload of this kind is the CBOR text string, kept as a zstd frame against a constant base: a base outlives the
payloads that name it, so it must not be anybody's text.
"""

import hashlib
import secrets

import cbor2
import zstandard

from vna.archive.headers import HeaderCodec
from vna.events import payload_digest
from vna.index import Payload
from vna.model import StudyUID

_BASE = b"vna: what was written beside an event"


class Comments:
    """Packs and reads comments."""

    def __init__(self, headers: HeaderCodec) -> None:
        self._headers = headers

    def pack(self, owner: StudyUID, text: str) -> Payload | None:
        """Return a comment on something in a study as it is kept; None for no comment."""
        if not text:
            return None
        plain, salt = cbor2.dumps(text), secrets.token_bytes(16)
        dictionary = zstandard.ZstdCompressionDict(_BASE, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        data = zstandard.ZstdCompressor(dict_data=dictionary, write_checksum=True).compress(plain)
        base_data = zstandard.ZstdCompressor(write_checksum=True).compress(_BASE)
        return Payload(owner, salt, payload_digest(salt, plain), data, hashlib.sha256(_BASE).digest(), base_data)

    def read(self, data: bytes, base: bytes) -> str:
        """Return a comment.

        Raises:
            Damaged: it does not decode.
        """
        return str(cbor2.loads(self._headers.unpack(data, base)))
