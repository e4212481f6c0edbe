from io import BytesIO

import pytest
from pydicom import dcmread

from conformance import phantoms
from vna.dicom.encoding import EXPLICIT_BE_UID, EXPLICIT_LE_UID, IMPLICIT_LE_UID
from vna.dicom.part10 import Implementation, Part10Head, find_data_set, write_part10_head
from vna.errors import CannotUnderstand

CT = "1.2.840.10008.5.1.4.1.1.2"
INSTANCE = "1.2.3.4.5"
OURS = Implementation("1.2.826.0.1.3680043.8.498.1", "TEST_NODE")

EXPLICIT = b"\x08\x00\x16\x00UI\x04\x001.2\x00"
IMPLICIT = b"\x08\x00\x16\x00\x04\x00\x00\x001.2\x00"
BIG_ENDIAN = b"\x00\x08\x00\x16UI\x00\x041.2\x00"


def test_our_head_is_found_again() -> None:
    head = write_part10_head(CT, INSTANCE, IMPLICIT_LE_UID, OURS)

    assert find_data_set(head + IMPLICIT) == Part10Head(len(head), IMPLICIT_LE_UID, CT, INSTANCE)


def test_our_head_is_what_pydicom_reads() -> None:
    meta = dcmread(BytesIO(write_part10_head(CT, INSTANCE, EXPLICIT_LE_UID, OURS) + EXPLICIT)).file_meta

    assert (meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID) == (CT, INSTANCE)
    assert (meta.TransferSyntaxUID, meta.ImplementationClassUID) == (EXPLICIT_LE_UID, OURS.class_uid)
    assert (meta.ImplementationVersionName, meta.FileMetaInformationVersion) == ("TEST_NODE", b"\x00\x01")


def test_our_head_is_the_same_every_time() -> None:
    assert write_part10_head(CT, INSTANCE, EXPLICIT_LE_UID, OURS) == write_part10_head(
        CT, INSTANCE, EXPLICIT_LE_UID, OURS
    )


def test_a_file_of_pydicom_is_split() -> None:
    ds = phantoms.ct_slice(size=16)

    head = find_data_set(phantoms.part10(ds))

    assert phantoms.part10(ds)[head.length :] == phantoms.data_set_bytes(ds)
    assert head.sop_instance_uid == ds.SOPInstanceUID


def test_a_wrong_group_length_is_not_believed() -> None:
    head = bytearray(write_part10_head(CT, INSTANCE, EXPLICIT_LE_UID, OURS))
    head[140:144] = b"\x01\x00\x00\x00"

    assert find_data_set(bytes(head) + EXPLICIT).length == len(head)


def test_a_head_without_preamble_is_accepted() -> None:
    head = write_part10_head(CT, INSTANCE, EXPLICIT_LE_UID, OURS)[132:]

    assert find_data_set(head + EXPLICIT) == Part10Head(len(head), EXPLICIT_LE_UID, CT, INSTANCE)


@pytest.mark.parametrize(
    ("data", "syntax"), [(EXPLICIT, EXPLICIT_LE_UID), (IMPLICIT, IMPLICIT_LE_UID), (BIG_ENDIAN, EXPLICIT_BE_UID)]
)
def test_without_any_head_the_syntax_is_told_from_the_first_element(data: bytes, syntax: str) -> None:
    assert find_data_set(data) == Part10Head(0, syntax, None, None)


@pytest.mark.parametrize(("data", "syntax"), [(EXPLICIT, EXPLICIT_LE_UID), (IMPLICIT, IMPLICIT_LE_UID)])
def test_a_head_without_transfer_syntax_is_completed_from_the_first_element(data: bytes, syntax: str) -> None:
    assert find_data_set(bytes(128) + b"DICM" + data).transfer_syntax == syntax


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!DOCTYPE html><html>" + bytes(200),
        b"\x89PNG\r\n\x1a\n" + bytes(200),
        bytes(128) + b"DICM",
        bytes(1000),
        bytes(128) + b"DICM\x02\x00\x10\x00UI\xff\x001.2",
        bytes(128) + b"DICM\x02\x00\x10\x00UI\x02\x00\xff\xfe" + EXPLICIT,
    ],
    ids=["empty", "html", "png", "prefix-only", "zeros", "truncated", "no-text"],
)
def test_what_is_no_dicom_file_is_refused(data: bytes) -> None:
    with pytest.raises(CannotUnderstand):
        find_data_set(data)
