"""Answers of a query as bytes: response identifiers in the requester's character set and transfer syntax.

Written by hand, element by element: a C-FIND may have thousands of answers, and a pydicom data set for
each costs many times as much.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from struct import pack
from types import MappingProxyType
from typing import Final

from pydicom.datadict import dictionary_VR, tag_for_keyword

from vna.dicom.attributes import Level
from vna.dicom.describe import BINARY_VRS, LOCALIZED_VRS, Value
from vna.dicom.encoding import DEFLATED_UIDS, ITEM, LONG_VRS, Encoding, encoding_of
from vna.dicom.text import UTF_8, encode

_ANSWER_LEVEL: Final = "QueryRetrieveLevel"
_CHARSET: Final = "SpecificCharacterSet"
_NO_VRS: Final[Mapping[str, str]] = MappingProxyType({})


def encode_identifier(
    level: Level,
    values: Mapping[str, Value],
    *,
    charset_requested: str,
    transfer_syntax: str,
    vrs: Mapping[str, str] = _NO_VRS,
) -> bytes:
    """Return a response identifier: the level, and every value given, in the order of their tags.

    Keys are keywords, or eight hexadecimal digits for a tag that has none, whose VR is in `vrs` then; an empty value
    becomes a zero-length element. Text is in the character set of the request where that can hold all of it,
    else in UTF-8; Specific Character Set is there only if it is needed (PS3.4 C.4.1.1.3).
    """
    every: dict[str, Value] = {**values, _ANSWER_LEVEL: level.value}
    every.pop(_CHARSET, None)
    encoding = encoding_of(transfer_syntax)
    for charset in _charsets(every, charset_requested):
        try:
            data = _elements(every, encoding, charset, vrs=vrs)
        except _CannotHoldError:
            continue
        return _deflated(data) if transfer_syntax in DEFLATED_UIDS else data
    raise AssertionError("UTF-8 holds every text")


class _CannotHoldError(Exception):
    """The character set lacks a character of some value."""


@dataclass(frozen=True, slots=True)
class _Field:
    """What is the same in every element of one attribute; `head` is all before the length."""

    tag: int
    vr: str
    head: bytes
    length: str
    padding: bytes


@lru_cache(maxsize=1024)
def _field(keyword: str, encoding: Encoding, vr: str) -> _Field:
    known = tag_for_keyword(keyword)
    tag = int(keyword, 16) if known is None else int(known)
    vr = vr or ("UN" if known is None else dictionary_VR(known)[:2])
    order = encoding.order
    head = pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    padding = b"\0" if vr in ("UI", "UN") else b" "
    if not encoding.explicit:
        return _Field(tag, vr, head, f"{order}I", padding)
    if vr in LONG_VRS:
        return _Field(tag, vr, head + vr.encode() + b"\0\0", f"{order}I", padding)
    return _Field(tag, vr, head + vr.encode(), f"{order}H", padding)


def _charsets(values: Mapping[str, Value], requested: str) -> tuple[str, ...]:
    if all(map(_is_ascii, values.values())):
        return ("",)
    return (requested, UTF_8) if requested else (UTF_8,)


def _is_ascii(value: Value) -> bool:
    if isinstance(value, str):
        return value.isascii()
    return all(text.isascii() for item in value for text in item.values())


def _elements(
    values: Mapping[str, Value],
    encoding: Encoding,
    charset: str,
    *,
    declare: bool = True,
    vrs: Mapping[str, str] = _NO_VRS,
) -> bytes:
    every = {**values, _CHARSET: charset} if charset and declare else values
    fields = sorted(
        ((_field(keyword, encoding, vrs.get(keyword, "")), value) for keyword, value in every.items()), key=_tag
    )
    parts: list[bytes] = []
    for field, value in fields:
        if isinstance(value, str):
            raw = _text(value, field.vr, encoding, charset) if value else b""
        else:
            raw = b"".join(_item(item, encoding, charset) for item in value)
        if len(raw) % 2:
            raw += field.padding
        parts += (field.head, pack(field.length, len(raw)), raw)
    return b"".join(parts)


def _tag(line: tuple[_Field, Value]) -> int:
    return line[0].tag


def _item(item: Mapping[str, str], encoding: Encoding, charset: str) -> bytes:
    data = _elements(item, encoding, charset, declare=False)
    return pack(f"{encoding.order}HHI", ITEM >> 16, ITEM & 0xFFFF, len(data)) + data


def _text(value: str, vr: str, encoding: Encoding, charset: str) -> bytes:
    if vr in BINARY_VRS:
        numbers = [float(number) if vr in ("FL", "FD") else int(number) for number in value.split("\\")]
        return pack(f"{encoding.order}{len(numbers)}{BINARY_VRS[vr]}", *numbers)
    if value.isascii():
        return value.encode("ascii")
    if vr not in LOCALIZED_VRS:
        return value.encode("ascii", "replace")
    raw = encode(value, charset, vr=vr)
    if raw is None:
        raise _CannotHoldError
    return raw


def _deflated(data: bytes) -> bytes:
    """Deflate a data set as PS3.5 A.5 says: no zlib head, an even number of bytes."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    return packed + b"\0" * (len(packed) % 2)
