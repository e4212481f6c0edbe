"""Structured reports as pages and as plain text: complete, in order, and harmless."""

from xml.etree import ElementTree as ET

import pytest
from pydicom import Dataset, Sequence
from pydicom.uid import ComprehensiveSRStorage

from conformance import oddities, phantoms
from dicomweb.report import report_html, report_text
from pictures import items, subject
from vna.dicom.tree import Leaf, Tree

XHTML = "{http://www.w3.org/1999/xhtml}"


def code(meaning: str) -> Sequence:
    return items(CodeValue="1", CodingSchemeDesignator="99X", CodeMeaning=meaning)


def item(kind: str, name: str, **attributes: object) -> Dataset:
    return items(RelationshipType="CONTAINS", ValueType=kind, ConceptNameCodeSequence=code(name), **attributes)[0]


def report(*content: Dataset, **attributes: object) -> Tree:
    ds = phantoms.new_instance(ComprehensiveSRStorage, "SR", study=960, number=1)
    ds.ValueType, ds.ConceptNameCodeSequence, ds.ContentSequence = "CONTAINER", code("Findings"), Sequence(content)
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return subject(ds).header


def test_a_report_as_plain_text() -> None:
    text = report_text(subject(oddities.structured_report()).header)

    assert text.startswith("Imaging Measurement Report\n")
    assert "Patient: PHANTOM NUMBER 31\n" in text
    assert text.endswith("Finding: Nodule\n  Long Axis: 12.5 mm\n")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (item("TEXT", "Said", TextValue="one\r\ntwo"), "Said: one\n  two"),
        (item("CODE", "Site", ConceptCodeSequence=code("Liver")), "Site: Liver"),
        (item("PNAME", "Observer", PersonName="DOE^JANE"), "Observer: DOE JANE"),
        (item("DATE", "Day", Date="20240229"), "Day: 20240229"),
        (item("TIME", "At", Time="1011"), "At: 1011"),
        (item("DATETIME", "When", DateTime="202402291011"), "When: 202402291011"),
        (item("UIDREF", "Of", UID="1.2.3"), "Of: 1.2.3"),
        (item("IMAGE", "Seen", ReferencedSOPSequence=items(ReferencedSOPInstanceUID="1.2.4")), "Seen: image 1.2.4"),
        (item("SCOORD", "Where", GraphicType="POINT", GraphicData=[1.5, 2]), "Where: point 1.5, 2"),
        (item("CONTAINER", "Part"), "Part"),
        (item("NUM", "None", NumericValueQualifierCodeSequence=code("Not measured")), "None: Not measured"),
    ],
    ids=lambda part: part.ValueType if isinstance(part, Dataset) else "",
)
def test_every_type_of_content_is_said(content: Dataset, line: str) -> None:
    assert report_text(report(content)).endswith(f"\n{line}\n")


def test_a_page_is_well_formed_and_says_the_same() -> None:
    inner = item("TEXT", "Inner", TextValue="deep")
    outer = item("CONTAINER", "Outer", ContentSequence=Sequence([inner, item("TEXT", "Next", TextValue="on")]))
    page = ET.fromstring(report_html(report(outer, item("TEXT", "Last", TextValue="a\nb"))))

    lists = page.findall(f".//{XHTML}ul")
    assert [len(each.findall(f"{XHTML}li")) for each in lists] == [2, 2]
    assert [each.text for each in page.iter(f"{XHTML}b")] == ["Outer", "Inner", "Next", "Last"]
    assert page.findtext(f".//{XHTML}pre") == "a\nb"


def test_nothing_a_report_says_becomes_markup() -> None:
    bad = "<script>alert(1)</script>&\"'\0\x1b"

    page = report_html(report(item("TEXT", bad, TextValue=bad), PatientName=bad, StudyDescription=bad))

    assert "<script" not in page
    ET.fromstring(page)


def test_a_report_nested_very_deep_is_read() -> None:
    header = Tree(values={0x0040A040: Leaf("CS", b"TEXT"), 0x0040A160: Leaf("UT", b"here")})
    for _ in range(2000):
        header = Tree(sequences={0x0040A730: [header]})

    assert "here" in report_text(header)
    assert len(list(ET.fromstring(report_html(header)).iter(f"{XHTML}li"))) == 2000


def test_a_report_without_content() -> None:
    assert report_text(Tree()) == "Structured report\n\n\n"
    ET.fromstring(report_html(Tree()))
