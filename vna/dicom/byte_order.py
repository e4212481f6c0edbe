"""Turning the bytes of words around, in memory and in a stream."""

from collections.abc import Iterable, Iterator

import numpy as np

from vna.dicom.elements import Buffer


def swap(data: Buffer, word: int) -> bytes:
    """Return the data with the bytes of each word of `word` bytes reversed; what is no whole word stays.

    >>> swap(b"abcde", 2)
    b'badce'
    """
    if word == 1:
        return bytes(data)
    whole = len(data) // word * word
    words = np.frombuffer(data, dtype=f"<u{word}", count=whole // word)
    return words.byteswap().tobytes() + bytes(data[whole:])


def swapped(chunks: Iterable[bytes | memoryview], word: int) -> Iterator[bytes | memoryview]:
    """Swap a stream whose chunks may end inside a word."""
    if word == 1:
        yield from chunks
        return
    rest = b""
    for chunk in chunks:
        data = rest + bytes(chunk) if rest else chunk
        whole = len(data) // word * word
        yield swap(data[:whole], word)
        rest = bytes(data[whole:])
    if rest:
        yield rest
