"""JPEG streams in a chunk, each coded as a JPEG XL file that gives back its very bytes (ISO/IEC 18181-2, `jbrd`).

What libjxl takes is JPEG of 8 bits with Huffman codes, sequential or progressive, of one component or three. A stream
came from anybody: it is read in a process of its own (`storage_backends.jpeg_process`), which sees that the file gives
it back before this process decodes anything. What crashes there, or takes too long, is not coded, and no harm is done.

Measured on 281 JPEG frames of samples (2.7 MB, of 1 to 80 kB each): the files are 0.84 of them; of large noisy pictures
0.76; 1.5 to 4 MB/s to encode, 4 to 8 MB/s to decode. Encoding takes 16 bytes of memory a sample, decoding 3: that is
what `MOST_SAMPLES` bounds, since a stream of few bytes may name any number of them.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import Final, TypeAlias

import imagecodecs

from storage_backends.content import Buffer
from storage_backends.frame_table import Span

MOST_SAMPLES: Final = 1 << 24

Fragments: TypeAlias = tuple[tuple[Span, ...], ...]
"""Where the frames of a chunk lie in it, each in one fragment or more, in order and without touching each other."""

_ROOT: Final = Path(__file__).resolve().parents[1]
_NUMBER: Final = Struct("<I")
_FRAME_HEAD: Final = Struct(">BHHB")
_PAIR: Final = Struct("<II")
_PATIENCE_S: Final = 120
_MEMORY: Final = 2 << 30
_SOI: Final = b"\xff\xd8"
_TAKEN: Final = (0xC0, 0xC1, 0xC2)
_OTHER_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BEFORE_FRAME: Final = range(0xC0, 0xFF)
_LEAST_GAIN: Final = 24
"""A file must be so many bytes smaller than its stream, which pays for its row in the table."""
_WORTH_A_PROCESS: Final = 4 << 10
"""To start the process takes 0.3 s: streams of fewer bytes in all are left as they are."""


def code_jpegs(chunk: Buffer, frames: Fragments) -> bytes:
    """Return the body of method 34 (`storage_backends.smallest`); nothing where no frame becomes smaller."""
    view = memoryview(chunk)
    streams = [(frame, b"".join(view[o : o + n] for o, n in frame)) for frame in frames]
    fit = [(frame, stream) for frame, stream in streams if _can_be_coded(stream)]
    if sum(len(stream) for _, stream in fit) < _WORTH_A_PROCESS:
        return b""
    files = _packed([stream for _, stream in fit])
    coded = [
        (frame, file)
        for (frame, stream), file in zip(fit, files, strict=True)
        if file and len(file) + _LEAST_GAIN + _PAIR.size * len(frame) <= len(stream)
    ]
    return _join(view, coded) if coded else b""


def plain_of_jpegs(body: memoryview, size: int) -> bytes:
    """Return the `size` plain bytes of a chunk from the body of method 34.

    Raises:
        ValueError: it is none of a chunk of this size.
    """
    table = _Numbers(body)
    rows = [(table.next(), table.pairs()) for _ in range(table.next())]
    start = table.at
    end = start + sum(length for length, _ in rows)
    rest = body[end:]
    coded = sum(each for _, pieces in rows for _, each in pieces)
    gaps = sum(gap for _, pieces in rows for gap, _ in pieces)
    if end > len(body) or gaps > len(rest) or coded + len(rest) != size:
        raise ValueError(f"a coded chunk of JPEG streams that does not give {size} bytes")
    plain, taken = bytearray(), 0
    for length, pieces in rows:
        stream = memoryview(unpack_jpeg(bytes(body[start : start + length]), sum(each for _, each in pieces)))
        start += length
        for gap, each in pieces:
            plain += rest[taken : taken + gap]
            plain += stream[:each]
            stream, taken = stream[each:], taken + gap
    return bytes(plain + rest[taken:])


def pack_jpeg(stream: bytes) -> bytes:
    """Return the JPEG XL file of a stream; nothing where there is none that gives it back."""
    try:
        file = bytes(imagecodecs.jpegxl_encode_jpeg(stream, usecontainer=True, numthreads=1))
        return file if unpack_jpeg(file, len(stream)) == stream else b""
    except (RuntimeError, ValueError):
        return b""


def unpack_jpeg(file: bytes, size: int) -> bytes:
    """Return the JPEG stream of `size` bytes that a file was made of.

    Raises:
        ValueError: it is no such file.
    """
    try:
        stream = bytes(imagecodecs.jpegxl_decode_jpeg(file, numthreads=1, out=size))
    except (RuntimeError, ValueError) as exc:
        raise ValueError(f"a coded JPEG stream does not decode: {exc}") from exc
    if len(stream) != size:
        raise ValueError(f"a coded JPEG stream gives {len(stream)} bytes instead of {size}")
    return stream


def frame_strings(strings: Sequence[bytes]) -> bytes:
    """Write byte strings behind each other, each behind its length."""
    return b"".join(part for each in strings for part in (_NUMBER.pack(len(each)), each))


def strings_of(framed: bytes) -> Iterator[bytes]:
    """Yield the byte strings that `frame_strings` wrote.

    Raises:
        ValueError: it did not write that.
    """
    at = 0
    while at < len(framed):
        start = at + _NUMBER.size
        if start > len(framed):
            raise ValueError("a length that is cut off")
        (length,) = _NUMBER.unpack_from(framed, at)
        at = start + length
        if at > len(framed):
            raise ValueError("a string that is cut off")
        yield framed[start:at]


class _Numbers:
    """Reads the table of a body from its start."""

    def __init__(self, body: memoryview) -> None:
        self._body, self.at = body, 0

    def next(self) -> int:
        """Return the next number."""
        if self.at + _NUMBER.size > len(self._body):
            raise ValueError("a table of JPEG streams that is cut off")
        (number,) = _NUMBER.unpack_from(self._body, self.at)
        self.at += _NUMBER.size
        return int(number)

    def pairs(self) -> list[tuple[int, int]]:
        """Return the next count of pairs of numbers, and those."""
        return [(self.next(), self.next()) for _ in range(self.next())]


def _join(chunk: memoryview, coded: Sequence[tuple[tuple[Span, ...], bytes]]) -> bytes:
    table, rest, at = [_NUMBER.pack(len(coded))], [], 0
    for frame, file in coded:
        table.append(_PAIR.pack(len(file), len(frame)))
        for offset, length in frame:
            table.append(_PAIR.pack(offset - at, length))
            rest.append(chunk[at:offset])
            at = offset + length
    return b"".join((*table, *(file for _, file in coded), *rest, chunk[at:]))


def _can_be_coded(stream: bytes) -> bool:
    """Tell whether a stream is a JPEG of the kind libjxl takes, of no more samples than `MOST_SAMPLES`."""
    at = len(_SOI)
    while stream.startswith(_SOI) and at + 4 <= len(stream) and stream[at] == 0xFF:
        marker, length = stream[at + 1], int.from_bytes(stream[at + 2 : at + 4], "big")
        if marker in _OTHER_FRAMES:
            return marker in _TAKEN and 0 < _samples(stream[at + 4 : at + 2 + length]) <= MOST_SAMPLES
        if marker not in _BEFORE_FRAME:
            return False
        at += 2 + length
    return False


def _samples(frame: bytes) -> int:
    """Return how many samples a frame header names (ISO/IEC 10918-1 B.2.2); 0 where it is not of 8 bits, or wrong."""
    if len(frame) < _FRAME_HEAD.size:
        return 0
    bits, rows, columns, components = _FRAME_HEAD.unpack_from(frame)
    factors = [(each >> 4, each & 15) for each in frame[_FRAME_HEAD.size + 1 :: 3]]
    if bits != 8 or len(factors) != components or components not in (1, 3):
        return 0
    most = max(h for h, _ in factors) * max(v for _, v in factors)
    return -(-rows * columns * sum(h * v for h, v in factors) // most) if most else 0


def _packed(streams: Sequence[bytes]) -> list[bytes]:
    """Return the JPEG XL file of each stream, made by another process; nothing for what cannot be had."""
    none = [b""] * len(streams)
    limits = (str(_MEMORY), str(_PATIENCE_S))
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, this package
            [sys.executable, "-P", "-m", "storage_backends.jpeg_process", *limits],
            input=frame_strings(streams),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_S + 5,
            env={**os.environ, "PYTHONPATH": str(_ROOT), "OPENBLAS_NUM_THREADS": "1"},
            check=True,
        )
        files = list(strings_of(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError):
        return none
    return files if len(files) == len(streams) else none
