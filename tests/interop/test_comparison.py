"""The comparison and the table must be able to say no: what the tests with other stacks rest on."""

from dataclasses import replace

import pytest

from conformance import oddities, phantoms
from conformance.corpus import Instance
from interop.comparison import Likeness, compare, likeness
from interop.stacks import STACKS
from interop.table import Case, written

SENT = oddities.encoded(phantoms.ct_slice(size=64))


def test_the_same_bytes_are_identical() -> None:
    assert compare([SENT], {SENT.sop_instance_uid: SENT}) == "1 byte for byte"


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"])
def test_another_uncompressed_syntax_is_the_same_content(syntax: str) -> None:
    assert likeness(SENT, oddities.encoded(phantoms.in_syntax(phantoms.ct_slice(size=64), syntax))) is Likeness.SAME


def test_decoded_pixels_are_the_same_content() -> None:
    native, compressed = phantoms.us_multiframe(study=5, frames=3), phantoms.rle_multiframe(frames=3)

    assert likeness(oddities.encoded(compressed), oddities.encoded(native)) is Likeness.SAME


def test_one_other_pixel_is_a_difference() -> None:
    with pytest.raises(AssertionError, match="7FE0,0010"):
        likeness(SENT, _with_data(SENT.data[:-1] + b"\x55"))


def test_one_other_value_is_a_difference() -> None:
    with pytest.raises(AssertionError, match="0010,0010"):
        likeness(SENT, _with_data(SENT.data.replace(b"PHANTOM^", b"PHANTON^")))


def test_an_instance_that_did_not_arrive_is_missed() -> None:
    with pytest.raises(KeyError):
        compare([SENT], {})


def test_file_meta_information_in_a_data_set_is_a_difference() -> None:
    group_length = b"\2\0\0\0UL\4\0\0\0\0\0"

    with pytest.raises(AssertionError, match="File Meta"):
        likeness(SENT, _with_data(group_length + SENT.data))


def test_the_table_shows_a_failure() -> None:
    cases = [Case("DCMTK", "sender", "rle", "failed", ""), Case("DCMTK", "sender", "jpeg", "passed", "1 byte for byte")]

    table = written(cases, STACKS[:1])

    assert "| sender | FAIL, 1 of 2 |" in table
    assert "rle: fails" in table


def _with_data(data: bytes) -> Instance:
    return replace(SENT, data=data)
