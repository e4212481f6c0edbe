"""The oddities are valid for pydicom, and odd in the way they claim."""

from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset

from conformance import oddities, phantoms

INSTANCES = oddities.every_instance()


def read(name: str) -> FileDataset:
    instance = INSTANCES[name]
    head = phantoms.part10_head(instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax)
    return dcmread(BytesIO(head + instance.data))


@pytest.mark.parametrize("name", INSTANCES)
def test_pydicom_reads_it_to_the_end(name: str) -> None:
    ds = read(name)

    assert [element.tag for element in ds.iterall()]
    assert (ds.SOPClassUID, ds.SOPInstanceUID) == (INSTANCES[name].sop_class_uid, INSTANCES[name].sop_instance_uid)


def test_every_instance_is_in_a_study_of_its_own() -> None:
    assert len({read(name).StudyInstanceUID for name in INSTANCES}) == len(INSTANCES)


@pytest.mark.parametrize("charset", oddities.PATIENT_NAMES)
def test_patient_names_survive_their_character_set(charset: str) -> None:
    assert read(f"charset-{charset}").PatientName == oddities.PATIENT_NAMES[charset]


def test_sequences_have_undefined_lengths_where_promised() -> None:
    assert INSTANCES["sr-undefined-lengths"].data.count(b"\xfe\xff\xdd\xe0\0\0\0\0") == 8
    assert b"\xfe\xff\xdd\xe0" not in INSTANCES["sr"].data


def test_nesting_is_as_deep_as_promised() -> None:
    ds = read("nested-64-implicit")
    levels = 0
    while "ContentSequence" in ds:
        ds, levels = ds.ContentSequence[0], levels + 1

    assert (levels, ds.CodeValue) == (64, "INNERMOST")


def test_odd_lengths_are_odd() -> None:
    ds = read("odd-lengths")

    assert (ds.PatientID, ds.PixelData) == ("ODD", b"\1\2\3")


def test_the_private_bulk_is_larger_than_the_limit_of_a_header() -> None:
    assert len(read("private-bulk")[0x0029, 0x1010].value) > 256 * 1024


def test_the_unknown_sequence_is_implicit_inside() -> None:
    assert read("un-sequence")[0x0029, 0x1020].value[0][0x0029, 0x1021].value == b"TEXT"
