"""Geometry and textures that phantoms are painted with: soft-edged shapes, tubes through a plane, grain.

Coordinates are millimetres of the patient (x to the left, y to the back, z to the head: PS3.3 C.7.6.2.1.1); a distance
is negative inside a shape. Arrays are float32.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Tube:
    """A straight tube from `start` to `end` with a radius at each end, in mm, and what it is filled with."""

    start: Point
    end: Point
    radii: tuple[float, float]
    value: float


class Tubes:
    """Many tubes, of which those that cross a height are found at once."""

    def __init__(self, tubes: Iterable[Tube]) -> None:
        self._tubes = list(tubes)
        heights = np.array([(tube.start[2], tube.end[2]) for tube in self._tubes], float).reshape(-1, 2)
        widest = np.array([max(tube.radii) for tube in self._tubes], float)
        self._low, self._high, self._widest = heights.min(1) - widest, heights.max(1) + widest, widest

    def crossing(self, z: float, *, pixel: float) -> list[Tube]:
        """Return the tubes that show at a height in pixels of this width in mm, in the order they were given."""
        margin = 1.5 * pixel
        near = np.flatnonzero((self._low - margin < z) & (z < self._high + margin) & (self._widest > 0.3 * pixel))
        return [self._tubes[n] for n in near]


@dataclass(frozen=True, slots=True)
class Plane:
    """Points of a plane at height `z`: `x` and `y` are (rows, columns), x even along a row and y down a column.

    `pixel` is how wide a point is taken to be, in mm: edges are as soft as that.
    """

    x: Floats
    y: Floats
    z: float
    pixel: float


def floats(values: ArrayLike) -> Floats:
    """Return values as single precision numbers."""
    return np.asarray(values, np.float32)


def ellipsoid(place: Plane, centre: Point, radii: Point) -> Floats:
    """Return roughly how far each point lies outside an ellipsoid, in mm."""
    dx, dy = (place.x - centre[0]) / radii[0], (place.y - centre[1]) / radii[1]
    dz = (place.z - centre[2]) / radii[2]
    return floats((np.sqrt(dx * dx + dy * dy + dz * dz) - 1) * min(radii))


def paint(image: Floats, distance: Floats, value: Floats | float, *, soft: float) -> None:
    """Fill what lies inside with a value; an edge is `soft` mm wide."""
    cover = np.clip(0.5 - distance / np.float32(soft), 0, 1)
    image += cover * (value - image)


def paint_tubes(image: Floats, place: Plane, tubes: Tubes, *, within: Floats | None = None) -> None:
    """Paint where tubes cross the plane; with `within`, only as far as that shape covers a point (0 to 1)."""
    across, down = _axis(place.x[0]), _axis(place.y[:, 0])
    for tube in tubes.crossing(place.z, pixel=place.pixel):
        reach = max(tube.radii) + 1.5 * place.pixel
        rows = _span(tube.start[1], tube.end[1], reach, down)
        columns = _span(tube.start[0], tube.end[0], reach, across)
        part = image[rows, columns]
        if part.size:
            cover = _tube_cover(tube, place, rows, columns)
            part += (cover if within is None else cover * within[rows, columns]) * np.float32(tube.value - part)


def grain(rng: np.random.Generator, shape: tuple[int, int], *, peak: float, falloff: float = 2.0) -> Floats:
    """Return noise of unit deviation with a band-limited spectrum, as a reconstruction kernel leaves it.

    `peak` is the spatial frequency it is strongest at, in cycles per pixel; the spectrum rises like a ramp and falls
    off. The texture is periodic at its edges.
    """
    fy = np.fft.fftfreq(shape[0])[:, None]
    fx = np.fft.rfftfreq(shape[1])[None, :]
    f = np.hypot(fy, fx) / peak
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) * f * np.exp(-(f**falloff) / falloff)
    return _unit(np.fft.irfft2(spectrum, s=shape))


def clouds(rng: np.random.Generator, shape: tuple[int, int], *, power: float, longest: float = 1.0) -> Floats:
    """Return noise of unit deviation whose amplitude falls with frequency to this power: fractal, as tissue is.

    `longest` is the longest wave there is, as a share of the picture.
    """
    fy = np.fft.fftfreq(shape[0])[:, None] * shape[0]
    fx = np.fft.rfftfreq(shape[1])[None, :] * shape[1]
    f = np.maximum(np.hypot(fy, fx), 1e-6)
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) * np.where(f * longest < 1, 0, f**-power)
    return _unit(np.fft.irfft2(spectrum, s=shape))


def blurred(image: Floats, times: int = 1) -> Floats:
    """Return a picture smoothed by weights 1, 2, 1 in both directions, this many times; its edges repeat."""
    for _ in range(times):
        for axis in (0, 1):
            wide = np.pad(image, [(1, 1) if a == axis else (0, 0) for a in range(image.ndim)], mode="edge")
            n = image.shape[axis]
            first, middle, last = (np.take(wide, np.arange(i, i + n), axis) for i in range(3))
            image = ((first + 2 * middle + last) * np.float32(0.25)).astype(np.float32)
    return image


def _axis(coordinates: Floats) -> tuple[float, float, int]:
    """Return the first coordinate, the spacing and the count of evenly spaced coordinates."""
    spacing = float(coordinates[1] - coordinates[0]) if len(coordinates) > 1 else 1.0
    return float(coordinates[0]), spacing, len(coordinates)


def _span(one: float, other: float, reach: float, axis: tuple[float, float, int]) -> slice:
    """Return the pixels of an axis (first coordinate, spacing, count) that lie within reach of either coordinate."""
    first, spacing, count = axis
    low = int(np.floor((min(one, other) - reach - first) / spacing))
    high = int(np.ceil((max(one, other) + reach - first) / spacing)) + 1
    return slice(min(max(low, 0), count), min(max(high, 0), count))


def _tube_cover(tube: Tube, place: Plane, rows: slice, columns: slice) -> Floats:
    """Return how far the tube covers each pixel of a part of the plane, from 0 to 1."""
    start, end = np.array(tube.start, np.float32), np.array(tube.end, np.float32)
    along = end - start
    dx, dy, dz = place.x[rows, columns] - start[0], place.y[rows, columns] - start[1], np.float32(place.z - start[2])
    share = np.clip((dx * along[0] + dy * along[1] + dz * along[2]) / max(float(along @ along), 1e-6), 0, 1)
    off = np.sqrt((dx - share * along[0]) ** 2 + (dy - share * along[1]) ** 2 + (dz - share * along[2]) ** 2)
    radius = tube.radii[0] + share * (tube.radii[1] - tube.radii[0])
    return floats(np.clip(0.5 + (radius - off) / np.float32(1.2 * place.pixel), 0, 1))


def _unit(values: NDArray[np.float64]) -> Floats:
    return floats((values - values.mean()) / values.std())
