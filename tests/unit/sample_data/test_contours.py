"""Lines around shapes."""

import numpy as np
import pytest

from sample_data.contours import outlines


def test_a_circle_has_one_outline_at_its_radius() -> None:
    y, x = np.mgrid[0:40, 0:40].astype(np.float32)

    (line,) = outlines(np.hypot(x - 20, y - 18) - 9)

    assert np.hypot(line[:, 1] - 20, line[:, 0] - 18) == pytest.approx(9, abs=0.05)
    assert np.hypot(*(line - np.roll(line, 1, axis=0)).T).max() < 1.5


def test_two_shapes_have_two_outlines() -> None:
    y, x = np.mgrid[0:40, 0:60].astype(np.float32)
    apart = np.minimum(np.hypot(x - 15, y - 20) - 6, np.hypot(x - 42, y - 20) - 9)

    lines = sorted(outlines(apart), key=len)

    assert [round(float(line[:, 1].mean())) for line in lines] == [15, 42]


def test_where_nothing_is_inside_there_is_no_line() -> None:
    assert list(outlines(np.ones((5, 5), np.float32))) == []
