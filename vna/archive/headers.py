"""Headers, kept small: each is compressed against a header of its own series.

The first header of a series that this process sees becomes a **base**: a row of its own, named by
its digest. Every header (that first one too) is a zstd level 3 frame, with checksum, that has the
base as raw-content dictionary. Racing writers may make several bases for one series: harmless.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import zstandard

from vna.errors import Damaged
from vna.index import Reader

_LEVEL = 3
_BASES = 256
_MOST_BYTES = 16 * 2**20  # a header is at most 256 KiB, the head of a file 1 MiB

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class PackedHeader:
    """A header as it is kept; `base_data` is the base itself, compressed, to be entered if unknown."""

    data: bytes
    base: bytes
    base_data: bytes


class HeaderCodec:
    """Packs and unpacks headers; safe to use from many threads."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._bases: OrderedDict[str, _Base] = OrderedDict()
        self._dictionaries: OrderedDict[bytes, zstandard.ZstdCompressionDict] = OrderedDict()
        self.fresh_at = 0
        """The last elimination, by the position of its event, since which no base is remembered from before."""

    def forget(self, eliminated_at: int) -> None:
        """Drop all that is remembered: some of it may be of what that elimination destroyed."""
        with self._lock:
            if eliminated_at > self.fresh_at:
                self._bases.clear()
                self._dictionaries.clear()
                self.fresh_at = eliminated_at

    def repack(self, series_uid: str, packed: PackedHeader) -> PackedHeader:
        """Compress a header anew, that was compressed against a base which is not to be kept."""
        base = _raw_dictionary(zstandard.ZstdDecompressor().decompress(packed.base_data))
        return self.pack(series_uid, zstandard.ZstdDecompressor(dict_data=base).decompress(packed.data))

    def pack(self, series_uid: str, plain: bytes) -> PackedHeader:
        """Compress a header against the base of its series, which it becomes if there is none yet."""
        with self._lock:
            base = self._bases.get(series_uid)
            if base is None:
                base = _remembered(self._bases, series_uid, _Base(plain))
            data = base.compressor.compress(plain)
        return PackedHeader(data, base.digest, base.data)

    def unpack(self, data: bytes, base: bytes) -> bytes:
        """Return the plain header.

        Raises:
            Damaged: the header or its base is missing or does not decode.
        """
        try:
            if not 0 <= zstandard.frame_content_size(data) <= _MOST_BYTES:
                raise Damaged(f"a header against base {base.hex()[:12]} states a size that none has")
            return zstandard.ZstdDecompressor(dict_data=self._dictionary(base)).decompress(data)
        except zstandard.ZstdError as exc:
            raise Damaged(f"a header against base {base.hex()[:12]} does not decode") from exc

    def _dictionary(self, base: bytes) -> zstandard.ZstdCompressionDict:
        with self._lock:
            known = self._dictionaries.get(base)
            if known is not None:
                return known
        packed = self._reader.header_base(base)
        if packed is None:
            raise Damaged(f"header base {base.hex()[:12]} is missing")
        plain = zstandard.ZstdDecompressor().decompress(packed)
        if hashlib.sha256(plain).digest() != base:
            raise Damaged(f"header base {base.hex()[:12]} does not give its digest")
        with self._lock:
            return _remembered(self._dictionaries, base, _raw_dictionary(plain))


def pack_together(plains: Sequence[bytes]) -> list[PackedHeader]:
    """Return headers compressed against the first of them."""
    base = _Base(plains[0])
    return [PackedHeader(base.compressor.compress(plain), base.digest, base.data) for plain in plains]


class _Base:
    """A header others are compressed against, ready to be used."""

    def __init__(self, plain: bytes) -> None:
        self.digest = hashlib.sha256(plain).digest()
        self.data = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(plain)
        dictionary = _raw_dictionary(plain)
        dictionary.precompute_compress(level=_LEVEL)
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=dictionary, write_checksum=True)


def _raw_dictionary(plain: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(plain, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def _remembered(cache: OrderedDict[K, V], key: K, value: V) -> V:
    cache[key] = value
    if len(cache) > _BASES:
        cache.popitem(last=False)
    return value
