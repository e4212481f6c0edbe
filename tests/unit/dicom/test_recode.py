import struct
import subprocess
import warnings
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

import dcmtk
from held_data_sets import DataSet, held, in_code, in_files, packaged_files, sample_files
from pydicom_reading import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, Flat, data_sets, decode, encode, flatten
from shared_samples import needs_samples
from vna.dicom import values
from vna.dicom.encoding import DEFLATED_UID, ENCAPSULATED_UNCOMPRESSED_UID, GE_PRIVATE_UID, PIXEL_DATA
from vna.dicom.equality import same_content
from vna.dicom.part10 import Implementation, find_data_set, write_part10_head
from vna.dicom.recode import SOURCES, TARGETS, can_recode, recode
from vna.dicom.scan import scan
from vna.errors import CannotConvert

PLAIN = (IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE)
JPEG = "1.2.840.10008.1.2.4.50"
DCMCONV = dcmtk.program("dcmconv")


def converted(data: bytes, source: str, target: str) -> bytes:
    """Return a data set in another syntax; the size promised is checked on the way."""
    recoded = recode(held(data, source), target)
    result = b"".join(recoded.chunks())
    assert recoded.size in (None, len(result))
    return zlib.decompress(result, wbits=-zlib.MAX_WBITS) if target == DEFLATED_UID else result


def plain_syntax(syntax: str) -> str:
    return EXPLICIT_LE if syntax in (DEFLATED_UID, ENCAPSULATED_UNCOMPRESSED_UID) else syntax


def assert_same_values(before: Flat, after: Flat, *, check_vr: bool, name: str = "") -> None:
    """Values are the same; VRs too, where the result says them and the source is not less sure."""
    assert list(before) == list(after), name
    for path, (vr, value) in before.items():
        assert after[path][1] == value, (name, path)
        if check_vr:
            assert after[path][0] == vr or "UN" in (vr, after[path][0]) or vr == "?", (name, path, vr, after[path])


@settings(max_examples=30, deadline=None)
@given(data_sets(), st.sampled_from(PLAIN), st.sampled_from([*PLAIN, DEFLATED_UID]))
def test_elements_and_values_are_the_same_afterwards(dataset: Dataset, source: str, target: str) -> None:
    data = encode(dataset, source)

    result = converted(data, source, target)

    after = flatten(decode(result, plain_syntax(target)))
    assert_same_values(flatten(decode(data, source)), after, check_vr=target != IMPLICIT_LE)


@settings(max_examples=25, deadline=None)
@given(data_sets(), st.sampled_from([EXPLICIT_LE, EXPLICIT_BE]))
def test_explicit_vr_there_and_back_keeps_vrs_and_values(dataset: Dataset, source: str) -> None:
    data = encode(dataset, source)
    target = EXPLICIT_BE if source == EXPLICIT_LE else EXPLICIT_LE

    there = converted(data, source, target)

    assert flatten(decode(there, target)) == flatten(decode(data, source))
    assert flatten(decode(converted(there, target, source), source)) == flatten(decode(data, source))


def assert_converts_like_pydicom_reads(data_set: DataSet) -> None:
    found = scan(data_set.data, data_set.transfer_syntax)
    as_it_is = EXPLICIT_LE if found.explicit else IMPLICIT_LE
    source = as_it_is if found.little_endian else EXPLICIT_BE
    if data_set.transfer_syntax == ENCAPSULATED_UNCOMPRESSED_UID:
        return
    is_deflated = data_set.transfer_syntax == DEFLATED_UID
    plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data_set.data) if is_deflated else data_set.data
    before = flatten(decode(plain, source))
    for target in (*PLAIN, DEFLATED_UID):
        result = converted(data_set.data, data_set.transfer_syntax, target)
        after = flatten(decode(result, plain_syntax(target)))
        assert_same_values(before, after, check_vr=target != IMPLICIT_LE, name=f"{data_set.name} to {target}")


@pytest.mark.parametrize("data_set", in_code(), ids=lambda data_set: data_set.name)
def test_what_conformance_builds_is_converted_to_every_syntax(data_set: DataSet) -> None:
    if data_set.transfer_syntax not in SOURCES:
        with pytest.raises(CannotConvert):
            recode(held(data_set.data, data_set.transfer_syntax), EXPLICIT_LE)
    else:
        assert_converts_like_pydicom_reads(data_set)


UNREADABLE_INSIDE = {"DICOMDIR-nooffset", "GH177_D_CLUNIE_CT1_IVRLE_BigEndian_undefined_length.dcm"}
"""The first is broken inside a sequence, the second pydicom cannot read."""


def convertible(paths: list[Path]) -> list[DataSet]:
    return [ds for ds in in_files(paths) if ds.transfer_syntax in SOURCES and ds.name not in UNREADABLE_INSIDE]


def test_files_that_come_with_pydicom_are_converted_to_every_syntax() -> None:
    for data_set in convertible(packaged_files())[::2]:
        assert_converts_like_pydicom_reads(data_set)


@pytest.mark.long
@needs_samples
def test_samples_are_converted_to_every_syntax() -> None:
    for data_set in convertible(sample_files())[::15]:
        assert_converts_like_pydicom_reads(data_set)


@pytest.mark.skipif(DCMCONV is None, reason=dcmtk.REASON)
@pytest.mark.parametrize(("target", "option"), [(IMPLICIT_LE, "+ti"), (EXPLICIT_LE, "+te"), (EXPLICIT_BE, "+tb")])
def test_dcmconv_gives_the_same(target: str, option: str, tmp_path: Path) -> None:
    small = [ds for ds in convertible(packaged_files()) + in_code() if len(ds.data) < 200_000]
    for data_set in [ds for ds in small if ds.transfer_syntax in PLAIN and ds.name != "winter.dcm"][::14]:
        head = write_part10_head("1.2", "1.2", data_set.transfer_syntax, Implementation("1.2.3", "TEST"))
        (tmp_path / "in").write_bytes(head + data_set.data)
        subprocess.run([str(DCMCONV), option, "in", "out"], cwd=tmp_path, check=True, capture_output=True)
        theirs = (tmp_path / "out").read_bytes()
        theirs = theirs[find_data_set(theirs).length :]

        ours = converted(data_set.data, data_set.transfer_syntax, target)

        assert same_content(held(ours, target), held(theirs, target)), data_set.name


@pytest.mark.parametrize("source", sorted(SOURCES - {ENCAPSULATED_UNCOMPRESSED_UID, DEFLATED_UID}))
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_words_of_pixels_are_swapped_and_bytes_are_not(source: str, target: str) -> None:
    dataset = Dataset()
    dataset.BitsAllocated = 16
    dataset.add_new(PIXEL_DATA, "OW", bytes(range(256)) * 1000)
    if source != EXPLICIT_BE and source != IMPLICIT_LE and source != GE_PRIVATE_UID:
        dataset.EncapsulatedDocument = bytes(range(100))
    data = encode(dataset, IMPLICIT_LE if source == GE_PRIVATE_UID else source)

    result = decode(converted(data, source, target), plain_syntax(target))

    is_swapped = (source in (EXPLICIT_BE, GE_PRIVATE_UID)) != (target == EXPLICIT_BE)
    first = b"\x01\x00\x03\x02" if is_swapped else b"\x00\x01\x02\x03"
    assert result.get_item(PIXEL_DATA).value == (first[:4] + result.get_item(PIXEL_DATA).value[4:])
    if 0x00420011 in result:
        assert result.get_item(0x00420011).value == bytes(range(100))


def vr_after(dataset: Dataset, tag: int) -> str:
    """Return the VR an element has that came in implicit VR."""
    result = decode(converted(encode(dataset, IMPLICIT_LE), IMPLICIT_LE, EXPLICIT_LE), EXPLICIT_LE)
    return str(result.get_item(tag).VR)


@pytest.mark.parametrize(("representation", "vr"), [(0, "US"), (1, "SS"), (None, "US")])
def test_us_or_ss_is_decided_by_pixel_representation(representation: int | None, vr: str) -> None:
    dataset = Dataset()
    if representation is not None:
        dataset.PixelRepresentation = representation
    dataset.add_new(0x00280106, vr, 7)

    assert vr_after(dataset, 0x00280106) == vr


def test_us_or_ss_inside_a_sequence_is_decided_by_the_data_set_around_it() -> None:
    item = Dataset()
    item.add_new(0x00189810, "SS", -1)
    dataset = Dataset()
    dataset.add_new(0x00189806, "SQ", [item])
    dataset.PixelRepresentation = 1

    result = decode(converted(encode(dataset, IMPLICIT_LE), IMPLICIT_LE, EXPLICIT_BE), EXPLICIT_BE)

    assert result[0x00189806].value[0][0x00189810].VR == "SS"
    assert result[0x00189806].value[0][0x00189810].value == -1


@pytest.mark.parametrize(("entries", "vr"), [(1, "US"), (256, "OW")])
def test_lut_data_is_decided_by_its_descriptor(entries: int, vr: str) -> None:
    dataset = Dataset()
    dataset.PixelRepresentation = 0
    dataset.add_new(0x00283002, "US", [entries, 0, 16])
    dataset.add_new(0x00283006, "OW", bytes(2 * entries))

    assert vr_after(dataset, 0x00283006) == vr


def test_overlays_and_waveforms_of_implicit_vr_are_words() -> None:
    dataset = Dataset()
    dataset.add_new(0x60023000, "OW", b"ab")
    dataset.add_new(0x54001010, "OW", b"cd")

    assert vr_after(dataset, 0x60023000) == vr_after(dataset, 0x54001010) == "OW"


def test_private_elements_get_the_vr_of_their_creator() -> None:
    dataset = Dataset()
    dataset.add_new(0x00290011, "LO", "SIEMENS CSA HEADER")
    dataset.add_new(0x00291110, "OB", b"ab")
    dataset.add_new(0x00290012, "LO", "NOBODY WE KNOW")
    dataset.add_new(0x00291210, "LO", "text")

    assert vr_after(dataset, 0x00290012) == "LO"
    assert vr_after(dataset, 0x00291210) == "UN"
    assert vr_after(dataset, 0x00291110) != "UN"


def test_a_private_vr_that_contradicts_the_length_is_not_believed() -> None:
    dataset = Dataset()
    dataset.add_new(0x00190010, "LO", "GEMS_ACQU_01")
    dataset.add_new(0x00191002, "LO", "ab")  # SL in the dictionary

    assert vr_after(dataset, 0x00191002) == "UN"


def test_a_value_too_long_for_its_vr_becomes_un() -> None:
    data = b"\x10\x00\x00\x40" + struct.pack("<I", 70_000) + b"x" * 70_000
    data += b"\x28\x00\x06\x10" + struct.pack("<I", 70_000) + b"\x01\x02" * 35_000

    for target in (EXPLICIT_LE, EXPLICIT_BE):
        result = decode(converted(data, IMPLICIT_LE, target), target)

        assert (result.get_item(0x00104000).VR, len(result.get_item(0x00104000).value)) == ("UN", 70_000)
        assert result.get_item(0x00281006).value == b"\x01\x02" * 35_000


def test_un_is_never_swapped() -> None:
    dataset = Dataset()
    dataset.add_new(0x00111001, "UN", b"\x01\x02\x03\x04")

    result = converted(encode(dataset, EXPLICIT_LE), EXPLICIT_LE, EXPLICIT_BE)

    assert decode(result, EXPLICIT_BE).get_item(0x00111001).value == b"\x01\x02\x03\x04"


def test_un_of_undefined_length_becomes_a_sequence_of_the_target() -> None:
    (data_set,) = [found for found in in_code() if found.name == "un-sequence"]

    big_endian = converted(data_set.data, data_set.transfer_syntax, EXPLICIT_BE)

    sequences = [e for e in decode(big_endian, EXPLICIT_BE) if e.tag.is_private and e.VR == "SQ"]
    assert len(sequences) == 1
    assert converted(big_endian, EXPLICIT_BE, EXPLICIT_LE).count(b"\xfe\xff\x00\xe0") == 1


def test_group_lengths_are_left_out() -> None:
    data = b"\x10\x00\x00\x00UL\x04\x00\x0c\x00\x00\x00\x10\x00\x10\x00PN\x04\x00A^B "

    assert converted(data, EXPLICIT_LE, EXPLICIT_LE) == data[12:]


@pytest.mark.parametrize("target", PLAIN)
def test_a_sequence_under_the_tag_of_a_group_length_stays_a_sequence(target: str) -> None:
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + b"\x08\x00\x60\x00CS\x02\x00CT" + b"\xfe\xff\x0d\xe0\0\0\0\0"
    data = b"\x10\x00\x00\x00SQ\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"

    there = converted(data, EXPLICIT_LE, target)

    assert converted(there, target, EXPLICIT_LE) == data


def encapsulated_uncompressed(frames: list[bytes], *, rows: int, columns: int, bits: int) -> bytes:
    dataset = Dataset()
    dataset.SamplesPerPixel, dataset.NumberOfFrames = 1, len(frames)
    dataset.Rows, dataset.Columns, dataset.BitsAllocated = rows, columns, bits
    items = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(frame)) + frame for frame in [b"", *frames])
    start = encode(dataset, EXPLICIT_LE) + b"\xe0\x7f\x01\x00OV\0\0\x08\0\0\0" + bytes(8)
    return start + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + items + b"\xfe\xff\xdd\xe0\0\0\0\0"


def test_encapsulated_uncompressed_frames_are_put_end_to_end() -> None:
    data = encapsulated_uncompressed([b"123456789\0", b"abcdefghi\0", b"ABCDEFGHI\0"], rows=3, columns=3, bits=8)

    result = decode(converted(data, ENCAPSULATED_UNCOMPRESSED_UID, IMPLICIT_LE), IMPLICIT_LE)

    assert result.get_item(PIXEL_DATA).value == b"123456789abcdefghiABCDEFGHI\0"
    assert 0x7FE00001 not in result


def test_encapsulated_uncompressed_words_are_swapped_for_big_endian() -> None:
    data = encapsulated_uncompressed([b"\x01\x02\x03\x04", b"\x05\x06\x07\x08"], rows=1, columns=2, bits=16)

    element = decode(converted(data, ENCAPSULATED_UNCOMPRESSED_UID, EXPLICIT_BE), EXPLICIT_BE).get_item(PIXEL_DATA)

    assert (element.VR, element.value) == ("OW", b"\x02\x01\x04\x03\x06\x05\x08\x07")


@pytest.mark.parametrize("frames", [[b"1234"], [b"12345678"], [b"12", b"34"]])
def test_encapsulated_uncompressed_fragments_that_are_no_frames_cannot_be_converted(frames: list[bytes]) -> None:
    data = encapsulated_uncompressed(frames, rows=2, columns=3, bits=8)

    with pytest.raises(CannotConvert):
        converted(data, ENCAPSULATED_UNCOMPRESSED_UID, EXPLICIT_LE)


def test_encapsulated_uncompressed_frames_of_single_bits_cannot_be_converted() -> None:
    data = encapsulated_uncompressed([b"1\0"], rows=1, columns=3, bits=1)

    with pytest.raises(CannotConvert, match="whole bytes"):
        converted(data, ENCAPSULATED_UNCOMPRESSED_UID, EXPLICIT_LE)


def test_compressed_syntaxes_are_not_converted() -> None:
    assert not can_recode(JPEG, EXPLICIT_LE)
    assert not can_recode(EXPLICIT_LE, JPEG)
    assert not can_recode(EXPLICIT_LE, ENCAPSULATED_UNCOMPRESSED_UID)
    assert can_recode(IMPLICIT_LE, DEFLATED_UID)


def test_a_compressed_icon_cannot_be_converted() -> None:
    fragments = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    icon = b"\xfe\xff\x00\xe0\xff\xff\xff\xff\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + fragments
    data = b"\x88\x00\x00\x02SQ\0\0\xff\xff\xff\xff" + icon + b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"

    with pytest.raises(CannotConvert, match="compressed"):
        converted(data, EXPLICIT_LE, IMPLICIT_LE)


def test_a_deflated_data_set_has_an_even_length() -> None:
    for length in range(2, 12, 2):
        dataset = Dataset()
        dataset.add_new(0x00100010, "PN", "x" * length)

        assert len(b"".join(recode(held(encode(dataset, EXPLICIT_LE), EXPLICIT_LE), DEFLATED_UID).chunks())) % 2 == 0


def test_a_bomb_is_not_inflated_for_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_INFLATED", 10_000)
    dataset = Dataset()
    dataset.add_new(0x00111001, "OB", bytes(20_000))
    bomb = b"".join(recode(held(encode(dataset, EXPLICIT_LE), EXPLICIT_LE), DEFLATED_UID).chunks())

    with pytest.raises(CannotConvert, match="more than 10000 bytes"):
        recode(held(bomb, DEFLATED_UID), EXPLICIT_LE)


def test_what_is_converted_can_be_streamed_twice() -> None:
    (data_set,) = [found for found in in_code() if found.name == "ct"]
    recoded = recode(held(data_set.data, data_set.transfer_syntax), EXPLICIT_BE)

    assert b"".join(recoded.chunks()) == b"".join(recoded.chunks())


@needs_samples
def test_conversion_needs_no_warning_from_the_dictionaries() -> None:
    with warnings.catch_warnings(action="error"):
        for data_set in convertible(packaged_files())[::4]:
            b"".join(recode(held(data_set.data, data_set.transfer_syntax), EXPLICIT_LE).chunks())
