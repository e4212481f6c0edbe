"""A presentation state applied to a frame (PS3.3 C.10, C.11, PS3.4 Annex N).

Of what a state can say, all that changes the picture is applied: windows and tables, palette, overlays of its layers,
shutters, displayed area, rotation and flip, graphics and texts. Compound graphics are not drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from typing import Final

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw

from vna.dicom.tree import Tree
from vna.pixels.rendering.layout import Laid, cut, flipped, scaled, turned
from vna.pixels.rendering.lettering import write

_REFERENCED_IMAGES: Final = 0x00081140
_REFERENCED_INSTANCE, _REFERENCED_FRAMES = 0x00081155, 0x00081160
_SOFTCOPY_VOI_LUT: Final = 0x00283110
_DISPLAYED_AREAS, _TOP_LEFT, _BOTTOM_RIGHT = 0x0070005A, 0x00700052, 0x00700053
_PIXEL_SPACING, _ASPECT_RATIO = 0x00700101, 0x00700102
_ROTATION, _FLIP = 0x00700042, 0x00700041
_ANNOTATIONS: Final = 0x00700001
_TEXTS, _GRAPHICS = 0x00700008, 0x00700009
_TEXT, _BOX_UNITS, _ANCHOR_UNITS, _BOX, _ANCHOR = 0x00700006, 0x00700003, 0x00700004, 0x00700010, 0x00700014
_GRAPHIC_UNITS, _DATA, _TYPE, _FILLED = 0x00700005, 0x00700022, 0x00700023, 0x00700024
_QUARTER: Final = 90
_MOST_PIXELS: Final = 64_000_000
_MOST_POINTS: Final = 100_000
_POINT_RADIUS: Final = 2

_CIRCLE: Final = tuple((cos(angle * pi / 36), sin(angle * pi / 36)) for angle in range(72))

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class State:
    """A presentation state, as it concerns one frame of one instance."""

    tree: Tree
    instance: str
    frame: int

    @property
    def voi(self) -> Tree | None:
        """The item of the Softcopy VOI LUT that is for this frame, None if there is none."""
        return self._concerning(_SOFTCOPY_VOI_LUT)

    def arranged(self, picture: Laid) -> Laid:
        """Return the displayed area, turned and flipped, its pixels square."""
        area = self._concerning(_DISPLAYED_AREAS)
        if area is not None:
            picture = _displayed(picture, area)
        picture = turned(picture, self.tree.whole(_ROTATION) // _QUARTER)
        return flipped(picture, mirrored=self.tree.text(_FLIP) == "Y", upside_down=False)

    def draw_on(self, picture: Laid) -> Laid:
        """Return a picture with the graphics and texts of the state on it."""
        concerning = [item for item in self.tree.items(_ANNOTATIONS) if self._concerns(item)]
        if not concerning:
            return picture
        canvas = Picture.fromarray(picture.pixels).copy()
        draw = ImageDraw.Draw(canvas)
        for annotation in concerning:
            for graphic in annotation.items(_GRAPHICS):
                _draw_graphic(draw, graphic, picture)
            for text in annotation.items(_TEXTS):
                _draw_text(draw, text, picture)
        return Laid(np.asarray(canvas), picture.matrix)

    def _concerning(self, tag: int) -> Tree | None:
        return next((item for item in self.tree.items(tag) if self._concerns(item)), None)

    def _concerns(self, item: Tree) -> bool:
        """Return whether an item is for this frame; one that names no images is for all."""
        references = item.items(_REFERENCED_IMAGES)
        if not references:
            return True
        for reference in references:
            frames = reference.numbers(_REFERENCED_FRAMES)
            if reference.text(_REFERENCED_INSTANCE) == self.instance and (not frames or self.frame in frames):
                return True
        return False


def _displayed(picture: Laid, area: Tree) -> Laid:
    """Cut out a displayed area, whose corners count from 1 and may be exchanged, and make its pixels square."""
    corners = (*area.numbers(_TOP_LEFT)[:2], *area.numbers(_BOTTOM_RIGHT)[:2])
    if len(corners) == 4 and all(abs(corner) < _MOST_PIXELS for corner in corners):
        left, right = sorted((int(corners[0]), int(corners[2])))
        top, bottom = sorted((int(corners[1]), int(corners[3])))
        box = (left - 1, top - 1, right, bottom)
        if (right - left + 1) * (bottom - top + 1) <= _MOST_PIXELS and box != (0, 0, *picture.size):
            picture = cut(picture, box)
    ratio = _aspect(area)
    width, height = picture.size
    if ratio > 1 and width * height * ratio <= _MOST_PIXELS:
        return scaled(picture, width, round(height * ratio))
    if ratio < 1 and width * height / ratio <= _MOST_PIXELS:
        return scaled(picture, round(width / ratio), height)
    return picture


def _aspect(area: Tree) -> float:
    """Return how many times as high as wide a pixel is."""
    for tag in (_PIXEL_SPACING, _ASPECT_RATIO):
        numbers = area.numbers(tag)
        if len(numbers) == 2 and min(numbers) > 0:
            return numbers[0] / numbers[1]
    return 1.0


def _places(numbers: Sequence[float], units: str, picture: Laid) -> list[Point]:
    """Return where points are in the picture: given in pixels of the image from 1 on, or in parts of the picture."""
    pairs = list(zip(numbers[:_MOST_POINTS:2], numbers[1:_MOST_POINTS:2], strict=False))
    if units == "DISPLAY":
        width, height = picture.size
        return [(x * width, y * height) for x, y in pairs]
    return [picture.place(x - 0.5, y - 0.5) for x, y in pairs]


def _draw_graphic(draw: ImageDraw.ImageDraw, graphic: Tree, picture: Laid) -> None:
    points = _places(graphic.numbers(_DATA), graphic.text(_GRAPHIC_UNITS), picture)
    kind, filled = graphic.text(_TYPE), graphic.text(_FILLED) == "Y"
    ink = _ink(picture)
    if kind == "POINT" and points:
        x, y = points[0]
        draw.ellipse((x - _POINT_RADIUS, y - _POINT_RADIUS, x + _POINT_RADIUS, y + _POINT_RADIUS), fill=ink)
    elif kind == "CIRCLE" and len(points) >= 2:
        (x, y), (there, below) = points[:2]
        radius = ((x - there) ** 2 + (y - below) ** 2) ** 0.5
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=ink, fill=ink if filled else None)
    elif kind == "ELLIPSE" and len(points) >= 4:
        draw.polygon(_ellipse(points), outline=ink, fill=ink if filled else None)
    elif kind in ("POLYLINE", "INTERPOLATED") and len(points) >= 2:
        if filled and points[0] == points[-1]:
            draw.polygon(points, fill=ink)
        draw.line(points, fill=ink)


def _ellipse(points: Sequence[Point]) -> list[Point]:
    """Return points of an ellipse given by the ends of its two axes."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points[:4]
    x, y = (ax + bx) / 2, (ay + by) / 2
    u, v = ((bx - ax) / 2, (by - ay) / 2), ((dx - cx) / 2, (dy - cy) / 2)
    return [(x + c * u[0] + s * v[0], y + c * u[1] + s * v[1]) for c, s in _CIRCLE]


def _draw_text(draw: ImageDraw.ImageDraw, text: Tree, picture: Laid) -> None:
    for tag, units in ((_BOX, _BOX_UNITS), (_ANCHOR, _ANCHOR_UNITS)):
        places = _places(text.numbers(tag), text.text(units), picture)
        if places:
            write(draw, places[0], text.text(_TEXT), picture.size)
            return


def _ink(picture: Laid) -> int | tuple[int, int, int]:
    return 255 if picture.pixels.ndim == 2 else (255, 255, 255)
