"""Tables for people."""

from vna.cli.tables import columns


def test_cells_stand_below_each_other_and_a_column_without_text_is_left_out() -> None:
    rows = [("7", "山田", "", "first"), ("12", "MR", "", "")]

    assert list(columns(rows, right=[0])) == [" 7  山田  first", "12  MR"]
    assert list(columns([])) == []
