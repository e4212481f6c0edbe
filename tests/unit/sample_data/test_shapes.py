"""What phantoms are painted with."""

import numpy as np
import pytest

from sample_data.shapes import Plane, Tube, Tubes, clouds, grain, paint_tubes


def test_a_tube_lies_where_it_is_on_a_plane_with_oblong_points() -> None:
    x, y = np.meshgrid(np.arange(-60, 60, 1, np.float32), np.arange(-60, 60, 2, np.float32))
    image = np.zeros(x.shape, np.float32)

    paint_tubes(image, Plane(x, y, 5.0, 1.0), Tubes([Tube((40, 44, 0), (40, 44, 10), (4, 4), 100)]))

    weight = image.sum()
    assert ((image * x).sum() / weight, (image * y).sum() / weight) == pytest.approx((40, 44), abs=0.2)
    assert weight / 100 * 2 == pytest.approx(np.pi * 4**2, rel=0.1)


def test_tubes_that_do_not_reach_the_plane_are_left_out() -> None:
    tubes = Tubes([Tube((0, 0, 0), (0, 0, 10), (1, 1), 1), Tube((0, 0, 40), (0, 0, 50), (1, 1), 2)])

    assert [tube.value for tube in tubes.crossing(45, pixel=1)] == [2]
    assert tubes.crossing(25, pixel=1) == []
    assert tubes.crossing(45, pixel=10) == []


def test_textures_have_unit_deviation() -> None:
    rng = np.random.default_rng(1)

    for texture in (grain(rng, (64, 48), peak=0.2), clouds(rng, (64, 48), power=1.5)):
        assert texture.shape == (64, 48)
        assert (texture.mean(), texture.std()) == pytest.approx((0, 1), abs=1e-3)
