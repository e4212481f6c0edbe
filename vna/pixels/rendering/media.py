"""Writing a picture down as a file that browsers show (PS3.18 8.7.4)."""

from io import BytesIO
from typing import Any, Final

import imagecodecs
import numpy as np
from PIL import Image as Picture

from vna.pixels.rendering.layout import Shown
from vna.pixels.rendering.request import MediaType

_FULL_CHROMA_FROM: Final = 90
_PNG_LEVEL: Final = 4
_BEST: Final = 100
_JXL_EFFORT: Final = 3
_LARGEST_JPEG: Final = 65_500
_LARGEST_GIF: Final = 65_535


def encoded(pixels: Shown, media_type: MediaType, *, quality: int, profile: bytes) -> bytes:
    """Return a picture as a file.

    Args:
        pixels: the picture.
        media_type: what file.
        quality: of 100, where the file loses something.
        profile: the ICC profile to go into it, empty for none.

    Raises:
        ValueError: a file of this kind cannot be so large.
    """
    largest = {MediaType.JPEG: _LARGEST_JPEG, MediaType.GIF: _LARGEST_GIF}.get(media_type)
    if largest is not None and max(pixels.shape[:2]) > largest:
        raise ValueError(f"{media_type} holds no more than {largest} pixels in a row or column")
    pixels = np.ascontiguousarray(pixels)
    if media_type is MediaType.JXL:
        return _jpeg_xl(pixels, quality)
    buffer = BytesIO()
    Picture.fromarray(pixels).save(buffer, **_options(pixels, media_type, quality, profile))
    return buffer.getvalue()


def _options(pixels: Shown, media_type: MediaType, quality: int, profile: bytes) -> dict[str, Any]:
    """Return what Pillow's writers are told."""
    kept = {"icc_profile": profile} if profile and pixels.ndim == 3 else {}
    if media_type is MediaType.JPEG:
        subsampling = "4:4:4" if quality >= _FULL_CHROMA_FROM else "4:2:0"
        return {"format": "JPEG", "quality": quality, "subsampling": subsampling, **kept}
    if media_type is MediaType.PNG:
        return {"format": "PNG", "compress_level": _PNG_LEVEL, **kept}
    if media_type is MediaType.GIF:
        return {"format": "GIF"}
    levels = min(6, max(min(pixels.shape[:2]).bit_length() - 1, 1))
    if quality == _BEST:
        return {"format": "JPEG2000", "irreversible": False, "num_resolutions": levels}
    decibels = 30 + quality / 5
    return {
        "format": "JPEG2000",
        "irreversible": True,
        "num_resolutions": levels,
        "quality_mode": "dB",
        "quality_layers": [decibels],
    }


def _jpeg_xl(pixels: Shown, quality: int) -> bytes:
    """Write JPEG XL; its measure is a distance, 1 of which is hardly seen."""
    distance = None if quality == _BEST else 0.1 + (_BEST - quality) * 0.09
    photometric = "RGB" if pixels.ndim == 3 else "GRAY"
    return bytes(
        imagecodecs.jpegxl_encode(
            pixels, lossless=distance is None, distance=distance, effort=_JXL_EFFORT, photometric=photometric
        )
    )
