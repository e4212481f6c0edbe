"""The pixel cells of the frame to be rendered: decoded if it is compressed, and taken apart as its image says.

Beside what `vna.pixels.image` knows, chroma that is subsampled in native pixels, and the 12 bits a pixel of ACR-NEMA.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vna.pixels.codecs import COMPRESSIONS
from vna.pixels.decoding import NotDecoded, decode_frame
from vna.pixels.image import PACKED_BITS, Cells, Image, cells_of
from vna.pixels.rendering.request import Floats

_SUBSAMPLED: Final = {"YBR_FULL_422": "YBR_FULL", "YBR_PARTIAL_422": "YBR_PARTIAL"}
_MOST_TABLE_BITS: Final = 16


@dataclass(frozen=True, slots=True)
class Stored:
    """Stored values before any transformation: `numbers` of them as (rows, columns) or (rows, columns, samples).

    `cells` are the whole cells where bits beside the stored ones may hold an overlay.
    """

    cells: Cells
    image: Image

    @property
    def codes(self) -> Cells:
        """The stored bits of each cell, as unsigned numbers that index `values`."""
        image = self.image
        shift = max(image.high_bit + 1 - image.bits_stored, 0)
        mask = self.cells.dtype.type((1 << image.bits_stored) - 1)
        return (self.cells >> self.cells.dtype.type(shift)) & mask

    @property
    def has_table(self) -> bool:
        """Whether there are so few different values that each may be looked at once."""
        return self.image.bits_stored <= _MOST_TABLE_BITS

    def values(self) -> NDArray[np.float64]:
        """Return what the codes mean, all there can be, in the order of the codes."""
        return self.meant(np.arange(1 << self.image.bits_stored))

    def meant(self, codes: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Return the values that codes mean."""
        numbers = codes.astype(np.float64)
        if self.image.signed:
            numbers[codes >= 1 << (self.image.bits_stored - 1)] -= float(1 << self.image.bits_stored)
        return numbers


def stored(frame: bytes, source: str, image: Image) -> Stored:
    """Return the stored values of a frame.

    Raises:
        NotDecoded: it is broken, or contradicts the attributes.
    """
    if source in COMPRESSIONS:
        decoded = decode_frame(frame, source, image)
        frame, image = decoded.frame, decoded.image
    elif image.photometric in _SUBSAMPLED and len(frame) == _even(image.rows * image.columns * 2):
        return _subsampled(frame, image)
    elif image.bits_allocated == PACKED_BITS:
        return Stored(_packed(frame, image), image)
    try:
        cells = cells_of(frame[: image.frame_bytes], image)
    except ValueError as exc:
        raise NotDecoded(str(exc)) from exc
    return Stored(cells, replace(image, photometric=_SUBSAMPLED.get(image.photometric, image.photometric)))


def floats(frame: bytes, image: Floats) -> NDArray[np.float64]:
    """Return the values of a frame of floating point pixels.

    Raises:
        NotDecoded: it has another length.
    """
    size = image.rows * image.columns * image.bits // 8
    if len(frame) < size:
        raise NotDecoded(f"{len(frame)} bytes for a frame of {size}")
    flat = np.frombuffer(frame, f"<f{image.bits // 8}", count=image.rows * image.columns)
    return flat.reshape(image.rows, image.columns).astype(np.float64)


def _subsampled(frame: bytes, image: Image) -> Stored:
    """Give every pixel its chroma; stored are two of luminance and then the two they share (PS3.3 C.7.6.3.1.2)."""
    pairs = np.frombuffer(frame, np.uint8, count=image.rows * image.columns * 2).reshape(-1, 4)
    cells = np.empty((len(pairs), 2, 3), np.uint8)
    cells[:, :, 0] = pairs[:, :2]
    cells[:, :, 1:] = pairs[:, None, 2:]
    shaped = cells.reshape(image.rows, image.columns, 3)
    return Stored(shaped, replace(image, photometric=_SUBSAMPLED[image.photometric], by_plane=False))


def _packed(frame: bytes, image: Image) -> Cells:
    """Take pixels of 12 bits apart: the first has the low byte and the low half of the second."""
    count = image.rows * image.columns
    if len(frame) < (count * 3 + 1) // 2:
        raise NotDecoded(f"{len(frame)} bytes for {count} pixels of 12 bits")
    padded = frame + bytes(-len(frame) % 3)
    low, middle, high = np.frombuffer(padded, np.uint8).reshape(-1, 3).T.astype(np.uint16)
    cells = np.stack((low | (middle & 0x0F) << 8, middle >> 4 | high << 4), axis=1)
    return cells.reshape(-1)[:count].reshape(image.rows, image.columns)


def _even(size: int) -> int:
    return size + size % 2
