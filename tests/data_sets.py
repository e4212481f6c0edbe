"""Data sets as bytes and scanned, made with pydicom: the reference our own reading is held against."""

from io import BytesIO

from pydicom import DataElement, Dataset, dcmread, dcmwrite
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import FileDataset
from pydicom.uid import UID

from vna.dicom.scan import Scan, scan

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"


def data_set(**attributes: object) -> Dataset:
    """Return a data set of these attributes, by keyword; pydicom does not check their values."""
    made = Dataset()
    for keyword, value in attributes.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        made.add(DataElement(tag, dictionary_VR(tag)[:2], value, validation_mode=IGNORE))
    return made


def encoded(made: Dataset, transfer_syntax: str = EXPLICIT_LE) -> bytes:
    """Return a data set as bytes, without preamble and File Meta."""
    uid = UID(transfer_syntax)
    buffer = BytesIO()
    dcmwrite(buffer, made, implicit_vr=uid.is_implicit_VR, little_endian=uid.is_little_endian)
    return buffer.getvalue()


def scanned(made: Dataset, transfer_syntax: str = EXPLICIT_LE) -> Scan:
    """Return a data set as the archive reads it."""
    return scan(encoded(made, transfer_syntax), transfer_syntax)


def file_scanned(path: str) -> tuple[FileDataset, Scan]:
    """Return a Part 10 file as pydicom reads it and as the archive does."""
    read = dcmread(path, force=True)
    syntax = read.file_meta.get("TransferSyntaxUID", IMPLICIT_LE)
    with open(path, "rb") as file:  # noqa: PTH123 - pydicom's test files are named by text
        content = file.read()
    start = 0
    if content[128:132] == b"DICM":
        start = 144 + int.from_bytes(content[140:144], "little")
    return read, scan(content[start:], syntax)
