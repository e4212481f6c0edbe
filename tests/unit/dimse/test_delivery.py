"""How many associations a C-MOVE is worth, and how its instances are divided among them."""

from dataclasses import replace

import pytest

from fake_door import held_instance
from vna.dimse.delivery import associations_for
from vna.dimse.move import association_groups, proposals


@pytest.mark.parametrize(
    ("count", "size", "associations"),
    [
        (1, 1000, 1),
        (1, 2**30, 4),
        (63, 1000, 1),
        (64, 1000, 2),
        (1000, 1000, 4),
        (60, 2**19, 1),
        (64, 2**19, 2),
        (100, 2**19, 3),
        (300, 2**19, 4),
    ],
)
def test_more_associations_only_for_much_to_send(count: int, size: int, associations: int) -> None:
    instances = [replace(held_instance(n), size=size) for n in range(count)]

    assert associations_for(instances, at_most=4) == associations
    assert associations_for(instances, at_most=1) == 1


def test_what_fits_one_association_is_one_group_in_order() -> None:
    instances = [held_instance(n, sop_class_uid=f"1.2.{n % 60}") for n in range(200)]

    assert association_groups(instances) == [instances]


def test_more_classes_than_fit_are_divided_and_none_is_split() -> None:
    """PS3.8 9.3.2.2: an association has 128 presentation contexts."""
    instances = [held_instance(n, sop_class_uid=f"1.2.{n % 150}") for n in range(450)]

    groups = association_groups(instances)

    assert len(groups) > 1
    assert sorted(held.version_id for group in groups for held in group) == list(range(450))
    classes = [{held.sop_class_uid for held in group} for group in groups]
    assert sum(map(len, classes)) == len(set.union(*classes)) == 150
    for group in groups:
        assert [held.version_id for held in group] == sorted(held.version_id for held in group)
        assert {uid for uid, _syntaxes in proposals(group)} == {held.sop_class_uid for held in group}
