"""The data sets of Storage Commitment, held against pydicom."""

from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from data_sets import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, data_set, encoded
from vna.dicom.commitment import read_request, write_report
from vna.dicom.scan import scan
from vna.errors import CannotUnderstand

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
SYNTAXES = (IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE)


def item(sop_class: str = CT, instance: str = "1.2.3") -> Dataset:
    return data_set(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=instance)


def request(**attributes: object) -> Dataset:
    return data_set(**({"TransactionUID": "2.25.1", "ReferencedSOPSequence": [item()]} | attributes))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_request_is_read_in_order_each_instance_once(syntax: str) -> None:
    items = [item(CT, "1.2.30"), item(MR, "1.2.4"), item(CT, "1.2.30")]

    transaction, instances = read_request(scan(encoded(request(ReferencedSOPSequence=items), syntax), syntax))

    assert (transaction, instances) == ("2.25.1", ((CT, "1.2.30"), (MR, "1.2.4")))


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({"TransactionUID": ""}, "Transaction UID"),
        ({"TransactionUID": "one"}, "Transaction UID"),
        ({"TransactionUID": "1" * 65}, "Transaction UID"),
        ({"ReferencedSOPSequence": []}, "Referenced SOP Sequence"),
        ({"ReferencedSOPSequence": [item(), Dataset()]}, "Referenced SOP Class UID"),
        ({"ReferencedSOPSequence": [item(instance="x")]}, "Referenced SOP Instance UID"),
    ],
    ids=["no transaction", "no uid", "too long", "no items", "empty item", "bad instance"],
)
def test_a_request_that_lacks_something_is_refused_by_its_name(attributes: dict[str, object], named: str) -> None:
    with pytest.raises(CannotUnderstand, match=named):
        read_request(scan(encoded(request(**attributes), IMPLICIT_LE), IMPLICIT_LE))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_report_is_what_pydicom_reads(syntax: str) -> None:
    written = write_report("2.25.1", [(CT, "1.2.3")], [(MR, "1.2.40", 0x0112)], syntax)

    read = read_dataset(BytesIO(written), is_implicit_VR=syntax == IMPLICIT_LE, is_little_endian=syntax != EXPLICIT_BE)

    (kept,), (failed,) = read.ReferencedSOPSequence, read.FailedSOPSequence
    assert read.TransactionUID == "2.25.1"
    assert (kept.ReferencedSOPClassUID, kept.ReferencedSOPInstanceUID) == (CT, "1.2.3")
    assert (failed.ReferencedSOPClassUID, failed.ReferencedSOPInstanceUID) == (MR, "1.2.40")
    assert failed.FailureReason == 0x0112
    assert [element.tag for element in read] == sorted(element.tag for element in read)


def test_a_sequence_without_items_is_left_out() -> None:
    written = write_report("2.25.1", [(CT, "1.2.3")], [], IMPLICIT_LE)

    assert "FailedSOPSequence" not in read_dataset(BytesIO(written), is_implicit_VR=True, is_little_endian=True)
