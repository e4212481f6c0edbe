"""How a picture is laid out: cut, turned and scaled; and where its pixels went, so that it can be written on."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from vna.pixels.rendering.request import Region, Viewport

Shown = NDArray[np.uint8]
"""(rows, columns) of gray, or (rows, columns, 3) of RGB."""

_IDENTITY: Final = np.eye(3)


@dataclass(frozen=True, slots=True)
class Laid:
    """A picture, and the matrix that takes (x, y, 1) of the image, 0 at the outer edge, to places in the picture."""

    pixels: Shown
    matrix: NDArray[Any]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[0])

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a place of the image is in the picture."""
        there = self.matrix @ np.array((x, y, 1.0))
        return float(there[0]), float(there[1])


def laid(pixels: Shown) -> Laid:
    """Return an image as a picture that is laid out as it came."""
    return Laid(pixels, _IDENTITY)


def cut(picture: Laid, box: tuple[int, int, int, int]) -> Laid:
    """Cut out left, top, right, bottom; what lies outside becomes black."""
    part = np.asarray(Picture.fromarray(picture.pixels).crop(box))
    return Laid(part, _affine(1, 1, -box[0], -box[1]) @ picture.matrix)


def turned(picture: Laid, quarters: int) -> Laid:
    """Turn clockwise by quarters of a circle."""
    for _ in range(quarters % 4):
        height = picture.size[1]
        matrix = np.array([[0.0, -1.0, height], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        picture = Laid(np.rot90(picture.pixels, -1), matrix @ picture.matrix)
    return picture


def flipped(picture: Laid, *, mirrored: bool, upside_down: bool) -> Laid:
    """Exchange left and right, and top and bottom."""
    width, height = picture.size
    if mirrored:
        picture = Laid(picture.pixels[:, ::-1], _affine(-1, 1, width, 0) @ picture.matrix)
    if upside_down:
        picture = Laid(picture.pixels[::-1], _affine(1, -1, 0, height) @ picture.matrix)
    return picture


def scaled(picture: Laid, width: int, height: int, region: Region | None = None) -> Laid:
    """Scale the picture, or a region of it, to a size; each pixel of a smaller one stands for all it covers."""
    full = Region(0, 0, *picture.size)
    part = region or full
    if (width, height) == picture.size and part == full:
        return picture
    box = (part.x, part.y, part.x + part.width, part.y + part.height)
    source = Picture.fromarray(np.ascontiguousarray(picture.pixels))
    pixels = np.asarray(source.resize((width, height), Picture.Resampling.BILINEAR, box=box))
    across, down = width / part.width, height / part.height
    return Laid(pixels, _affine(across, down, -part.x * across, -part.y * down) @ picture.matrix)


def fitted(picture: Laid, viewport: Viewport) -> Laid:
    """Cut the region out of a picture and scale it so that it fits in the viewport (PS3.18 8.3.5.1.3).

    Raises:
        ValueError: the region is not in the picture.
    """
    width, height = picture.size
    region = viewport.region or Region(0, 0, width, height)
    whole = replace(
        region,
        width=region.width or width - region.x,
        height=region.height or height - region.y,
    )
    inside = whole.x >= 0 and whole.y >= 0 and whole.x + whole.width <= width and whole.y + whole.height <= height
    if not inside or whole.width <= 0 or whole.height <= 0:
        raise ValueError(f"the region of the viewport is not within the {width} x {height} pixels of the image")
    factor = min(viewport.width / whole.width, viewport.height / whole.height)
    size = (max(round(whole.width * factor), 1), max(round(whole.height * factor), 1))
    return flipped(scaled(picture, *size, whole), mirrored=region.mirrored, upside_down=region.upside_down)


def _affine(across: float, down: float, right: float, below: float) -> NDArray[Any]:
    return np.array([[across, 0.0, right], [0.0, down, below], [0.0, 0.0, 1.0]])
