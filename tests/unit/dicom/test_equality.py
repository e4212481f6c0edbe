import dataclasses
import struct
from collections.abc import Iterator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from conformance import phantoms
from held_data_sets import DataSet, held, in_code, in_files, packaged_files
from pydicom_reading import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, data_sets, encode
from vna.dicom.encoding import DEFLATED_UID, ENCAPSULATED_UNCOMPRESSED_UID, PIXEL_DATA
from vna.dicom.equality import same_content
from vna.dicom.recode import SOURCES, recode
from vna.dicom.scan import scan
from vna.dicom.values import StoredDataSet

NAME = b"\x10\x00\x10\x00PN\x04\x00A^B "
SYNTAXES = [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED_UID]


def explicit(data: bytes) -> StoredDataSet:
    return held(data, EXPLICIT_LE)


def rendition(stored: StoredDataSet, syntax: str) -> StoredDataSet:
    return held(b"".join(recode(stored, syntax).chunks()), syntax)


def no_blobs(digest: str) -> Iterator[bytes]:
    raise AssertionError(f"blob {digest} was read")


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("data_set", in_code(), ids=lambda data_set: data_set.name)
def test_a_data_set_says_the_same_in_every_syntax(data_set: DataSet, syntax: str) -> None:
    stored = held(data_set.data, data_set.transfer_syntax)
    if data_set.transfer_syntax not in SOURCES:
        syntax = data_set.transfer_syntax

    other = rendition(stored, syntax) if data_set.transfer_syntax in SOURCES else stored

    assert same_content(stored, other)
    assert same_content(other, stored)


def test_files_that_come_with_pydicom_say_the_same_in_another_syntax() -> None:
    for data_set in in_files(packaged_files()):
        if data_set.transfer_syntax in SOURCES and data_set.name != "DICOMDIR-nooffset":
            stored = held(data_set.data, data_set.transfer_syntax)
            assert same_content(stored, rendition(stored, EXPLICIT_BE)), data_set.name


@settings(max_examples=25, deadline=None)
@given(data_sets(), st.sampled_from(SYNTAXES[:3]), st.sampled_from(SYNTAXES))
def test_any_data_set_says_the_same_in_every_syntax(dataset: Dataset, source: str, target: str) -> None:
    stored = held(encode(dataset, source), source)

    assert same_content(stored, rendition(stored, target))


@settings(max_examples=25, deadline=None)
@given(data_sets(levels=1), st.data())
def test_a_changed_value_is_never_the_same(dataset: Dataset, choose: st.DataObject) -> None:
    before = encode(dataset, EXPLICIT_LE)
    elements = [
        element for element in scan(before, EXPLICIT_LE).elements.values() if element.length and element.vr != "SQ"
    ]
    assume(elements)
    element = choose.draw(st.sampled_from(elements))
    after = bytearray(before)
    after[element.offset] ^= 2

    assert not same_content(explicit(before), explicit(bytes(after)))


@pytest.mark.parametrize(
    "other",
    [
        b"\x10\x00\x10\x00PN\x06\x00A^B   ",
        b"\x10\x00\x10\x00PN\x03\x00A^B",
        b"\x10\x00\x10\x00PN\x04\x00A^B\0",
        b"\x10\x00\x10\x00UN\x00\x00\x04\x00\x00\x00A^B ",
        b"\x10\x00\x10\x00LO\x04\x00A^B ",
        b"\x10\x00\x00\x00UL\x04\x00\x0c\x00\x00\x00" + NAME,
        NAME + b"\xfc\xff\xfc\xffOB\x00\x00\x02\x00\x00\x00\x00\x00",
        NAME + bytes(100),
    ],
    ids=["longer-pad", "no-pad", "nul-pad", "un", "other-vr", "group-length", "trailing-padding", "zeros"],
)
def test_what_is_encoding_only_makes_no_difference(other: bytes) -> None:
    assert same_content(explicit(NAME), explicit(other))


@pytest.mark.parametrize(
    "other",
    [
        b"\x10\x00\x10\x00PN\x04\x00A^C ",
        b"\x10\x00\x10\x00PN\x04\x00 A^B",
        b"\x10\x00\x20\x00PN\x04\x00A^B ",
        b"\x10\x00\x10\x00PN\x00\x00",
        NAME + b"\x10\x00\x20\x00LO\x00\x00",
        b"",
    ],
    ids=["other-value", "leading-space", "other-tag", "empty", "one-more", "nothing"],
)
def test_content_makes_a_difference(other: bytes) -> None:
    assert not same_content(explicit(NAME), explicit(other))


def test_the_form_of_sequences_makes_no_difference() -> None:
    item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(NAME)) + NAME
    defined = b"\x40\x00\x75\x02SQ\x00\x00" + struct.pack("<I", len(item)) + item
    open_item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + NAME + b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"
    undefined = b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff" + open_item + b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"

    assert same_content(explicit(defined), explicit(undefined))
    assert not same_content(explicit(defined), explicit(undefined.replace(b"A^B", b"A^C")))


def test_an_unknown_private_sequence_is_the_same_whether_its_vr_is_said_or_not() -> None:
    for items in ([], [Dataset()], [Dataset(), Dataset()]):
        dataset = Dataset()
        dataset.add_new(0x00110010, "LO", "SOMEBODY")
        dataset.add_new(0x00111010, "SQ", items)
        one, other = encode(dataset, EXPLICIT_LE), encode(dataset, IMPLICIT_LE)

        assert same_content(explicit(one), held(other, IMPLICIT_LE))


def test_other_pixels_are_other_content() -> None:
    dataset = phantoms.ct_slice(size=64)
    before = phantoms.data_set_bytes(dataset)
    after = before[:-1] + bytes([before[-1] ^ 1])

    assert not same_content(explicit(before), explicit(after))
    assert not same_content(explicit(before), rendition(explicit(after), EXPLICIT_BE))


def test_the_padding_of_pixels_makes_no_difference() -> None:
    odd = b"\xe0\x7f\x10\x00OB\x00\x00\x03\x00\x00\x00abc"
    even = b"\xe0\x7f\x10\x00OB\x00\x00\x04\x00\x00\x00abc"

    assert same_content(explicit(odd), explicit(even + b"\0"))
    assert not same_content(explicit(odd), explicit(even + b"x"))
    assert not same_content(explicit(even + b"\0"), explicit(b"\xe0\x7f\x10\x00OB\x00\x00\x05\x00\x00\x00abc\0\0"))


def test_equal_digests_are_enough() -> None:
    stored = explicit(phantoms.data_set_bytes(phantoms.ct_slice(size=64)))
    unread = dataclasses.replace(stored, open_blob=no_blobs)

    assert same_content(unread, unread)


def test_compressed_and_native_pixels_are_other_content() -> None:
    native = NAME + b"\xe0\x7f\x10\x00OB\x00\x00\x02\x00\x00\x00ab"
    item = b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\x00\xe0\x02\x00\x00\x00ab"
    compressed = NAME + b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"

    assert not same_content(explicit(native), held(compressed, "1.2.840.10008.1.2.4.50"))


def test_encapsulated_uncompressed_pixels_are_those_they_hold() -> None:
    dataset = Dataset()
    dataset.Rows, dataset.Columns, dataset.BitsAllocated, dataset.SamplesPerPixel = 1, 2, 8, 1
    start = encode(dataset, EXPLICIT_LE)
    dataset.add_new(PIXEL_DATA, "OB", b"ab")
    item = b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\x00\xe0\x02\x00\x00\x00ab"
    wrapped = start + b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"

    assert same_content(explicit(encode(dataset, EXPLICIT_LE)), held(wrapped, ENCAPSULATED_UNCOMPRESSED_UID))


def test_what_cannot_be_read_to_its_depth_counts_as_different() -> None:
    broken = b"\x40\x00\x75\x02SQ\x00\x00\x08\x00\x00\x00\xfe\xff\x00\xe0\x08\x00\x00\x00"

    assert not same_content(explicit(broken), explicit(broken))


def test_deflated_data_sets_of_other_pixels_are_other_content() -> None:
    pixels = [phantoms.ct_slice(size=64), phantoms.ct_slice(size=64)]
    pixels[1].PixelData = bytes(len(pixels[1].PixelData))

    one, other = (held(phantoms.data_set_bytes(ds, DEFLATED_UID), DEFLATED_UID) for ds in pixels)

    assert not same_content(one, other)
