"""A report as an encapsulated PDF (PS3.3 A.45.1): a real one-page document, put together by hand."""

from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from sample_data.studies import Series, code


def report(series: Series, title: str, lines: tuple[str, ...]) -> Dataset:
    """Return a document with a title and lines of text in it."""
    ds = series.new_instance(EncapsulatedPDFStorage, 1)
    data = document(title, lines)
    ds.DocumentTitle, ds.BurnedInAnnotation, ds.ConversionType = title, "YES", "WSD"
    ds.AcquisitionDateTime = ""
    ds.ConceptNameCodeSequence = [code("18748-4", "LN", "Diagnostic Imaging Report")]
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    ds.EncapsulatedDocumentLength = len(data)
    ds.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    return ds


def document(title: str, lines: tuple[str, ...]) -> bytes:
    """Return a PDF 1.4 file of one A4 page in Helvetica, in the characters of Windows Latin 1 (ISO 32000-1 7.5)."""
    shown = [f"BT /F2 15 Tf 60 770 Td ({_escaped(title)}) Tj ET", "0.5 w 60 760 m 535 760 l S"]
    shown += [f"BT /F1 11 Tf 60 {732 - 17 * n} Td ({_escaped(line)}) Tj ET" for n, line in enumerate(lines)]
    stream = "\n".join(shown).encode("cp1252")
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 7 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        font % b"Helvetica",
        font % b"Helvetica-Bold",
        b"<< /Font << /F1 5 0 R /F2 6 0 R >> >>",
    ]
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    starts = []
    for number, content in enumerate(objects, 1):
        starts.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % start for start in starts)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
