"""Valid data sets off the beaten track, built in code: documents, character sets, odd encodings.

Each is something a real sender has done. Where pydicom would tidy the encoding up, the bytes are written here.
"""

import struct

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
)

from conformance.corpus import Instance, explicit_element
from conformance.phantoms import data_set_bytes, every_image, in_syntax, new_instance, uid

PATIENT_NAMES = {
    "ISO_IR 100": "Müller^Jürgen",
    "ISO_IR 101": "Dvořák^Jiří",
    "ISO_IR 126": "Διονυσιος",
    "ISO_IR 127": "قباني^لنزار",
    "ISO_IR 138": "שרון^דבורה",
    "ISO_IR 144": "Люксембург",
    "ISO_IR 192": "Wang^XiaoDong=王^小東",
    "GB18030": "Wang^XiaoDong=王^小东",
    "\\ISO 2022 IR 87": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "ISO 2022 IR 13\\ISO 2022 IR 87": "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    "\\ISO 2022 IR 149": "Hong^Gildong=洪^吉洞=홍^길동",
}
"""A patient name by the Specific Character Set that holds it (PS3.3 C.12.1.1.2, PS3.5 annexes H to K)."""


def secondary_capture(*, study: int, number: int = 1) -> Dataset:
    """Return the smallest image: 2 x 2 pixels of 8 bits."""
    ds = new_instance(SecondaryCaptureImageStorage, "OT", study=study, number=number)
    ds.ConversionType, ds.SamplesPerPixel, ds.PhotometricInterpretation = "WSD", 1, "MONOCHROME2"
    ds.Rows = ds.Columns = 2
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.add_new("PixelData", "OB", bytes([study % 256, number % 256, 2, 3]))
    return ds


def in_character_set(charset: str, *, study: int = 30) -> Dataset:
    """Return a secondary capture whose patient name needs this Specific Character Set, of `PATIENT_NAMES`."""
    ds = secondary_capture(study=study)
    ds.SpecificCharacterSet = charset.split("\\")
    ds.PatientName = PATIENT_NAMES[charset]
    return ds


def structured_report(*, study: int = 31) -> Dataset:
    """Return a Comprehensive SR with a container, a coded finding and a measurement (PS3.3 C.17.3)."""
    ds = new_instance(ComprehensiveSRStorage, "SR", study=study, number=1)
    ds.CompletionFlag, ds.VerificationFlag, ds.ContentDate, ds.ContentTime = "COMPLETE", "UNVERIFIED", "20240101", "12"
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = Sequence([code("126000", "DCM", "Imaging Measurement Report")])
    finding, size = Dataset(), Dataset()
    finding.RelationshipType, finding.ValueType = "CONTAINS", "CODE"
    finding.ConceptNameCodeSequence = Sequence([code("121071", "DCM", "Finding")])
    finding.ConceptCodeSequence = Sequence([code("27925004", "SCT", "Nodule")])
    size.RelationshipType, size.ValueType = "HAS PROPERTIES", "NUM"
    size.ConceptNameCodeSequence = Sequence([code("103339001", "SCT", "Long Axis")])
    value = Dataset()
    value.NumericValue, value.MeasurementUnitsCodeSequence = "12.5", Sequence([code("mm", "UCUM", "mm")])
    size.MeasuredValueSequence = Sequence([value])
    finding.ContentSequence = Sequence([size])
    ds.ContentSequence = Sequence([finding])
    return ds


def encapsulated_pdf(*, study: int = 32, size: int = 3000) -> Dataset:
    """Return an encapsulated PDF of about `size` bytes, of an odd length that is padded (PS3.3 C.24.2)."""
    ds = new_instance(EncapsulatedPDFStorage, "DOC", study=study, number=1)
    ds.DocumentTitle, ds.MIMETypeOfEncapsulatedDocument, ds.BurnedInAnnotation = "A REPORT", "application/pdf", "NO"
    pdf = b"%PDF-1.4\n" + b"% nothing to see\n" * (size // 17) + b"%%EOF\n"
    ds.EncapsulatedDocumentLength = len(pdf)
    ds.add_new("EncapsulatedDocument", "OB", pdf + b"\0" * (len(pdf) % 2))
    return ds


def nested(levels: int, *, study: int = 33) -> Dataset:
    """Return a secondary capture with sequences nested this deep, below pydicom's own limit of some hundreds."""
    inner = Dataset()
    inner.CodeValue = "INNERMOST"
    for _ in range(levels):
        outer = Dataset()
        outer.ContentSequence = Sequence([inner])
        inner = outer
    ds = secondary_capture(study=study)
    ds.update(inner)
    return ds


def undefined_lengths(*, study: int = 34) -> Dataset:
    """Return a report whose sequences and items are ended by delimiters instead of having lengths (PS3.5 7.5.2)."""
    ds = structured_report(study=study)
    for element in ds.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
    return ds


def private_bulk(*, study: int = 35, size: int = 300_000) -> Dataset:
    """Return an MR without pixels that carries `size` bytes in a private element, as spectroscopy does."""
    ds = new_instance(MRImageStorage, "MR", study=study, number=1)
    block = ds.private_block(0x0029, "NOBODY PRIVATE", create=True)
    block.add_new(0x10, "OB", bytes(range(256)) * (size // 256) + bytes(size % 256 // 2 * 2))
    block.add_new(0x11, "UN", b"\x01\x02\x03\x04")
    block.add_new(0x12, "LO", "SMALL")
    return ds


def odd_length_values(*, study: int = 36) -> Instance:
    """Return a secondary capture with text and pixels of odd length, against PS3.5 7.1.1 but often met."""
    ds = secondary_capture(study=study)
    del ds.PixelData
    ds.PatientID = "EVEN"
    data = data_set_bytes(ds)
    even = explicit_element(0x00100020, "LO", b"EVEN")
    odd = even[:6] + struct.pack("<H", 3) + b"ODD"
    pixels = struct.pack("<HH2sxxI", 0x7FE0, 0x0010, b"OB", 3) + b"\1\2\3"
    return Instance(ds.SOPClassUID, ds.SOPInstanceUID, ExplicitVRLittleEndian, data.replace(even, odd) + pixels)


def group_lengths_and_padding(*, study: int = 37) -> Instance:
    """Return a secondary capture that begins with a retired group length and ends in Data Set Trailing Padding."""
    ds = secondary_capture(study=study)
    body = data_set_bytes(ds)
    group_8 = body[: body.index(struct.pack("<HH", 0x0010, 0x0010))]
    length = explicit_element(0x00080000, "UL", struct.pack("<I", len(group_8)))
    padding = explicit_element(0xFFFCFFFC, "OB", bytes(126))
    return Instance(ds.SOPClassUID, ds.SOPInstanceUID, ExplicitVRLittleEndian, length + body + padding)


def unknown_vr_sequence(*, study: int = 38) -> Instance:
    """Return a secondary capture with a private sequence as UN of undefined length: implicit inside (PS3.5 6.2.2)."""
    ds = secondary_capture(study=study)
    pixels = explicit_element(0x7FE00010, "OB", ds.PixelData)
    del ds.PixelData
    item_body = struct.pack("<HHI", 0x0029, 0x1021, 4) + b"TEXT"
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(item_body)) + item_body
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    creator = explicit_element(0x00290010, "LO", b"NOBODY PRIVATE")
    sequence = struct.pack("<HH2sxxI", 0x0029, 0x1020, b"UN", 0xFFFFFFFF) + item + end
    data = data_set_bytes(ds) + creator + sequence + pixels
    return Instance(ds.SOPClassUID, ds.SOPInstanceUID, ExplicitVRLittleEndian, data)


def encoded(ds: Dataset) -> Instance:
    """Return a data set as it is sent in its own transfer syntax."""
    return Instance(ds.SOPClassUID, ds.SOPInstanceUID, ds.file_meta.TransferSyntaxUID, data_set_bytes(ds))


def every_instance() -> dict[str, Instance]:
    """Return one of each image and each oddity, encoded, by a short name; every one in a study of its own."""
    data_sets = every_image() | {
        "sr": structured_report(),
        "sr-undefined-lengths": undefined_lengths(),
        "pdf": encapsulated_pdf(),
        "pdf-large": encapsulated_pdf(study=39, size=400_001),
        "nested-16": nested(16),
        "nested-64-implicit": in_syntax(nested(64, study=40), "1.2.840.10008.1.2"),
        "private-bulk": private_bulk(),
    }
    for n, charset in enumerate(PATIENT_NAMES):
        data_sets[f"charset-{charset}"] = in_character_set(charset, study=50 + n)
    return {name: encoded(ds) for name, ds in data_sets.items()} | {
        "odd-lengths": odd_length_values(),
        "group-length-and-padding": group_lengths_and_padding(),
        "un-sequence": unknown_vr_sequence(),
    }


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return an item of a code sequence (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    item.ContextUID = uid("context", scheme)
    return item
