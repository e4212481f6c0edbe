"""How the pixels of an image lie, from the Image Pixel attributes of its header (PS3.3 C.7.6.3)."""

from dataclasses import dataclass
from typing import Final, Literal

from vna.dicom.scan import Scan

SAMPLES_PER_PIXEL: Final = 0x00280002
PLANAR_CONFIGURATION: Final = 0x00280006
NUMBER_OF_FRAMES: Final = 0x00280008
ROWS: Final = 0x00280010
COLUMNS: Final = 0x00280011
BITS_ALLOCATED: Final = 0x00280100


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """Rows, columns and so on; `frames` is 1 when the data set does not say it.

    `by_plane`: all of one sample of a frame, then all of the next (PS3.3 C.7.6.3.1.3).
    """

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    frames: int
    by_plane: bool

    @property
    def frame_bits(self) -> int:
        """Bits in one frame of native pixel data; frames are not aligned to bytes (PS3.5 8.1.1)."""
        return self.rows * self.columns * self.samples * self.bits_allocated


def image_layout(scan: Scan) -> ImageLayout | None:
    """Return the layout, None if the data set is no image or contradicts itself."""
    rows, columns, bits = _number(scan, ROWS), _number(scan, COLUMNS), _number(scan, BITS_ALLOCATED)
    frames = number_of_frames(scan)
    if not rows or not columns or not bits or frames is None:
        return None
    samples = _number(scan, SAMPLES_PER_PIXEL) or 1
    by_plane = samples > 1 and _number(scan, PLANAR_CONFIGURATION) == 1
    return ImageLayout(rows, columns, samples, bits, frames, by_plane)


def number_of_frames(scan: Scan) -> int | None:
    """Return Number of Frames (0028,0008), 1 if it is absent or empty, None if it is no positive number."""
    text = (scan.raw(NUMBER_OF_FRAMES) or b"").strip(b" \0") or b"1"
    return int(text) or None if text.isdigit() and len(text) <= 12 else None


def _number(scan: Scan, tag: int) -> int | None:
    order: Literal["little", "big"] = "little" if scan.little_endian else "big"
    raw = scan.raw(tag)
    return int.from_bytes(raw[:2], order) if raw and len(raw) >= 2 else None
