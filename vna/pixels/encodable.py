"""Which pixels a compression can hold, as far as attributes tell (PS3.5 8.2): said before anything is encoded."""

from typing import Final

from vna.pixels.codecs import COMPRESSIONS, Compression
from vna.pixels.image import SUBSAMPLED, Image

WHOLE_CELLS: Final = frozenset({Compression.RLE, Compression.DEFLATED})
"""Compressions of the bytes of the cells, whatever they mean."""

_MOST_BITS: Final = {
    Compression.JPEG: 16,
    Compression.JPEG_LS: 16,
    Compression.JPEG_2000: 24,
    Compression.HTJ2K: 16,
    Compression.JPEG_XL: 16,
}
"""Precision that the encoders manage without loss."""


def obstacle(image: Image, transfer_syntax: str) -> str:
    """Return why native pixels cannot be kept bit for bit in a transfer syntax, empty if nothing says so."""
    compression = COMPRESSIONS[transfer_syntax]
    name = compression.value
    if compression is Compression.DEFLATED:
        return ""
    if image.photometric in SUBSAMPLED:
        return f"native {image.photometric} pixels have no lossless compressed form"
    if image.bits_allocated == 1:
        return f"{name}: pixels of one bit allocated are given native, or deflated"
    if compression in WHOLE_CELLS:
        return ""
    if image.bits_stored > _MOST_BITS[compression]:
        return f"{name}: {image.bits_stored} bits stored are too many"
    if image.high_bit != image.bits_stored - 1:
        return f"{name}: High Bit {image.high_bit} of {image.bits_stored} bits stored"
    if image.signed and compression is Compression.JPEG_XL:
        return "JPEG XL has no signed pixels"
    return ""
