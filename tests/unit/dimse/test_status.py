"""Statuses of C-STORE as the standard sorts them."""

import pytest

from vna.dimse.status import is_out_of_resources, is_warning


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007, 0x0107])
def test_a_warning_means_stored(status: int) -> None:
    assert is_warning(status)


@pytest.mark.parametrize("status", [0x0000, 0x0110, 0xA700, 0xA900, 0xC000, 0xFE00])
def test_the_others_are_none(status: int) -> None:
    assert not is_warning(status)


@pytest.mark.parametrize(
    ("status", "out"), [(0xA700, True), (0xA7FF, True), (0x0213, True), (0xA800, False), (0xA900, False), (0, False)]
)
def test_a_peer_may_have_no_room_for_now(status: int, out: bool) -> None:
    assert is_out_of_resources(status) is out
