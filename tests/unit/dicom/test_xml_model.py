"""The Native DICOM Model (PS3.19 A.1), held against DCMTK's dcm2xml."""

import json
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from conformance import oddities, phantoms
from dcmtk import program
from held_data_sets import held
from vna.dicom.json_model import JsonWriter
from vna.dicom.xml_model import MAX_LEVELS, NAMESPACE, native_xml
from vna.errors import CannotConvert

DCM2XML = program("dcm2xml")


def model(ds: Dataset) -> dict[str, Any]:
    """Return a data set as JSON says it."""
    stored = held(phantoms.data_set_bytes(ds), ds.file_meta.TransferSyntaxUID)
    found: dict[str, Any] = json.loads(JsonWriter().data_set(stored, bulk_uri="http://node"))
    return found


def flat(root: ET.Element, path: str = "") -> list[tuple[str, str]]:
    """Return all attributes and texts of an XML document by their place in it, private blocks and bulk left out."""
    found = []
    for child in root:
        name = child.tag.removeprefix(f"{{{NAMESPACE}}}")
        here = f"{path}/{name}{child.get('tag', '')}{child.get('number', '')}"
        if name == "DicomAttribute" and (child.get("tag") or "")[:4] in ("7FE0", "0002"):
            continue
        found += [(here, child.get("vr", "") + child.get("keyword", "") + (child.text or "").strip())]
        found += flat(child, here)
    return found


@pytest.mark.skipif(DCM2XML is None, reason="DCMTK's dcm2xml is not installed")
@pytest.mark.parametrize(
    "ds",
    [phantoms.ct_slice(size=16), oddities.structured_report(), oddities.nested(5), phantoms.us_multiframe(frames=1)],
    ids=["ct", "report", "nested", "us"],
)
def test_dcmtk_writes_the_same(ds: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "one.dcm"
    file.write_bytes(phantoms.part10(ds))
    theirs = subprocess.run([str(DCM2XML), "--native-format", str(file)], check=True, capture_output=True, timeout=20)

    assert flat(ET.fromstring(native_xml(model(ds)))) == flat(ET.fromstring(theirs.stdout))


def test_private_attributes_name_their_creator_without_its_block() -> None:
    creator = {"vr": "LO", "Value": ['ACME "1"']}
    found = ET.fromstring(native_xml({"00091000": {"vr": "CS", "Value": ["A"]}, "00090010": creator}))

    assert found[0].attrib == {"tag": "00090000", "privateCreator": 'ACME "1"', "vr": "CS"}
    assert found[1].attrib == {"tag": "00090010", "vr": "LO"}


def test_markup_control_characters_bulk_and_empty_values() -> None:
    root = ET.fromstring(
        native_xml(
            {
                "00100020": {"vr": "LO", "Value": ["a<b>&\x1b", None, 'c"']},
                "00281201": {"vr": "OW", "InlineBinary": "AAE="},
                "7FE00010": {"vr": "OW", "BulkDataURI": "http://node/b?a=1&c=<"},
            }
        )
    )

    assert [value.text for value in root[0]] == ["a<b>&\ufffd", None, 'c"']
    assert root[1][0].text == "AAE="
    assert root[2][0].attrib == {"uri": "http://node/b?a=1&c=<"}


def test_what_is_nested_too_deep_for_xml_is_said() -> None:
    data_set: dict[str, Any] = {}
    for _ in range(MAX_LEVELS + 1):
        data_set = {"00081140": {"vr": "SQ", "Value": [data_set]}}

    with pytest.raises(CannotConvert, match="nested"):
        native_xml(data_set)
