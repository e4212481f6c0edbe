"""Colour: from stored samples, or from codes of a palette, to RGB of 8 bits a channel; and colour profiles."""

from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageCms

from vna.dicom.tree import Tree
from vna.pixels.rendering.cells import Stored
from vna.pixels.rendering.lookup import Table, segmented, table_of
from vna.pixels.rendering.request import Profile

Rgb = NDArray[np.uint8]
"""(rows, columns, 3)."""

ICC_PROFILE: Final = 0x00282000

_OPTICAL_PATHS: Final = 0x00480105
_RED, _SEGMENTED_RED = 0x00281101, 0x00281221
_DATA: Final = 0x100
_WHITE: Final = 255
_MOST_TABLE_BITS: Final = 16
_YBR: Final = {"YBR_FULL": (1.0, 0.0, 1.0), "YBR_PARTIAL": (255 / 219, 16.0, 255 / 224)}
"""Factor and offset of luminance, and factor of chroma, that make them fill their range (PS3.3 C.7.6.3.1.2)."""


def rgb_of(pixels: Stored) -> Rgb:
    """Return the RGB of stored samples."""
    codes = pixels.codes
    bits = pixels.image.bits_stored
    if bits == 8:
        samples = codes.astype(np.uint8)
    elif bits <= _MOST_TABLE_BITS:
        samples = _scaled(np.arange(1 << bits), bits)[codes]
    else:
        samples = _scaled(codes, bits)
    transform = _YBR.get(pixels.image.photometric)
    return samples if transform is None else _from_ybr(samples, *transform)


def palette_rgb_of(pixels: Stored, header: Tree) -> Rgb:
    """Return the RGB of codes of a palette (PS3.3 C.7.9).

    Raises:
        BrokenTable: it has no palette that can be read.
    """
    codes = pixels.codes
    tables = [_palette(header, channel, signed=pixels.image.signed) for channel in range(3)]
    values = pixels.values() if pixels.has_table else pixels.meant(codes)
    colours: Rgb = np.stack([_bytes(table.of(values), table.top) for table in tables], axis=-1)
    return np.asarray(colours[codes]) if pixels.has_table else colours


def palette_of(state: Tree) -> Rgb | None:
    """Return what a palette makes of the 256 grays, (256, 3); None if there is none (PS3.3 A.33.3)."""
    if _RED not in state:
        return None
    tables = [_palette(state, channel, signed=False) for channel in range(3)]
    parts = np.linspace(0, 1, _WHITE + 1)
    inputs = [parts * (len(table.entries) - 1) + table.first for table in tables]
    return np.stack([_bytes(table.of(each), table.top) for table, each in zip(tables, inputs, strict=True)], axis=-1)


def profile_of(header: Tree) -> bytes:
    """Return the ICC profile of an image, or of the first optical path of a slide; empty if there is none."""
    return header.raw(ICC_PROFILE) or header.item(_OPTICAL_PATHS).raw(ICC_PROFILE)


def with_profile(rgb: Rgb, profile: bytes, wanted: Profile) -> tuple[Rgb, bytes]:
    """Return a picture with the profile that goes into its file, transformed where sRGB is wanted.

    A profile that cannot be used is left out.
    """
    if wanted is Profile.NO:
        return rgb, b""
    if wanted is Profile.YES:
        return rgb, profile if _is_usable(profile) else b""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    if _is_usable(profile):
        given = ImageCms.ImageCmsProfile(BytesIO(profile))
        converted = ImageCms.profileToProfile(Picture.fromarray(rgb), given, srgb)
        rgb = np.asarray(converted)
    return rgb, srgb.tobytes()


def _is_usable(profile: bytes) -> bool:
    """Return whether a profile is one of RGB."""
    try:
        return bool(profile) and ImageCms.ImageCmsProfile(BytesIO(profile)).profile.xcolor_space.strip() == "RGB"
    except OSError:
        return False


def _palette(header: Tree, channel: int, *, signed: bool) -> Table:
    descriptor = _RED + channel
    if _SEGMENTED_RED + channel in header:
        return segmented(header, signed=signed, descriptor=descriptor, data=_SEGMENTED_RED + channel)
    return table_of(header, signed=signed, descriptor=descriptor, data=descriptor + _DATA)


def _scaled(codes: NDArray[Any], bits: int) -> Rgb:
    return _bytes(codes.astype(np.float64), float((1 << bits) - 1))


def _bytes(values: NDArray[np.float64], top: float) -> Rgb:
    scaled: Rgb = np.floor(values * (_WHITE / top) + 0.5).astype(np.uint8)
    return scaled


def _from_ybr(samples: Rgb, factor: float, offset: float, chroma: float) -> Rgb:
    luminance = (samples[..., 0].astype(np.float32) - offset) * factor
    blue = (samples[..., 1].astype(np.float32) - 128) * chroma
    red = (samples[..., 2].astype(np.float32) - 128) * chroma
    channels = (luminance + 1.402 * red, luminance - 0.344136 * blue - 0.714136 * red, luminance + 1.772 * blue)
    return np.asarray(np.clip(np.rint(np.stack(channels, axis=-1)), 0, _WHITE), dtype=np.uint8)
