"""An image as its Image Pixel attributes describe it (PS3.3 C.7.6.3), and its frames as arrays of pixel cells.

A native frame is the bytes of one frame by itself: little endian, and for single bits packed from the lowest bit on,
filled up to a whole byte (PS3.5 8.1.1; in native Pixel Data of several frames such frames follow without filling).
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.integer[Any]]
"""Pixel cells of one frame: (rows, columns) or (rows, columns, samples), unsigned, of as many bits as allocated."""

ALLOCATIONS: Final = frozenset({1, 8, 16, 32})
"""Values of Bits Allocated (0028,0100) whose cells can be taken apart."""

SUBSAMPLED: Final = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420"})
"""Colours whose native pixels share chrominance: there are fewer cells than samples."""

PACKED_BITS: Final = 12
"""Bits Allocated of two pixels in three bytes (ACR-NEMA, retired): rendered, and not converted."""


@dataclass(frozen=True, slots=True)
class Image:
    """What the Image Pixel attributes say; `by_plane` is Planar Configuration (0028,0006) of 1."""

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str
    by_plane: bool

    @property
    def frame_cells(self) -> int:
        """Pixel cells of one frame."""
        return self.rows * self.columns * self.samples

    @property
    def frame_bits(self) -> int:
        """Bits of one frame in native Pixel Data."""
        return self.frame_cells * self.bits_allocated

    @property
    def frame_bytes(self) -> int:
        """Bytes of one native frame by itself."""
        return (self.frame_bits + 7) // 8

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `Cells`."""
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, self.samples)


def cells_of(frame: bytes, image: Image) -> Cells:
    """Return the cells of a native frame, colour by pixel whatever the Planar Configuration.

    Raises:
        ValueError: it has not the length of a frame.
    """
    if len(frame) != image.frame_bytes:
        raise ValueError(f"a frame of {image.frame_bytes} bytes has {len(frame)}")
    if image.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(frame, np.uint8), count=image.frame_cells, bitorder="little")
        return bits.reshape(image.shape)
    flat = np.frombuffer(frame, f"<u{image.bits_allocated // 8}")
    if image.by_plane and image.samples > 1:
        return np.moveaxis(flat.reshape(image.samples, image.rows, image.columns), 0, -1)
    return flat.reshape(image.shape)


def frame_of(cells: Cells, image: Image) -> bytes:
    """Return cells as a native frame, in the image's Planar Configuration."""
    if image.by_plane and image.samples > 1:
        cells = np.moveaxis(cells, -1, 0)
    if image.bits_allocated == 1:
        return np.packbits(cells.astype(np.uint8).reshape(-1), bitorder="little").tobytes()
    return cells.astype(f"<u{image.bits_allocated // 8}", copy=False).tobytes()
