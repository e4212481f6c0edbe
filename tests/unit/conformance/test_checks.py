"""The checks as a whole, the objects they send, and how what comes back is compared."""

import argparse
import uuid
from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread

from conformance import phantoms
from conformance.checks.catalogue import CHECKS, chosen
from conformance.checks.command import node_address
from conformance.checks.comparing import BYTE_FOR_BYTE, SAME_ATTRIBUTES, compare
from conformance.checks.objects import KINDS, ODDITIES, QUERIED, SYNTAXES, TestObjects
from conformance.checks.verdicts import Failed
from conformance.corpus import Instance
from conformance.oddities import encoded
from conformance.phantoms import part10_head
from conformance.upper_layer import Address

NAMES = [*KINDS, *(f"syntax-{name}" for name in SYNTAXES), *(f"odd-{name}" for name in ODDITIES), *QUERIED]
OBJECTS = TestObjects(uuid.UUID(int=7))


def test_every_check_has_an_id_of_its_own() -> None:
    ids = [check.id for check in CHECKS]

    assert len(ids) == len(set(ids))
    assert all(id_ == id_.strip(".") and "." in id_ and " " not in id_ for id_ in ids)


@pytest.mark.parametrize(
    "service", ["verification", "storage", "find", "get", "move", "commitment", "negotiation", "web"]
)
def test_there_are_checks_of_every_service(service: str) -> None:
    assert chosen([f"{service}.*"])


def test_every_check_cites_a_section() -> None:
    assert [
        check.id for check in CHECKS if not check.section.startswith(("PS3.", "IHE ")) or " " not in check.section
    ] == []


def test_several_patterns_choose_what_fits_one_of_them() -> None:
    assert {check.id.partition(".")[0] for check in chosen(["find.study.*", "move.*"])} == {"find", "move"}
    assert chosen([]) == list(CHECKS)


@pytest.mark.parametrize("name", NAMES)
def test_an_object_is_recognisable_and_of_its_run(name: str) -> None:
    instance = OBJECTS.instance(name)
    head = part10_head(instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax)
    ds = dcmread(BytesIO(head + instance.data))

    assert str(ds.PatientName).startswith("CONFORMANCE^")
    assert ds.PatientID.startswith(OBJECTS.label)
    assert ds.SOPInstanceUID == instance.sop_instance_uid
    assert all(
        uid.startswith(f"{OBJECTS.root}.") for uid in (ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID)
    )
    assert max(map(len, (ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID))) <= 64
    assert len(ds.AccessionNumber) <= 16


def test_objects_are_distinct_and_the_same_in_the_same_run() -> None:
    again = TestObjects(uuid.UUID(int=7))

    assert len({OBJECTS.instance(name).sop_instance_uid for name in NAMES}) == len(NAMES)
    assert again.instance("ct") == OBJECTS.instance("ct")
    assert TestObjects(uuid.UUID(int=8)).instance("ct") != OBJECTS.instance("ct")


def test_what_is_of_one_run_is_left_out_of_texts() -> None:
    text = f"{OBJECTS.uid(1, 2)} of {OBJECTS.patient_id(1)} and {OBJECTS.label.lower()}"

    assert OBJECTS.anonymous(text) == "RUN.1.2 of RUN-A and run"


def test_the_same_bytes_are_the_same() -> None:
    assert compare(OBJECTS.instance("ct"), OBJECTS.instance("ct")) == BYTE_FOR_BYTE


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"])
def test_another_encoding_has_the_same_attributes(syntax: str) -> None:
    ds = phantoms.ct_slice(size=16)
    sent = encoded(ds)
    came = Instance(sent.sop_class_uid, sent.sop_instance_uid, syntax, phantoms.data_set_bytes(ds, syntax))

    assert compare(sent, came) == SAME_ATTRIBUTES
    assert compare(came, sent) == SAME_ATTRIBUTES


@pytest.mark.parametrize("keyword", ["StudyDate", "PixelData", "Manufacturer"])
def test_a_changed_or_missing_attribute_is_named(keyword: str) -> None:
    ds = phantoms.ct_slice(size=16)
    sent = encoded(ds)
    tag = str(ds[keyword].tag)
    if keyword == "StudyDate":
        ds.StudyDate = "19990101"
    elif keyword == "PixelData":
        ds.PixelData = bytes(len(ds.PixelData))
    else:
        del ds.Manufacturer

    with pytest.raises(Failed) as failed:
        compare(sent, replace(sent, data=phantoms.data_set_bytes(ds)))

    assert str(failed.value) == f"1 attributes came back changed or not at all: {tag}"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ARCHIVE@192.0.2.5:104", Address("192.0.2.5", 104, "ARCHIVE")),
        ("MY PACS@pacs.example:11112", Address("pacs.example", 11112, "MY PACS")),
        ("A@[::1]:104", Address("::1", 104, "A")),
    ],
)
def test_a_node_is_named_by_ae_title_host_and_port(text: str, address: Address) -> None:
    assert node_address(text) == address


@pytest.mark.parametrize("text", ["host:104", "A@host", "A@host:x", "A@host:70000", "SEVENTEEN-LETTERS@host:1", ""])
def test_what_names_no_node_is_told(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not AET@HOST:PORT"):
        node_address(text)
