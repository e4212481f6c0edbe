"""What lies over the pixels: overlays, burnt in on request (PS3.3 C.9.2), and shutters (C.7.6.11)."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw

from vna.dicom.tree import Tree
from vna.pixels.rendering.cells import Stored

FIRST_GROUP, LAST_GROUP = 0x6000, 0x601E

_ROWS, _COLUMNS, _FRAMES, _ORIGIN, _FIRST_FRAME = 0x0010, 0x0011, 0x0015, 0x0050, 0x0051
_POSITION, _LAYER, _DATA = 0x0102, 0x1001, 0x3000
_SHAPE: Final = 0x00181600
_EDGES: Final = (0x00181602, 0x00181604, 0x00181606, 0x00181608)
_CENTER, _RADIUS, _VERTICES = 0x00181610, 0x00181612, 0x00181620
_PRESENTATION_VALUE: Final = 0x00181622

Mask = NDArray[np.bool_]


def overlay_groups(header: Tree) -> list[int]:
    """Return the groups that have an overlay, as the upper halves of tags."""
    groups = range(FIRST_GROUP, LAST_GROUP + 2, 2)
    return [group for group in groups if (group << 16 | _ROWS) in header and (group << 16 | _COLUMNS) in header]


def activated_groups(state: Tree) -> list[int]:
    """Return the groups whose overlay a presentation state puts in one of its layers."""
    return [group for group in range(FIRST_GROUP, LAST_GROUP + 2, 2) if state.text(group << 16 | _LAYER)]


def overlay(header: Tree, group: int, frame: int, shape: tuple[int, int], pixels: Stored | None) -> Mask:
    """Return where an overlay lies over a frame, (rows, columns); nowhere if it cannot be read.

    Args:
        header: the data set that has the overlay.
        group: its group.
        frame: number of the frame, from 1.
        shape: rows and columns of the frame.
        pixels: the pixels whose cells may hold an overlay; None if there are none.
    """
    tags = {name: group << 16 | name for name in (_ROWS, _COLUMNS, _FRAMES, _ORIGIN, _FIRST_FRAME, _POSITION, _DATA)}
    mask = np.zeros(shape, bool)
    if tags[_DATA] not in header:
        position = header.whole(tags[_POSITION])
        if pixels is not None and pixels.image.samples == 1 and position < pixels.cells.itemsize * 8:
            mask |= (pixels.cells >> pixels.cells.dtype.type(position) & 1) != 0
        return mask
    rows, columns = header.whole(tags[_ROWS]), header.whole(tags[_COLUMNS])
    at = frame - max(header.whole(tags[_FIRST_FRAME], 1), 1)
    frames = max(header.whole(tags[_FRAMES], 1), 1)
    if frames == 1 and tags[_FIRST_FRAME] not in header:
        at = 0
    plane = _plane(header.raw(tags[_DATA]), rows, columns, at) if 0 <= at < frames else None
    if plane is not None:
        top, left = (*(int(n) for n in header.numbers(tags[_ORIGIN])), 1, 1)[:2]
        _lay(mask, plane, top - 1, left - 1)
    return mask


def shutter(item: Tree, shape: tuple[int, int]) -> Mask | None:
    """Return what the shutters of an item leave to be seen, (rows, columns); None if it has none."""
    shapes = item.texts(_SHAPE)
    rows, columns = shape
    seen: Mask | None = None
    for name in shapes:
        part = Picture.new("1", (columns, rows), 0)
        drawn = _DRAWN.get(name)
        if drawn is None or not drawn(ImageDraw.Draw(part), item):
            continue
        seen = np.asarray(part) if seen is None else seen & np.asarray(part)
    return seen


def shutter_value(item: Tree) -> int:
    """Return the gray of what is shuttered, of 8 bits; it is given with 16."""
    return min(max(item.whole(_PRESENTATION_VALUE), 0), 0xFFFF) >> 8


def _rectangle(draw: ImageDraw.ImageDraw, item: Tree) -> bool:
    left, right, upper, lower = (item.number(tag) for tag in _EDGES)
    if left is None or right is None or upper is None or lower is None or right <= left or lower <= upper:
        return False
    draw.rectangle((left - 1, upper - 1, right - 1, lower - 1), fill=1)
    return True


def _circle(draw: ImageDraw.ImageDraw, item: Tree) -> bool:
    center, radius = item.numbers(_CENTER), item.number(_RADIUS)
    if len(center) < 2 or not radius or radius < 0:
        return False
    row, column = center[0] - 1, center[1] - 1
    draw.ellipse((column - radius, row - radius, column + radius, row + radius), fill=1)
    return True


def _polygon(draw: ImageDraw.ImageDraw, item: Tree) -> bool:
    numbers = item.numbers(_VERTICES)
    points = [(column - 1, row - 1) for row, column in zip(numbers[::2], numbers[1::2], strict=False)]
    if len(points) < 3:
        return False
    draw.polygon(points, fill=1)
    return True


_DRAWN: Final = {"RECTANGULAR": _rectangle, "CIRCULAR": _circle, "POLYGONAL": _polygon}


def _plane(data: bytes, rows: int, columns: int, at: int) -> NDArray[Any] | None:
    """Return one frame of packed bits, None if there are not so many."""
    size = rows * columns
    if not size or len(data) * 8 < size * (at + 1):
        return None
    first, last = size * at // 8, (size * (at + 1) + 7) // 8
    bits = np.unpackbits(np.frombuffer(data[first:last], np.uint8), bitorder="little")
    return bits[size * at - first * 8 :][:size].reshape(rows, columns)


def _lay(mask: Mask, plane: NDArray[Any], top: int, left: int) -> None:
    """Lay a plane over a mask, its first row and column where it says, which may be outside."""
    rows, columns = mask.shape
    upper, lower = max(top, 0), min(top + plane.shape[0], rows)
    first, last = max(left, 0), min(left + plane.shape[1], columns)
    if upper < lower and first < last:
        mask[upper:lower, first:last] |= plane[upper - top : lower - top, first - left : last - left] != 0
