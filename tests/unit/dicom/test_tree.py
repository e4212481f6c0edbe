"""Data sets as trees: values by VR, items, character sets, and what cannot be read."""

import pytest
from pydicom import Dataset, Sequence

from conformance import phantoms
from data_sets import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, data_set, encoded
from held_data_sets import held
from vna.dicom.tree import Leaf, Tree
from vna.dicom.tree_reading import tree_of
from vna.dicom.values import read_values


def tree(ds: Dataset, syntax: str = EXPLICIT_LE) -> Tree:
    return tree_of(read_values(held(encoded(ds, syntax), syntax), resolve_unknown=True), lambda _: b"bulk")


@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE])
def test_numbers_of_every_vr(syntax: str) -> None:
    ds = data_set(
        Rows=512,
        WindowCenter=["1.5", "-2e1"],
        InstanceNumber="7",
        GraphicData=[0.5, 1.0],
        DisplayedAreaTopLeftHandCorner=[-3, 4],
    )

    found = tree(ds, syntax)

    assert found.numbers(0x00280010) == (512,)
    assert found.numbers(0x00281050) == (1.5, -20)
    assert found.whole(0x00200013) == 7
    assert found.numbers(0x00700022) == (0.5, 1)
    assert found.numbers(0x00700052) == (-3, 4)
    assert found.number(0x00280011) is None
    assert found.whole(0x00280011, 9) == 9


def test_what_is_no_number_is_none() -> None:
    found = Tree(
        {1: Leaf("DS", b"wide "), 2: Leaf("LO", b"12"), 3: Leaf("US", b"\1"), 4: Leaf("FD", b"\0" * 6 + b"\xf8\x7f")}
    )

    assert [found.number(tag) for tag in (1, 2, 3)] == [None, None, None]
    assert found.whole(4, 5) == 5


def test_texts_in_the_character_set_that_holds() -> None:
    inner = data_set(SpecificCharacterSet="ISO_IR 192", CodeMeaning="日本")
    ds = data_set(
        SpecificCharacterSet="ISO_IR 100",
        StudyDescription="Müller",
        ConceptNameCodeSequence=Sequence([inner, data_set(CodeMeaning="Größe")]),
    )

    found = tree(ds)

    assert found.text(0x00081030) == "Müller"
    assert [item.text(0x00080104) for item in found.items(0x0040A043)] == ["日本", "Größe"]


def test_several_texts() -> None:
    found = tree(data_set(ShutterShape=["CIRCULAR", "POLYGONAL"], ImageComments="a\\b"))

    assert found.texts(0x00181600) == ["CIRCULAR", "POLYGONAL"]
    assert found.texts(0x00204000) == ["a\\b"]
    assert found.texts(0x00081030) == []


def test_items_that_are_not_there_may_be_asked_on() -> None:
    found = tree(data_set(Rows=1))

    assert found.item(0x00083010).item(0x00083011).text(0x00080104) == ""
    assert found.items(0x00083010) == []
    assert 0x00280010 in found
    assert 0x00083010 not in found


def test_bulk_values_are_asked_for() -> None:
    ds = phantoms.us_multiframe()
    stored = held(phantoms.data_set_bytes(ds), EXPLICIT_LE)

    assert tree_of(read_values(stored), lambda bulk: None).values.get(0x7FE00010) is None
    assert tree_of(read_values(stored), lambda bulk: b"x").raw(0x7FE00010) == b"x"


def test_items_nested_very_deep() -> None:
    opened = bytes.fromhex("4000 30a7") + b"SQ\0\0" + b"\xff" * 4 + bytes.fromhex("feff 00e0 ffffffff")
    closed = bytes.fromhex("feff 0de0 00000000 feff dde0 00000000")
    found, depth = tree_of(read_values(held(opened * 250 + closed * 250, EXPLICIT_LE)), lambda _: None), 0

    while found.items(0x0040A730):
        found, depth = found.item(0x0040A730), depth + 1
    assert depth == 250
