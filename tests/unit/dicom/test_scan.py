import contextlib
import mmap
import random
import struct
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from conformance import oddities, phantoms
from held_data_sets import DataSet, in_code, in_file, packaged_files, sample_files
from pydicom_reading import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, data_sets, decode, encode, raw_elements
from shared_samples import SAMPLES, needs_samples
from vna.dicom.elements import MAX_LEVELS, Element
from vna.dicom.encoding import DEFLATED_UID, PIXEL_DATA
from vna.dicom.part10 import find_data_set
from vna.dicom.scan import BULK_SIZE, MAX_ELEMENTS, MAX_INFLATED, Scan, scan
from vna.errors import CannotUnderstand

SYNTAXES = st.sampled_from([IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE])
JPEG = "1.2.840.10008.1.2.4.50"

NAME = b"\x10\x00\x10\x00PN\x04\x00A^B "
ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
ITEM_END = b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
SEQUENCE = b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff"


def fragment(data: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(data)) + data


def pixels(data: bytes) -> bytes:
    return b"\xe0\x7f\x10\x00OW\x00\x00" + struct.pack("<I", len(data)) + data


def encapsulated(*fragments: bytes) -> bytes:
    return b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff" + b"".join(map(fragment, fragments))


def private(data: bytes) -> bytes:
    return b"\x11\x00\x01\x10OB\x00\x00" + struct.pack("<I", len(data)) + data


def nested(levels: int) -> bytes:
    return (SEQUENCE + ITEM) * levels + NAME + (ITEM_END + SEQUENCE_END) * levels


def deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def assert_reads_like_pydicom(found: Scan, reference: Dataset) -> None:
    expected = raw_elements(reference)
    assert set(found.elements) == set(expected)
    for tag, element in found.elements.items():
        assert_same_element(found, element, expected[tag])


def assert_same_element(found: Scan, element: Element, expected: object) -> None:
    if isinstance(expected, RawDataElement):
        is_empty_sequence = element.undefined and not expected.value  # pydicom knows it by its first item only
        assert element.vr == ("SQ" if is_empty_sequence else expected.VR or "")
        assert found.raw(element) == (expected.value or b"")
        assert element.offset == expected.value_tell
    elif element.undefined:
        items = found.items(element)
        assert element.vr == "SQ"
        assert len(items) == len(expected.value)
        for item, expected_item in zip(items, expected.value, strict=True):
            assert set(item) == set(raw_elements(expected_item))
            for tag, inner in item.items():
                assert_same_element(found, inner, raw_elements(expected_item)[tag])


@settings(max_examples=50, deadline=None)
@given(data_sets(), SYNTAXES)
def test_elements_are_where_pydicom_finds_them(dataset: Dataset, syntax: str) -> None:
    data = encode(dataset, syntax)

    found = scan(data, syntax)

    assert_reads_like_pydicom(found, decode(data, syntax))


@settings(max_examples=60, deadline=None)
@given(data_sets(levels=1), SYNTAXES, st.data())
def test_whatever_is_cut_off_or_changed_only_cannot_understand_is_raised(
    dataset: Dataset, syntax: str, choose: st.DataObject
) -> None:
    data = bytearray(encode(dataset, syntax))
    for _ in range(choose.draw(st.integers(0, 3)) if data else 0):
        data[choose.draw(st.integers(0, len(data) - 1))] = choose.draw(st.integers(0, 255))
    data = data[: choose.draw(st.integers(0, len(data)))]

    with contextlib.suppress(CannotUnderstand):
        found = scan(bytes(data), syntax)
        for tag in found.elements:
            found.items(tag)


KNOWN_REFUSALS = {"MR_truncated.dcm", "rtplan_truncated.dcm", "no_meta.dcm"}


@pytest.mark.parametrize("path", [path for path in packaged_files() if path.suffix == ".dcm"], ids=lambda p: p.name)
def test_a_file_that_comes_with_pydicom_is_read_like_pydicom_does(path: Path) -> None:
    found = in_file(path)

    assert (found is None) == (path.name in KNOWN_REFUSALS)
    if found is not None and found.transfer_syntax != DEFLATED_UID:
        assert_tags_and_values_match(found)


@needs_samples
def test_every_sample_is_read_like_pydicom_does_or_refused() -> None:
    read = [found for found in map(in_file, sample_files()) if found is not None]
    only_we_read = {"GH1339.dcm", "GH177_D_CLUNIE_CT1_IVRLE_BigEndian_undefined_length.dcm", "GH179A.dcm"}
    only_we_read |= {"emri_small_jpeg_2k_lossless_too_short.dcm", "jpeg-no-sequence-delimiter.dcm"}

    for found in read:
        if found.transfer_syntax != DEFLATED_UID and found.name not in only_we_read:
            assert_tags_and_values_match(found)
    assert only_we_read <= {found.name for found in read}


def assert_tags_and_values_match(data_set: DataSet) -> None:
    found = scan(data_set.data, data_set.transfer_syntax)
    is_implicit = not found.explicit
    syntax = IMPLICIT_LE if is_implicit else EXPLICIT_LE if found.little_endian else EXPLICIT_BE
    expected = raw_elements(decode(data_set.data, syntax))

    assert set(found.elements) == set(expected), data_set.name
    for tag, element in expected.items():
        if isinstance(element, RawDataElement):
            assert found.raw(tag) == (element.value or b""), data_set.name
            assert found.elements[tag].vr == ((found.explicit and element.VR) or ""), data_set.name


def test_truncation_anywhere_in_an_image_is_refused_or_ends_between_elements() -> None:
    data = phantoms.data_set_bytes(phantoms.ct_slice(size=16))
    ends = {element.end for element in scan(data, EXPLICIT_LE).elements.values()}
    accepted = set()

    for size in range(1, len(data)):
        try:
            scan(data[:size], EXPLICIT_LE)
            accepted.add(size)
        except CannotUnderstand:
            pass

    assert accepted == ends - {len(data)}


@pytest.mark.parametrize("data_set", in_code(), ids=lambda data_set: data_set.name)
def test_random_damage_is_refused_or_read_never_more(data_set: DataSet) -> None:
    dice = random.Random(4)
    for _ in range(60):
        data = bytearray(data_set.data)
        for _ in range(4):
            data[dice.randrange(min(len(data), 3000))] = dice.randrange(256)
        try:
            found = scan(bytes(data), data_set.transfer_syntax)
        except CannotUnderstand:
            continue
        assert all(bulk.offset + bulk.length <= len(found.buffer) for bulk in found.bulk)


def test_pixel_data_is_bulk_however_small() -> None:
    data = NAME + pixels(b"\x01\x02")

    found = scan(data, EXPLICIT_LE)

    (bulk,) = found.bulk
    assert (bulk.path, bulk.vr, bulk.offset, bulk.length, bulk.encapsulated) == ((PIXEL_DATA,), "OW", 24, 2, False)


def test_empty_pixel_data_is_no_bulk() -> None:
    assert scan(pixels(b""), EXPLICIT_LE).bulk == ()


@pytest.mark.parametrize(("size", "count"), [(BULK_SIZE, 0), (BULK_SIZE + 2, 1)])
def test_another_value_is_bulk_over_256_kib(size: int, count: int) -> None:
    assert len(scan(private(bytes(size)), EXPLICIT_LE).bulk) == count


@pytest.mark.parametrize("sequence_undefined", [True, False])
@pytest.mark.parametrize("item_undefined", [True, False])
@pytest.mark.parametrize("syntax", [EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE])
def test_a_large_value_deep_inside_is_bulk(sequence_undefined: bool, item_undefined: bool, syntax: str) -> None:
    icon = Dataset()
    icon.add_new(PIXEL_DATA, "OW", bytes(range(256)) * 1200)
    outer = Dataset()
    outer.IconImageSequence = [icon]
    dataset = Dataset()
    dataset.ReferencedImageSequence = [Dataset(), outer]
    for item, sequence in ((icon, outer["IconImageSequence"]), (outer, dataset["ReferencedImageSequence"])):
        item.is_undefined_length_sequence_item = item_undefined
        sequence.is_undefined_length = sequence.value.is_undefined_length = sequence_undefined
    data = encode(dataset, syntax)

    (bulk,) = scan(data, syntax).bulk

    assert bulk.path == (0x00081140, 0x00880200, PIXEL_DATA)
    assert data[bulk.offset : bulk.offset + bulk.length] == bytes(range(256)) * 1200


def test_a_large_sequence_that_cannot_be_read_is_one_bulk_value() -> None:
    data = b"\x40\x00\x75\x02SQ\x00\x00" + struct.pack("<I", BULK_SIZE + 8) + b"\x01" * (BULK_SIZE + 8) + pixels(b"ab")

    found = scan(data, EXPLICIT_LE)

    assert [bulk.path for bulk in found.bulk] == [(0x00400275,), (PIXEL_DATA,)]


def test_an_encapsulated_value_reaches_from_the_first_item_to_the_delimiter() -> None:
    items = fragment(b"") + fragment(b"abcd")
    data = NAME + encapsulated(b"", b"abcd") + SEQUENCE_END + b"\xfc\xff\xfc\xffOB\x00\x00\x02\x00\x00\x00\x00\x00"

    found = scan(data, JPEG)

    (bulk,) = found.bulk
    assert bulk.encapsulated
    assert data[bulk.offset : bulk.offset + bulk.length] == items
    assert 0xFFFCFFFC not in found.elements or found.raw(0xFFFCFFFC) == b"\0\0"


def test_fragments_may_end_with_the_data_instead_of_a_delimiter() -> None:
    found = scan(encapsulated(b"", b"abcd"), JPEG)

    assert found.bulk[0].length == 8 + 12


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pixels(bytes(100))[:-3], r"truncated: element \(7FE0,0010\) at offset 0 says 100 bytes, 97 are there"),
        (encapsulated(b"", b"abcd")[:-1], r"truncated: element \(FFFE,E000\) at offset 20 says 4 bytes, 3 are there"),
        (encapsulated(b"")[:-3], "truncated"),
        (encapsulated(b"") + NAME, r"\(0010,0010\) at offset 20 where a fragment should start"),
        (SEQUENCE + ITEM + NAME, "truncated"),
        (SEQUENCE + ITEM + NAME + SEQUENCE_END, r"\(FFFE,E0DD\) at offset 32 where an element should start"),
        (SEQUENCE + NAME, r"\(0010,0010\) at offset 12 where an item of \(0040,0275\) should start"),
        (NAME + ITEM, r"\(FFFE,E000\) at offset 12 does not belong into a data set"),
        (b"\x00\x00\x00\x01" * 3, r"\(0000,0100\) at offset 0 does not belong into a data set"),
        (NAME + b"\x01\x02\x03", "truncated: 3 bytes at offset 12 are no element"),
    ],
)
def test_what_has_no_certain_boundaries_is_refused_with_the_place(data: bytes, reason: str) -> None:
    with pytest.raises(CannotUnderstand, match=reason):
        scan(data, EXPLICIT_LE)


def test_a_data_set_of_endless_elements_is_refused() -> None:
    with pytest.raises(CannotUnderstand, match="more than 100000 elements"):
        scan(b"\x10\x00\x10\x00PN\x00\x00" * (MAX_ELEMENTS + 1), EXPLICIT_LE)


def test_refusals_name_no_values() -> None:
    with pytest.raises(CannotUnderstand) as refused:
        scan(b"\x10\x00\x10\x00PN\x14\x00DOE^JANE", EXPLICIT_LE)

    assert "DOE" not in str(refused.value)


def test_sequences_may_nest_up_to_the_limit_and_no_deeper() -> None:
    assert scan(nested(MAX_LEVELS), EXPLICIT_LE).items(0x00400275)[0][0x00400275].vr == "SQ"
    with pytest.raises(CannotUnderstand, match="nested deeper than 512 levels"):
        scan(nested(5000), EXPLICIT_LE)


def test_implicit_vr_under_an_explicit_syntax_is_read_as_it_is() -> None:
    data = b"\x10\x00\x10\x00\x04\x00\x00\x00A^B " + b"\xe0\x7f\x10\x00\x02\x00\x00\x00ab"

    found = scan(data, EXPLICIT_LE)

    assert not found.explicit
    assert found.raw(0x00100010) == b"A^B "


def test_explicit_vr_under_the_implicit_syntax_is_read_as_it_is() -> None:
    found = scan(NAME, IMPLICIT_LE)

    assert found.explicit
    assert found.elements[0x00100010].vr == "PN"


def test_un_of_undefined_length_is_a_sequence_in_implicit_vr() -> None:
    inner = b"\x10\x00\x10\x00\x04\x00\x00\x00A^B "
    data = b"\x11\x00\x01\x10UN\x00\x00\xff\xff\xff\xff" + ITEM + inner + ITEM_END + SEQUENCE_END + NAME

    found = scan(data, EXPLICIT_LE)

    (item,) = found.items(0x00111001)
    assert found.elements[0x00111001].vr == "SQ"
    assert found.raw(item[0x00100010]) == b"A^B "
    assert found.raw(0x00100010) == b"A^B "


def test_un_of_undefined_length_is_little_endian_in_a_big_endian_data_set() -> None:
    inner = b"\x10\x00\x10\x00\x04\x00\x00\x00A^B "
    data = b"\x00\x11\x10\x01UN\x00\x00\xff\xff\xff\xff" + ITEM + inner + ITEM_END + SEQUENCE_END

    found = scan(data, EXPLICIT_BE)

    assert found.raw(found.items(0x00111001)[0][0x00100010]) == b"A^B "


def test_items_of_a_sequence_of_defined_length_may_end_with_a_delimiter() -> None:
    content = ITEM + NAME + ITEM_END + SEQUENCE_END
    data = b"\x40\x00\x75\x02SQ\x00\x00" + struct.pack("<I", len(content)) + content

    assert len(scan(data, EXPLICIT_LE).items(0x00400275)) == 1


@pytest.mark.parametrize(
    "element",
    [
        b"\x10\x00\x20\x00ZZ\x02\x00ab",
        b"\x10\x00\x20\x00ZZ\x00\x00\x02\x00\x00\x00ab",
        b"\x10\x00\x20\x00  \x02\x00ab",
        b"\x10\x00\x20\x00\x02\x00\x00\x00ab",
    ],
    ids=["unknown-short", "unknown-long", "blank", "implicit"],
)
def test_an_element_of_a_strange_vr_is_passed_over_where_its_length_is_certain(element: bytes) -> None:
    found = scan(NAME + element + pixels(b"cd"), EXPLICIT_LE)

    assert found.raw(0x00100020) == b"ab"
    assert found.raw(PIXEL_DATA) == b"cd"


def test_of_a_tag_that_comes_twice_the_last_one_counts() -> None:
    found = scan(NAME + NAME.replace(b"A^B", b"C^D"), EXPLICIT_LE)

    assert found.raw(0x00100010) == b"C^D "


@pytest.mark.parametrize("padding", [b"\0", bytes(7), bytes(512)])
def test_zeros_behind_the_data_set_are_padding(padding: bytes) -> None:
    assert set(scan(NAME + padding, EXPLICIT_LE).elements) == {0x00100010}


def test_an_empty_data_set_has_no_elements() -> None:
    assert scan(b"", EXPLICIT_LE).elements == {}


def test_raw_and_items_of_what_is_absent_or_no_sequence() -> None:
    found = scan(NAME, EXPLICIT_LE)

    assert found.raw(0x00100020) is None
    assert found.items(0x00100020) == found.items(0x00100010) == []


def test_a_mapped_file_is_scanned_like_bytes() -> None:
    instance = oddities.encoded(phantoms.ct_slice(size=64))
    with tempfile.TemporaryFile() as file:
        file.write(instance.data)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            found = scan(mapped, instance.transfer_syntax)

            assert found.bulk == scan(instance.data, instance.transfer_syntax).bulk
            assert found.raw(PIXEL_DATA) == instance.data[found.bulk[0].offset :]


@pytest.mark.parametrize("behind", [b"", b"\0", b"\x01\x02\x03\x04\x05\x06\x07\x08"], ids=["none", "pad", "gzip-end"])
def test_a_deflated_data_set_is_whole_and_its_header_readable(behind: bytes) -> None:
    found = scan(deflated(NAME + pixels(bytes(5000))) + behind, DEFLATED_UID)

    assert found.whole
    assert found.bulk == ()
    assert found.raw(0x00100010) == b"A^B "


def test_a_deflated_bomb_is_inflated_to_the_limit_only() -> None:
    bomb = deflated(NAME + private(bytes(4 * MAX_INFLATED)) + pixels(b"ab"))

    found = scan(bomb, DEFLATED_UID)

    assert len(found.buffer) == MAX_INFLATED
    assert set(found.elements) == {0x00100010}


@pytest.mark.parametrize("data", [deflated(NAME * 50)[:-4], b"\xff\xff\xff\xff", deflated(NAME[:-2]), b""])
def test_a_deflated_data_set_that_is_broken_is_refused(data: bytes) -> None:
    with pytest.raises(CannotUnderstand):
        scan(data, DEFLATED_UID)


@needs_samples
def test_malformed_samples_are_refused_with_a_reason() -> None:
    refused = {}
    for path in sorted((SAMPLES / "synthetic" / "malformed").glob("*.dcm")):
        data = path.read_bytes()
        try:
            head = find_data_set(data)
            scan(data[head.length :], head.transfer_syntax)
        except CannotUnderstand as exc:
            refused[path.stem] = str(exc)

    assert {"empty", "html", "png", "nested-5000-levels", "truncated-in-pixels", "random-bytes"} <= set(refused)
    assert all(refused.values())
