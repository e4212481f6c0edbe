"""How much there is in a collection: the same studies, in three sizes."""

from dataclasses import dataclass

from sample_data.slide import Level
from sample_data.thorax import NODULE


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack of slices around the height of the nodule: how many, and how far apart in mm."""

    count: int
    step: float

    @property
    def heights(self) -> tuple[float, ...]:
        """The heights of the slices; one of them is the nodule's."""
        below = min(round(self.count * 0.78), self.count - 1) if self.step > 2 else self.count // 2
        return tuple(NODULE[2] + (n - below) * self.step for n in range(self.count))


@dataclass(frozen=True, slots=True)
class Size:
    """What decides how large a collection is. Sides and rows are in pixels, distances in mm.

    `rays` and `scout_rays` are the distances between the rays of radiographs and localizers.
    """

    ct_side: int
    thick: Stack
    thin: Stack
    prior: Stack
    enhanced: Stack
    vessels: int
    rays: float
    scout_rays: float
    cr_spacing: float
    mr_side: int
    mr_slices: int
    mg_rows: int
    us_frames: int
    us_rows: int
    slide: Level


SIZES = {
    "tiny": Size(
        ct_side=96,
        thick=Stack(4, 40),
        thin=Stack(3, 1),
        prior=Stack(2, 40),
        enhanced=Stack(2, 40),
        vessels=2,
        rays=12.0,
        scout_rays=16.0,
        cr_spacing=2.0,
        mr_side=64,
        mr_slices=2,
        mg_rows=128,
        us_frames=3,
        us_rows=120,
        slide=Level(2, 128),
    ),
    "small": Size(
        ct_side=512,
        thick=Stack(28, 9),
        thin=Stack(10, 1),
        prior=Stack(10, 16),
        enhanced=Stack(6, 30),
        vessels=18,
        rays=2.0,
        scout_rays=4.0,
        cr_spacing=0.35,
        mr_side=256,
        mr_slices=16,
        mg_rows=768,
        us_frames=24,
        us_rows=480,
        slide=Level(6, 256),
    ),
    "normal": Size(
        ct_side=512,
        thick=Stack(100, 2.5),
        thin=Stack(80, 1),
        prior=Stack(50, 5),
        enhanced=Stack(40, 5),
        vessels=20,
        rays=1.0,
        scout_rays=2.0,
        cr_spacing=0.2,
        mr_side=384,
        mr_slices=28,
        mg_rows=2048,
        us_frames=60,
        us_rows=600,
        slide=Level(12, 256),
    ),
}
"""`tiny` is for tests: every kind of object, few pixels; `small` is the usual one; `normal` has longer series."""
