"""CBOR sequences (RFC 8742) as zstd frames: what segments and payload files have in common.

A file is one zstd frame with checksum and content size, whose content is data items one after the other. Reading is
bounded: a frame that promises more than `MOST_BYTES` is not opened.
"""

import io
import threading
from collections.abc import Iterable
from typing import Any, Final

import cbor2
import zstandard

MOST_BYTES: Final = 256 * 2**20
MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""What reading decoded items raises that are not what they should be."""
_LEVEL: Final = 3
_OF_THREAD = threading.local()


class Unreadable(Exception):
    """A file is not what it should be; the message says in which way."""


def pack(items: Iterable[bytes]) -> bytes:
    """Return the file of these encoded items."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(b"".join(items))


def octets(value: object) -> bytes:
    """Return a byte string of a decoded item as it is.

    Raises:
        ValueError: it is none. (`bytes` of a number would be as many zeros, however many that is.)
    """
    if not isinstance(value, bytes):
        raise ValueError("no byte string")
    return value


def unpack(data: bytes) -> list[Any]:
    """Return the items of a file.

    Raises:
        Unreadable: it is damaged, or not such a file.
    """
    try:
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= MOST_BYTES:
            raise Unreadable("its size is not what it should be")
        plain = _decompressor().decompress(data, allow_extra_data=False)
    except zstandard.ZstdError as exc:
        raise Unreadable("it does not decompress") from exc
    stream = io.BytesIO(plain)
    decoder, items = cbor2.CBORDecoder(stream), []
    try:
        while stream.tell() < len(plain):
            items.append(decoder.decode())
    except (cbor2.CBORDecodeError, *MALFORMED) as exc:
        raise Unreadable("it is no CBOR sequence") from exc
    return items


def _decompressor() -> zstandard.ZstdDecompressor:
    """Return that of this thread: to make one takes longer than to read a small file."""
    found: zstandard.ZstdDecompressor | None = getattr(_OF_THREAD, "decompressor", None)
    if found is None:
        found = _OF_THREAD.decompressor = zstandard.ZstdDecompressor()
    return found
