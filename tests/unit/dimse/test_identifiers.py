"""The list of instances that were not sent, in every transfer syntax of a query context."""

import zlib
from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from vna.dimse.identifiers import failed_list

EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"


def _read(data: bytes, syntax: str) -> Dataset:
    plain = zlib.decompress(data, -zlib.MAX_WBITS) if syntax == DEFLATED else data
    return read_dataset(BytesIO(plain), is_implicit_VR=syntax == IMPLICIT, is_little_endian=syntax != BIG)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_pydicom_reads_the_failed_list(syntax: str, count: int) -> None:
    uids = [f"1.2.3.{n}" for n in range(count)]

    read = _read(failed_list(uids, syntax), syntax)

    found = read.FailedSOPInstanceUIDList
    assert ([found] if count == 1 else list(found)) == uids


def test_a_list_longer_than_a_16_bit_length_is_still_read() -> None:
    """PS3.5 6.2.2: UN where the value does not fit the length of UI."""
    uids = [f"1.2.840.113619.2.55.3.604688119.971.1269271.{10**19 + n}" for n in range(2000)]

    explicit, implicit = (_read(failed_list(uids, syntax), syntax) for syntax in (EXPLICIT, IMPLICIT))

    assert list(implicit.FailedSOPInstanceUIDList) == uids
    assert explicit["FailedSOPInstanceUIDList"].VR == "UN"
    assert explicit["FailedSOPInstanceUIDList"].value.decode().rstrip("\0").split("\\") == uids
