import pytest

from vna.archive import InFlight
from vna.errors import OutOfResources


def test_a_source_is_bounded_and_so_are_all_together() -> None:
    counted = InFlight(100, most_of_source=60)
    counted.take("A", 60)

    with pytest.raises(OutOfResources, match="of this peer"):
        counted.take("A", 1)
    counted.take("B", 40)
    with pytest.raises(OutOfResources, match="too many bytes are"):
        counted.take("C", 1)


def test_what_is_given_back_can_be_taken_again() -> None:
    counted = InFlight(100, most_of_source=100)
    for _ in range(3):
        counted.take("A", 100)
        counted.give_back("A", 100)
