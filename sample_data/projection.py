"""X-rays through a chest from front to back: how much each ray meets, for radiographs and localizers."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from sample_data.shapes import Floats, Plane, Tube, Tubes, floats, paint_tubes
from sample_data.thorax import Thorax

_BONE_HU, _BONE_WEIGHT = 140.0, 1.6


@dataclass(frozen=True, slots=True)
class Projection:
    """Millimetres of water each ray meets, (rows, columns) from the head down, from the patient's right to the left.

    `left` and `top` are the patient coordinates (x and z) of the picture's upper left corner in mm, `step` is the
    distance between rays. `vessels` are those of the lungs laid flat, too thin for these rays.
    """

    depth: Floats
    left: float
    top: float
    step: float
    vessels: Tubes

    def upright(self, spacing: float) -> Floats:
        """Return the picture resampled to this distance between pixels, in mm."""
        rows, columns = (round(n * self.step / spacing) for n in self.depth.shape)
        picture = Image.fromarray(self.depth).resize((columns, rows), Image.Resampling.BICUBIC)
        fine = np.zeros((rows, columns), np.float32)
        x = self.left + (np.arange(columns, dtype=np.float32) + 0.5) * spacing
        y = -self.top + (np.arange(rows, dtype=np.float32) + 0.5) * spacing
        across, down = np.meshgrid(x, y)
        paint_tubes(fine, Plane(floats(across), floats(down), 0.0, spacing), self.vessels)
        return np.asarray(picture, np.float32) + fine


def project(thorax: Thorax, step: float, *, heights: tuple[float, float], half_width: float = 190.0) -> Projection:
    """Return what rays from front to back meet, between two heights, for a ray every `step` mm.

    Bone counts for more than its density: it holds back low energies.
    """
    columns = np.arange(-half_width, half_width, step, dtype=np.float32) + np.float32(step / 2)
    along = np.arange(-126, 126, 2 * step, dtype=np.float32)
    x, y = np.meshgrid(columns, along)
    rows = []
    for z in np.arange(heights[1] - step / 2, heights[0], -step):
        hu = thorax.hounsfield(Plane(x, y, float(z), 1.5 * step), vessels=False)
        meets = np.maximum(hu + 1000, 0) + _BONE_WEIGHT * np.maximum(hu - _BONE_HU, 0)
        rows.append(meets.sum(axis=0) * (2 * step / 1000))
    return Projection(np.array(rows, np.float32), -half_width, heights[1], step, Tubes(map(_flat, thorax.lung_vessels)))


def _flat(tube: Tube) -> Tube:
    """Return the shadow of a vessel: x stays, the height is counted downwards, and its width is what a ray meets."""
    (x0, _, z0), (x1, _, z1) = tube.start, tube.end
    return Tube((x0, -z0, 0.0), (x1, -z1, 0.0), tube.radii, 1.5 * sum(tube.radii))
