"""A head for magnetic resonance, described by formulas: which tissue is at any point of space.

x runs to the patient's left, y to the back, z to the head, in mm; the origin is between the thalami. The folds of the
cortex are the lines where a random field of one wavelength changes sign: they wind as gyri and sulci do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sample_data.shapes import Floats, Point, floats, paint

_FOLD_MM, _WAVES = 19.0, 26


class Tissue(NamedTuple):
    """Proton density (0 to 1), T1 and T2 in ms, at 1.5 T."""

    density: float
    t1: float
    t2: float


FLUID = Tissue(1.0, 4200, 2000)
GREY = Tissue(0.83, 950, 98)
WHITE = Tissue(0.70, 610, 78)
NUCLEI = Tissue(0.80, 830, 84)
LESION = Tissue(0.86, 1150, 150)
SCALP = Tissue(0.92, 260, 84)
MUSCLE = Tissue(0.75, 900, 44)
MARROW = Tissue(0.55, 320, 70)
BONE = Tissue(0.06, 500, 4)
AIR = Tissue(0.0, 1000, 1)
VITREOUS = Tissue(0.99, 3200, 900)


@dataclass(frozen=True, slots=True)
class Points:
    """Points of space in mm: three arrays of one shape."""

    x: Floats
    y: Floats
    z: Floats

    def from_ellipsoid(self, centre: Point, radii: Point) -> Floats:
        """Return roughly how far each point lies outside an ellipsoid, in mm."""
        dx, dy, dz = ((v - c) / r for v, c, r in zip((self.x, self.y, self.z), centre, radii, strict=True))
        return floats((np.sqrt(dx * dx + dy * dy + dz * dz) - 1) * min(radii))


@dataclass(frozen=True, slots=True)
class Picture:
    """The signal of the points asked for, painted tissue by tissue; `shown` gives the signal of a tissue.

    Signals are mixed at edges, not times: a pixel that is half fluid shows half its signal.
    """

    signal: Floats
    shown: Callable[[Tissue], float]

    def fill(self, distance: NDArray[np.floating], tissue: Tissue, *, soft: float = 1.0) -> None:
        """Fill what lies inside (distance below 0, in mm) with a tissue; an edge is `soft` mm wide."""
        paint(self.signal, floats(distance), self.shown(tissue), soft=soft)


class Head:
    """One person's head. `lesions` is how many white matter lesions there are."""

    def __init__(self, rng: np.random.Generator, *, lesions: int) -> None:
        directions = rng.normal(0, 1, (_WAVES, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        self._waves = (directions * 2 * np.pi / _FOLD_MM * rng.uniform(0.8, 1.2, (_WAVES, 1))).astype(np.float32)
        self._phases = rng.uniform(0, 2 * np.pi, _WAVES).astype(np.float32)
        side, angle = rng.choice([-1.0, 1.0], 16), rng.uniform(-1.4, 1.4, 16)
        self._lesions: list[tuple[Point, float]] = [
            ((float(s * rng.uniform(24, 33)), float(38 * np.sin(a)), float(rng.uniform(14, 34))), float(r))
            for s, a, r in zip(side, angle, rng.uniform(2.2, 5.5, 16), strict=True)
        ][:lesions]

    def signal(self, at: Points, shown: Callable[[Tissue], float]) -> Floats:
        """Return the signal at each point, where `shown` gives that of each tissue."""
        picture = Picture(np.full(at.x.shape, shown(AIR), np.float32), shown)
        folds = self._folds(at)
        self._fill_skull(picture, at, folds)
        self._fill_hemispheres(picture, at, folds)
        _fill_deep(picture, at)
        _fill_fossa(picture, at, folds)
        _fill_face(picture, at)
        for centre, radius in self._lesions:
            picture.fill(at.from_ellipsoid(centre, (radius * 0.8, radius * 1.3, radius)), LESION, soft=1.5)
        return picture.signal

    def _folds(self, at: Points) -> Floats:
        total = np.zeros(at.x.shape, np.float32)
        for (kx, ky, kz), phase in zip(self._waves, self._phases, strict=True):
            total += np.cos(kx * at.x + ky * at.y + kz * at.z + phase)
        return total / np.float32(np.sqrt(_WAVES / 2))

    def _fill_skull(self, picture: Picture, at: Points, folds: Floats) -> None:
        head = at.from_ellipsoid((0, 2, 8), (79, 98, 80))
        neck = np.maximum(np.hypot(at.x / 0.92, (at.y - 24) / 1.1) - 54, at.z + 10)
        face = np.maximum(at.from_ellipsoid((0, -36, -52), (56, 58, 66)), at.z - 10)
        skin = np.minimum.reduce([head, neck, face])
        picture.fill(skin, MUSCLE, soft=1.5)
        picture.fill(skin + 1.5, SCALP, soft=1.5)
        below = np.maximum(skin + 6, at.z + 12)
        picture.fill(below, MUSCLE, soft=3)
        picture.fill(np.maximum(below, 0.9 - folds), SCALP, soft=0.6)
        picture.fill(np.maximum(below, np.abs(folds + 1.1) - 0.2), BONE, soft=0.5)
        floor = np.interp(at.y, (-90, -34, -24, 8, 16, 90), (-12, -18, -40, -44, -66, -58))
        vault = np.maximum(at.from_ellipsoid((0, 2, 10), (74.5, 92, 73)), floor - at.z)
        picture.fill(vault, BONE)
        picture.fill(np.maximum(vault + 2.0, -vault - 4.2), MARROW)
        picture.fill(vault + 5.8, FLUID)
        sella = np.maximum.reduce(
            [vault + 1, np.abs(at.x) - 19 + 0.3 * (at.z + 22), at.z + 21, at.y - 6 + 0.4 * (at.z + 21)]
        )
        picture.fill(sella, BONE)
        picture.fill(sella + 2, MARROW)

    def _fill_hemispheres(self, picture: Picture, at: Points, folds: Floats) -> None:
        brain = _hemispheres(at)
        deep = np.clip((-brain - 15) / 7, 0, 1)
        midline = np.abs(at.x + 0.8 * np.sin(at.y / 19))
        cleft = np.where(at.z > 18 - 0.004 * at.y**2, midline, 99)
        lateral = np.abs(at.x) - 50 + 0.1 * at.y
        sylvian = np.hypot(lateral * 0.3, at.z - 3 - 0.3 * at.y - 0.25 * lateral + 1.5 * folds) - 3.4
        crease = 2.8 * np.abs(folds) + 9 * deep + 0.25 * np.clip(-brain - 3, 0, 8)
        surface = np.minimum.reduce([crease - 0.55, -brain - 0.4, cleft - 0.9, sylvian + 2.6])
        picture.fill(np.maximum(brain, -surface), GREY, soft=1.2)
        picture.fill(np.maximum(brain, 2.7 - surface), WHITE, soft=1.5)


def _hemispheres(at: Points) -> Floats:
    """Return the distance from the hemispheres: flat below, with a temporal lobe on each side."""
    whole = at.from_ellipsoid((0, 2, 16), (67.5, 84, 60.5))
    floor = -at.z - 14 - 0.12 * at.y - np.clip((-at.y - 30) * 0.2, 0, 10)
    lobes = [at.from_ellipsoid((side * 43, -6, -18), (24, 42, 24)) for side in (-1, 1)]
    return floats(np.minimum.reduce([np.maximum(whole, floor), *lobes]))


def _fill_deep(picture: Picture, at: Points) -> None:
    """Fill in corpus callosum, grey nuclei and ventricles."""
    callosum = np.abs(at.from_ellipsoid((0, 2, 9), (200, 42, 19)) + 2) - 3.4
    picture.fill(np.maximum.reduce([callosum, np.abs(at.x) - 14, 12 - at.z]), WHITE)
    for side in (-1, 1):
        mirrored = Points(at.x * np.float32(side), at.y, at.z)
        picture.fill(mirrored.from_ellipsoid((11, 6, 3), (9, 15, 10)), NUCLEI, soft=2)
        picture.fill(mirrored.from_ellipsoid((25, -6, 3), (6, 17, 11)), NUCLEI, soft=2)
        picture.fill(mirrored.from_ellipsoid((14, -20, 9), (6, 11, 10)), NUCLEI, soft=2)
        picture.fill(mirrored.from_ellipsoid((10, -20, 14), (5, 15, 7)), FLUID)
        picture.fill(mirrored.from_ellipsoid((12, 6, 18), (5.5, 24, 4.5)), FLUID)
        picture.fill(mirrored.from_ellipsoid((22, 34, 10), (6.5, 17, 9)), FLUID)
        picture.fill(mirrored.from_ellipsoid((31, 12, -16), (2.5, 13, 2.5)), FLUID)
    third = np.hypot(at.x, np.clip(np.abs(at.y - 2) - 12, 0, None)) - 1.9
    picture.fill(np.maximum(third, np.abs(at.z - 2) - 9), FLUID)


def _fill_fossa(picture: Picture, at: Points, folds: Floats) -> None:
    """Fill in what lies under the tentorium: cerebellum, brain stem and fourth ventricle."""
    tent = at.z + 13 - 0.1 * at.y
    lobes = np.maximum(at.from_ellipsoid((0, 47, -36), (50, 34, 25)), tent)
    picture.fill(np.maximum(at.from_ellipsoid((0, 44, -37), (54, 40, 30)), tent + 1), FLUID)
    picture.fill(lobes, GREY)
    leaves = np.abs(np.sin(0.62 * np.hypot(at.y - 22, at.z + 36) + 0.35 * folds))
    picture.fill(np.maximum(lobes + 8 - 6 * leaves + 1.2 * folds, 0.3 - lobes * -0.02), WHITE, soft=2.5)
    picture.fill(np.maximum.reduce([lobes + 0.5, (leaves - 0.16) * 5, -lobes - 8]), FLUID, soft=2.5)
    half = np.interp(at.z, (-90, -60, -40, -24, 0), (7, 8, 14, 13, 12))
    stem = np.hypot(at.x / 1.15, at.y - 14 - 0.16 * (at.z + 30)) - half
    picture.fill(np.maximum(stem - 4, at.z + 4), FLUID)
    picture.fill(np.maximum(stem, at.z - 2), WHITE, soft=2)
    picture.fill(at.from_ellipsoid((0, 29, -34), (7, 4, 10)), FLUID)


def _fill_face(picture: Picture, at: Points) -> None:
    """Fill in the eyes with their nerves and muscles, and the nose."""
    for side in (-1, 1):
        picture.fill(at.from_ellipsoid((side * 31, -64, -30), (19, 27, 16)), SCALP)
        nerve = np.hypot(at.x - side * (31 + 0.5 * (at.y + 70) * -1), at.z + 30) - 2.2
        picture.fill(np.maximum(nerve, np.abs(at.y + 52) - 14), WHITE)
        for lateral in (-1, 1):
            strap = np.hypot((at.x - side * 31 - lateral * (13 + 0.28 * (-70 - at.y))) * 1.2, (at.z + 30) * 0.4) - 2.6
            picture.fill(np.maximum(strap, np.abs(at.y + 56) - 17), MUSCLE)
        picture.fill(at.from_ellipsoid((side * 31, -78, -30), (12.5, 12.5, 12.5)), VITREOUS)
        picture.fill(at.from_ellipsoid((side * 31, -88, -30), (5, 2.2, 5)), MUSCLE)
    nose = at.from_ellipsoid((0, -66, -46), (15, 24, 20))
    picture.fill(nose, AIR)
    picture.fill(np.maximum(np.minimum(np.abs(at.x) - 1.5, np.abs(np.abs(at.x) - 9) - 2.2), nose), NUCLEI)
