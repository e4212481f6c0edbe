"""A chest in Hounsfield units, described by formulas: any slice of it can be drawn at any resolution.

x runs to the patient's left, y to the back, z to the head, in mm; z = 0 is where the diaphragm's domes lie, 300 the
shoulders. The arms are raised, as for a CT. Organs are also given as shapes, for segmentations and contours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.shapes import Floats, Plane, Point, Tube, Tubes, ellipsoid, floats, paint, paint_tubes

_HEIGHTS = (-120, -60, 0, 60, 120, 200, 250, 270, 285, 300, 312, 322, 332, 345, 360, 400)
_HALF_WIDTHS = (146, 150, 157, 163, 168, 170, 167, 164, 157, 146, 130, 110, 88, 70, 63, 60)
_HALF_DEPTHS = (98, 102, 106, 110, 112, 106, 96, 90, 84, 78, 73, 70, 67, 63, 61, 60)
_RIB_SPACING, _RIB_DROP = 25.0, 78.0
_BLOOD, _FAT, _MUSCLE = 45.0, -98.0, 58.0


@dataclass(frozen=True, slots=True)
class Build:
    """What one person's chest looks like.

    `blood` is what contrast medium adds to blood, in HU; `vessels` how many trees of vessels each lung has.
    """

    width: float = 1.0
    fat_mm: float = 14.0
    blood: float = 130.0
    nodule_mm: float = 0.0
    vessels: int = 18


NODULE: Point = (-78.0, -18.0, 196.0)
"""Where the nodule is: in the right upper lobe."""


@dataclass(frozen=True, slots=True)
class _Canvas:
    """A slice that is being painted: where it lies, how wide edges are in mm, and a slow unevenness of unit size."""

    image: Floats
    place: Plane
    soft: float
    waves: Floats

    def fill(self, distance: NDArray[np.floating], value: Floats | float, *, soft: float = 1.0) -> None:
        """Fill what lies inside; `soft` widens the edge."""
        paint(self.image, distance.astype(np.float32), value, soft=soft * self.soft)


class Thorax:
    """One person's chest. Generators of random numbers that are alike give the same chest."""

    def __init__(self, build: Build, rng: np.random.Generator) -> None:
        self.build = build
        self._great = Tubes(_great_vessels(build.blood))
        self._airways = Tubes(_airways())
        self.lung_vessels = tuple(self._grow_vessels(rng))
        self._lung_vessels = Tubes(self.lung_vessels)
        self._mottle = rng.uniform(0, 2 * np.pi, 7), rng.normal(0, 0.09, (7, 3))

    def hounsfield(self, place: Plane, *, vessels: bool = True) -> Floats:
        """Return the slice at a plane, (rows, columns), without noise; `vessels` are those within the lungs."""
        whole = np.full(place.x.shape, -1000, np.float32)
        rows, columns = self._covered(place)
        image, place = whole[rows, columns], Plane(place.x[rows, columns], place.y[rows, columns], place.z, place.pixel)
        canvas = _Canvas(image, place, 1.2 * place.pixel, self._waves(place))
        self._paint_wall(canvas)
        self._paint_abdomen(canvas)
        self._paint_mediastinum(canvas)
        self._paint_lungs(canvas, self._lung_vessels if vessels else Tubes([]))
        self._paint_bones(canvas)
        return whole

    def lung(self, place: Plane, *, left: bool) -> Floats:
        """Return how far each point lies outside one lung, in mm."""
        distance = np.maximum(self._cavity(place), self._diaphragm(place) - place.z)
        middle = np.abs(place.x - 2) - np.where(place.y > 44, 6, 8 + 22 * np.exp(-((place.y / 34) ** 2)))
        aorta = np.hypot(place.x - 27, place.y - 28) - (15 if place.z < 185 else -99)
        arch = ellipsoid(place, (14, 8, 192), (20, 30, 17))
        solid = np.minimum.reduce([middle, self.heart(place) - 4, _spine(place) - 4, aorta, arch])
        side = -place.x if left else place.x
        return floats(np.maximum.reduce([distance, -solid, side]))

    def heart(self, place: Plane) -> Floats:
        """Return how far each point lies outside the heart, in mm."""
        return np.minimum(
            ellipsoid(place, (24, -22, 72), (54, 44, 50)), ellipsoid(place, (-5, -14, 86), (40, 38, 46))
        ).astype(np.float32)

    def body(self, place: Plane) -> Floats:
        """Return how far each point lies outside the skin, in mm."""
        half_width, half_depth = self._size(place.z)
        y = place.y - self._shift(place.z)
        power = np.where(y > 0, 2.7, 2.2).astype(np.float32)
        depth = np.where(y > 0, 0.94 * half_depth, half_depth).astype(np.float32)
        length = (np.abs(place.x / half_width) ** power + np.abs(y / depth) ** power) ** (1 / power)
        groove = np.where(y > 0, 0.06, 0.025) * np.exp(-((place.x / 20) ** 2))
        return floats((length + groove - 1) * half_depth)

    def spinal_canal(self, place: Plane) -> Floats:
        """Return how far each point lies outside the spinal canal, in mm."""
        return floats(np.hypot(place.x / 1.15, place.y - 70) - 8.5)

    def _covered(self, place: Plane) -> tuple[slice, slice]:
        """Return the rows and columns of an axis-parallel plane that the body may reach."""
        half_width, half_depth = self._size(place.z)
        rows = np.flatnonzero(np.abs(place.y[:, 0] - self._shift(place.z)) < half_depth + 4)
        columns = np.flatnonzero(np.abs(place.x[0]) < half_width + 4)
        if not rows.size or not columns.size:
            return slice(0), slice(0)
        return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    def _size(self, z: float) -> tuple[float, float]:
        width = float(np.interp(z, _HEIGHTS, _HALF_WIDTHS)) * self.build.width
        return width, float(np.interp(z, _HEIGHTS, _HALF_DEPTHS)) * (0.6 + 0.4 * self.build.width)

    def _shift(self, z: float) -> float:
        """Return how far the middle of the body lies back at this height: the neck stands further back."""
        return float(np.interp(z, (240, 345), (6, 26)))

    def _cavity_size(self, z: float) -> tuple[float, float]:
        half_width, half_depth = self._size(min(z, 190))
        roof = float(np.sqrt(max(1e-4, 1 - max(0.0, (z - 150) / 150) ** 2)))
        extra = self.build.fat_mm - 14
        return (half_width - 36 - extra) * roof, (half_depth - 29 - extra * 0.7) * (0.45 + 0.55 * roof)

    def _ring(self, place: Plane, *, grow: float) -> tuple[Floats, Floats]:
        """Return the distance from the ring of the ribs, in mm, and the angle from the spine, in half turns."""
        half_width, half_depth = (size + grow for size in self._cavity_size(place.z))
        y = place.y - 8
        length = np.sqrt((place.x / half_width) ** 2 + (y / half_depth) ** 2) + np.float32(1e-6)
        angle = np.arctan2(np.abs(place.x) / half_width, y / half_depth) / np.pi
        return (np.hypot(place.x, y) * (1 - 1 / length)).astype(np.float32), angle.astype(np.float32)

    def _cavity(self, place: Plane) -> Floats:
        return self._ring(place, grow=0)[0]

    def _diaphragm(self, place: Plane) -> Floats:
        """Return the height of the diaphragm over each point, in mm."""
        y = (place.y + 4) / 78
        right = 68 * np.exp(-((((place.x + 66) / 76) ** 2 + y * y) ** 1.5))
        left = 54 * np.exp(-((((place.x - 74) / 70) ** 2 + y * y) ** 1.5))
        return floats(-34 - 0.25 * place.y + right + left)

    def _paint_wall(self, canvas: _Canvas) -> None:
        place, waves = canvas.place, canvas.waves
        skin = self.body(place)
        canvas.fill(skin, 10)
        canvas.fill(skin + 1.8, _FAT + 6 * waves)
        side = np.abs(place.x) / (self._size(place.z)[0])
        thickness = self.build.fat_mm * (0.45 + 0.75 * side**2) + 4 * np.clip((place.y - 45) / 25, 0, 1)
        canvas.fill(skin + thickness, _MUSCLE + 7 * waves, soft=2)
        ring, _ = self._ring(place, grow=6)
        seam = np.abs(skin + thickness + 7 + 3 * waves) - 1.1
        canvas.fill(np.maximum(seam, 4 - ring), -70, soft=2)
        canvas.fill(ring + 8, _FAT + 40, soft=2)

    def _paint_abdomen(self, canvas: _Canvas) -> None:
        place, blood = canvas.place, self.build.blood
        if place.z > 80:
            return
        below = np.maximum(self._cavity(place) + 1, place.z - self._diaphragm(place) + 1)
        canvas.fill(below, _FAT)
        liver = np.maximum(below + 3, place.x - (34 - 0.35 * place.y - 0.2 * (60 - place.z)))
        canvas.fill(np.maximum(liver, 14 - _spine(place)), 58 + 0.35 * blood + 3 * canvas.waves)
        stomach = ellipsoid(place, (52, -22, -8), (46, 42, 44))
        canvas.fill(np.maximum(stomach, below + 3), 75)
        canvas.fill(np.maximum(stomach + 4, below + 3), np.where(place.y < -34, -990, 22).astype(np.float32))
        canvas.fill(np.maximum(ellipsoid(place, (96, 34, 0), (30, 38, 52)), below + 2), 50 + 0.55 * blood)
        for side in (-58, 60):
            canvas.fill(ellipsoid(place, (side, 46, -70), (27, 25, 52)), 35 + 1.1 * blood)
        ends: list[Point] = [(-105, -20, 45), (-90, 40, 38), (-50, -60, 40), (-80, 0, 10), (-60, 30, 0)]
        veins = Tubes(Tube((-38, 0, 18), end, (6, 1.5), 70 + 0.7 * blood) for end in ends)
        paint_tubes(canvas.image, place, veins)

    def _paint_mediastinum(self, canvas: _Canvas) -> None:
        place, blood = canvas.place, self.build.blood
        canvas.fill(np.maximum(self._cavity(place) + 1, self._diaphragm(place) - place.z), _FAT + 8 * canvas.waves)
        canvas.fill(self.heart(place), 60 + 0.5 * blood)
        chambers: list[tuple[Point, Point, float]] = [
            ((46, -26, 66), (26, 20, 30), 1.0),
            ((6, -42, 70), (34, 18, 34), 0.9),
            ((14, 8, 100), (26, 18, 22), 1.05),
            ((-28, -16, 88), (20, 22, 28), 0.9),
        ]
        for centre, radii, share in chambers:
            canvas.fill(ellipsoid(place, centre, radii), _BLOOD + share * blood, soft=5)
        paint_tubes(canvas.image, place, self._great)
        for radius, value in ((7.5, 42), (1.8, -500)):
            paint_tubes(canvas.image, place, Tubes([Tube((7, 28, 330), (5, 24, 40), (radius, radius), value)]))
        nodes: list[Point] = [(-14, 0, 168), (12, -8, 178), (4, 22, 150), (-22, 2, 186)]
        for centre in nodes:
            canvas.fill(ellipsoid(place, centre, (5, 3.5, 6)), 70)

    def _paint_lungs(self, canvas: _Canvas, vessels: Tubes) -> None:
        place = canvas.place
        for left in (False, True):
            distance = self.lung(place, left=left)
            canvas.fill(distance, floats(-862 + 45 * np.clip(place.y / 80, -1, 1) + 8 * canvas.waves))
            inside = np.clip(0.5 - (distance + 1) / canvas.soft, 0, 1).astype(np.float32)
            paint_tubes(canvas.image, place, vessels, within=inside)
            self._paint_nodule(canvas, inside)
        paint_tubes(canvas.image, place, self._airways)

    def _paint_nodule(self, canvas: _Canvas, inside: Floats) -> None:
        place, r = canvas.place, self.build.nodule_mm / 2
        if not abs(place.z - NODULE[2]) < r:
            return
        around = np.arctan2(place.y - NODULE[1], place.x - NODULE[0])
        ragged = r * (1 + 0.1 * np.sin(5 * around + place.z) + 0.07 * np.sin(9 * around))
        off = np.sqrt((place.x - NODULE[0]) ** 2 + (place.y - NODULE[1]) ** 2 + (place.z - NODULE[2]) ** 2)
        canvas.fill(np.where(inside > 0, off - ragged, 1e3), 35, soft=1.3)

    def _paint_bones(self, canvas: _Canvas) -> None:
        place = canvas.place
        ring, angle = self._ring(place, grow=6)
        along = (place.z + _RIB_DROP * angle) / _RIB_SPACING
        off = (along - np.round(along)) * _RIB_SPACING * 0.93
        bone = np.maximum.reduce([(angle - 0.80) * 200, along * _RIB_SPACING - 306, 24 - np.abs(place.x)])
        rib = np.maximum(np.sqrt((ring / 4.4) ** 2 + (off / 6.6) ** 2) * 4.4 - 4.4, bone)
        canvas.fill(rib, 620)
        canvas.fill(rib + 1.6, 190)
        if 90 < place.z < 260:
            cartilage = np.sqrt((ring / 5) ** 2 + (off / 7) ** 2) * 5 - 5
            canvas.fill(np.maximum(cartilage, (0.79 - angle) * 250), 115)
            front = 8 - self._cavity_size(place.z)[1] - 5
            sternum = np.sqrt((place.x / 19) ** 2 + ((place.y - front) / 6.5) ** 2) * 6.5 - 6.5
            canvas.fill(sternum, 420)
            canvas.fill(sternum + 1.5, 130)
        self._paint_shoulders(canvas)
        _paint_vertebra(canvas)

    def _paint_shoulders(self, canvas: _Canvas) -> None:
        place = canvas.place
        for side in (-1, 1):
            for radius, value in ((6, 560), (3.5, 200)):
                ends: tuple[Point, Point] = (side * 18, -52, 282), (side * 120, -8, 312)
                paint_tubes(canvas.image, place, Tubes([Tube(*ends, (radius, radius), value)]))
            if 170 < place.z < 305:
                x, y = side * place.x - 104, place.y - 62
                u, v = 0.86 * x - 0.5 * y, 0.5 * x + 0.86 * y
                size = float(np.interp(place.z, (170, 215, 305), (4, 36, 30)))
                canvas.fill(np.sqrt((u / size) ** 2 + ((v + (u / 30) ** 2 * 3) / 3.2) ** 2) * 3.2 - 3.2, 480)

    def _waves(self, place: Plane) -> Floats:
        """Return a slow unevenness of about unit size, the same at the same place."""
        phases, directions = self._mottle
        total = np.zeros(place.x.shape, np.float32)
        for phase, (kx, ky, kz) in zip(phases, directions, strict=True):
            total += np.sin(np.float32(kx) * place.x + np.float32(ky) * place.y + np.float32(kz * place.z + phase))
        return total * np.float32(0.55)

    def _grow_vessels(self, rng: np.random.Generator) -> list[Tube]:
        """Return the branching vessels of both lungs; a branch that leaves its lung ends there."""
        grown: list[Tube] = []
        for side in (-1, 1):
            for _ in range(self.build.vessels):
                heading = rng.normal(0, 1, 3) * (0.5, 0.8, 1.4) + (side * 0.9, 0.1, -0.3)
                start = (side * 34.0, float(rng.normal(10, 6)), float(rng.normal(142, 14)))
                self._branch(grown, (start, heading / np.linalg.norm(heading)), float(rng.uniform(2.6, 4.3)), rng)
        return grown

    def _branch(self, grown: list[Tube], at: tuple[Point, Floats], radius: float, rng: np.random.Generator) -> None:
        (x, y, z), heading = at
        length = float(rng.uniform(3.5, 6.5)) * (1.6 + radius)
        ex, ey, ez = (float(p + length * h) for p, h in zip((x, y, z), heading, strict=True))
        spot = Plane(np.full((1, 1), ex, np.float32), np.full((1, 1), ey, np.float32), ez, 1.0)
        if radius < 0.42 or (abs(ex) > 45 and float(self.lung(spot, left=ex > 0)[0, 0]) > -2):
            return
        value = min(20.0, -500 + 420 * radius) + 0.5 * self.build.blood
        grown.append(Tube((x, y, z), (ex, ey, ez), (radius, radius * 0.86), value))
        for share in (0.84, float(rng.uniform(0.55, 0.78))):
            turned = heading + rng.normal(0, 0.42, 3)
            self._branch(grown, ((ex, ey, ez), turned / np.linalg.norm(turned)), radius * share, rng)


def _spine(place: Plane) -> Floats:
    """Return the distance from the vertebral bodies."""
    return floats(np.hypot(place.x / 1.18, place.y - 48) - 15.5)


def _paint_vertebra(canvas: _Canvas) -> None:
    """Paint the vertebra at this height: its body, or the disc above it, and its arch around the canal."""
    place, within = canvas.place, canvas.place.z % 27
    body = _spine(place) + (1.8 * max(0.0, 1 - ((within - 15.5) / 11) ** 2))
    canal = np.hypot(place.x / 1.15, place.y - 70) - 8.5
    if within < 4:
        canvas.fill(body, 85)
    else:
        end_plate = within < 6 or within > 25
        canvas.fill(body, 430)
        canvas.fill(body + 1.8, 400 if end_plate else 175, soft=2)
    if 8 < within < 24:
        wing = np.abs(place.x)
        off = np.hypot(np.maximum(np.abs(wing - 20) - 9, 0), (place.y - 70 - 0.22 * wing) * 1.1)
        canvas.fill(np.hypot(off, (within - 16) / 1.7) - 4.8, 400)
    if within > 5:
        canvas.fill(np.maximum(np.hypot(place.x / 1.2, place.y - 70) - 12.5, 62 - place.y), 450)
        spinous = np.hypot(place.x / 0.4, np.maximum(np.abs(place.y - 86) - 8, 0)) - 8
        canvas.fill(spinous, 400)
        canvas.fill(spinous + 3.5, 200)
    canvas.fill(canal, 12)
    canvas.fill(canal + 3.5, 42)


def _path(points: list[Point], radii: list[float], value: float) -> list[Tube]:
    pairs = zip(points, points[1:], radii, radii[1:], strict=False)
    return [Tube(a, b, (ra, rb), value) for a, b, ra, rb in pairs]


def _great_vessels(contrast: float) -> list[Tube]:
    """Return aorta with its branches, pulmonary trunk, both arteries, caval veins and hilar vessels."""
    arterial, venous = _BLOOD + contrast, _BLOOD + 0.75 * contrast
    arch: list[Point] = [(2, -14, 112), (-12, -24, 150), (-12, -22, 180), (-2, -8, 199), (14, 14, 202), (28, 26, 186)]
    vessels = _path(
        [*arch, (29, 30, 150), (22, 27, 60), (12, 22, -130)], [15, 16, 15, 14, 13, 13, 12, 12, 11], arterial
    )
    vessels += _path([(8, -36, 112), (18, -26, 146), (22, -6, 160), (50, 14, 158)], [13, 14, 11, 8], 1.05 * arterial)
    vessels += _path([(20, -12, 156), (-8, -2, 152), (-46, 8, 146)], [11, 10, 8], 1.05 * arterial)
    vessels += _path([(-30, -14, 104), (-30, -16, 190), (-26, -22, 232), (-44, -18, 290)], [10, 9, 8, 7], venous)
    vessels += _path([(-26, -22, 232), (18, -34, 250), (46, -20, 292)], [6, 6, 6], venous)
    vessels += _path([(-26, 8, 78), (-24, 18, 40), (-24, 22, -130)], [11, 11, 11], _BLOOD + 0.4 * contrast)
    vessels += _path([(-6, -10, 200), (-18, -12, 240), (-30, -8, 320)], [6, 5.5, 4], arterial)
    vessels += _path([(6, 0, 203), (14, -2, 250), (22, 2, 330)], [4.5, 4, 3.5], arterial)
    vessels += _path([(16, 14, 203), (26, 16, 250), (60, 0, 296)], [5, 5, 4.5], arterial)
    for side in (-1, 1):
        vessels += _path([(side * 44, 6, 142), (side * 34, 12, 118), (side * 14, 10, 100)], [6, 7, 7], arterial)
    return vessels


def _airways() -> list[Tube]:
    """Return walls and lumen of trachea, main and lobar bronchi."""
    trunk: list[tuple[list[Point], list[float]]] = [
        ([(0, 10, 380), (0, 12, 240), (1, 16, 168)], [9, 9, 9]),
        ([(0, 16, 168), (-22, 20, 148), (-44, 22, 128), (-56, 26, 100)], [7.5, 7, 5.5, 3.5]),
        ([(1, 16, 168), (26, 12, 146), (47, 8, 126), (60, 24, 98)], [7.2, 6.5, 5, 3.2]),
        ([(-24, 20, 150), (-48, 12, 162), (-62, 6, 182)], [5, 4, 2.5]),
        ([(40, 9, 132), (56, 2, 150), (64, -4, 172)], [4.5, 3.6, 2.4]),
    ]
    walls = [tube for points, radii in trunk for tube in _path(points, [r + 1.6 for r in radii], 40)]
    return walls + [tube for points, radii in trunk for tube in _path(points, radii, -990)]
