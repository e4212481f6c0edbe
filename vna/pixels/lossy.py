"""Encoding one native frame with loss, to JPEG Baseline of 8 bits, for whoever asks for no other than that.

Runs in a codec process. Nothing that is kept or sent as an instance is ever compressed so: it is for looking at.
"""

from dataclasses import replace
from typing import Final

import imagecodecs

from vna.pixels.encoding import NotEncoded
from vna.pixels.image import Image, cells_of

_QUALITY: Final = 92
_GREY: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
_COLOURS: Final = {"RGB": "RGB", "YBR_FULL": "YCBCR"}


def encode_baseline(frame: bytes, image: Image) -> tuple[bytes, Image]:
    """Compress a native frame, and return the stream with the image as its attributes are to describe it then.

    Raises:
        NotEncoded: these are no unsigned samples of up to 8 bits, or colours that loss makes others of.
    """
    if image.bits_allocated != 8 or image.bits_stored > 8 or image.signed:
        raise NotEncoded("JPEG Baseline: only unsigned samples of 8 bits")
    cells = cells_of(frame, image)
    if image.samples == 1 and image.photometric in _GREY:
        stream = imagecodecs.jpeg8_encode(cells, level=_QUALITY, colorspace="GRAYSCALE", outcolorspace="GRAYSCALE")
        return bytes(stream), image
    colour = _COLOURS.get(image.photometric)
    if colour is None:
        raise NotEncoded(f"JPEG Baseline: {image.photometric} has no lossy form")
    stream = imagecodecs.jpeg8_encode(
        cells.copy(order="C"), level=_QUALITY, colorspace=colour, outcolorspace="YCBCR", subsampling="422"
    )
    return bytes(stream), replace(image, photometric="YBR_FULL_422", by_plane=False)
