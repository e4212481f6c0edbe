"""The way to a value in a data set, as BulkDataURIs name it: tags, and behind each sequence the number of its item.

`00880200/1/7FE00010` is the Pixel Data in the first item of the Icon Image Sequence.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from vna.dicom.describe import charset_of
from vna.dicom.elements import Mark
from vna.dicom.text import SPECIFIC_CHARACTER_SET
from vna.dicom.values import Bulk, ElementReader, SequenceStart, Token, Value

BulkPath = tuple[int, ...]
"""A tag; or the tag of a sequence, the number of an item from 1 on, and the way from there."""

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}", re.ASCII)
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_LONGEST: Final = 2048


class Found(NamedTuple):
    """A value, and the Specific Character Set that holds where it lies."""

    value: Value | Bulk
    charset: str


def parse_bulk_path(text: str) -> BulkPath:
    """Return the way that a text names.

    >>> [hex(number) for number in parse_bulk_path("00880200/1/7FE00010")]
    ['0x880200', '0x1', '0x7fe00010']

    Raises:
        ValueError: it is none.
    """
    steps = text.split("/") if len(text) <= _LONGEST else []
    if len(steps) % 2 == 0:
        raise ValueError(f"{text[:80]!r} does not end with a tag")
    for place, step in enumerate(steps):
        if not (_NUMBER if place % 2 else _TAG).fullmatch(step):
            raise ValueError(f"{step[:20]!r} is no {'item number' if place % 2 else 'tag'}")
    return tuple(int(step, 10 if place % 2 else 16) for place, step in enumerate(steps))


def find_value(reader: ElementReader, path: BulkPath) -> Found | None:
    """Return the value at the end of a way, None if there is none, or it is a sequence."""
    charset = charset_of(reader.scan)
    return reader.read_tag(path[0], lambda tokens: _find(tokens, path, charset))


def _find(tokens: Iterable[Token], path: BulkPath, charset: str) -> Found | None:
    here: list[int] = []
    charsets = [charset]
    for token in tokens:
        if isinstance(token, Value | Bulk):
            if isinstance(token, Value) and token.tag == SPECIFIC_CHARACTER_SET:
                charsets[-1] = token.data.decode("ascii", "replace").strip(" \0")
            if (*here, token.tag) == path:
                return Found(token, charsets[-1])
        elif isinstance(token, SequenceStart):
            here += (token.tag, 0)
        elif token is Mark.ITEM:
            here[-1] += 1
            charsets.append(charsets[-1])
        elif token is Mark.ITEM_END:
            charsets.pop()
        else:
            del here[-2:]
    return None
