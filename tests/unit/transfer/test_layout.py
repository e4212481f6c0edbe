"""Every exported file gets a place of its own that every file system takes."""

import string
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.fileset import is_conformant_file_id

from vna.archive import HeldInstance
from vna.model import InstanceKey, InstanceUID, SeriesUID, StudyUID
from vna.transfer.layout import DEFAULT_LAYOUT, MEDIA, Layout
from vna.transfer.selection import Selected

VALUES = {"PatientID": "P1", "StudyDate": "20240102", "Modality": "CT", "SeriesNumber": "3"}


def _selected(
    values: Mapping[str, str] = VALUES, *, instance: str = "1.2.3", version: int = 1, served: bool = True
) -> Selected:
    key = InstanceKey(StudyUID("1.2"), SeriesUID("1.2.1"), InstanceUID(instance))
    return Selected(HeldInstance(1, key, "1.2", "1.2", 10, version, "00"), served, values)


def test_the_default_layout_is_a_tree_a_person_can_read() -> None:
    assert Layout(DEFAULT_LAYOUT).path(_selected()) == "P1/20240102-1.2/CT-3/1.2.3.dcm"


def test_what_has_no_value_still_has_a_name() -> None:
    assert Layout(DEFAULT_LAYOUT).path(_selected({})) == "unknown/unknown-1.2/unknown-unknown/1.2.3.dcm"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("../../etc", "etc"),
        ("a/b\\c", "a_b_c"),
        ("Müller^Jürgen", "Müller_Jürgen"),
        ("山田^太郎", "山田_太郎"),
        ("a\nb\0c", "a_b_c"),
        ("con", "_con"),
        ("...", "unknown"),
        ("x. ", "x"),
        (".hidden", "hidden"),
    ],
    ids=["up", "separators", "Latin", "Japanese", "control", "reserved", "dots", "trailing", "hidden"],
)
def test_a_value_becomes_a_safe_name(value: str, name: str) -> None:
    assert Layout("{PatientID}/x").path(_selected({"PatientID": value})) == f"{name}/x"


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_value_leads_out_of_the_folder_or_is_too_long(one: str, other: str) -> None:
    path = Layout("{PatientID}/{StudyDescription}-{PatientName}.dcm").path(
        _selected({"PatientID": one, "StudyDescription": other, "PatientName": one})
    )

    folder, name = path.split("/")
    for component in (folder, name):
        assert component
        assert not component.startswith(".")
        assert len(component.encode()) <= 220
        assert component.isprintable()
        assert not set(component) & set('\\/:*?"<>|')


def test_no_two_instances_get_one_path_whatever_their_case() -> None:
    layout = Layout("{PatientID}/file.dcm")

    paths = [layout.path(_selected({"PatientID": patient})) for patient in ("a", "A", "a")]

    assert paths == ["a/file.dcm", "A/file-2.dcm", "a/file-3.dcm"]


@pytest.mark.parametrize(
    ("layout", "path"), [("{SOPInstanceUID}.dcm", "1.2.3.v2.dcm"), ("{SOPInstanceUID}", "1.2.3.v2")]
)
def test_a_version_that_is_not_served_says_so(layout: str, path: str) -> None:
    assert Layout(layout).path(_selected(version=2, served=False)) == path


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "/abs",
            "a//b",
            "../{PatientID}",
            "{NoSuchKeyword}",
            "{PatientID",
            "{PatientID!r}",
            "{PatientID:>9}",
            "{}",
        ),
        *("{NumberOfStudyRelatedSeries}", "{RequestAttributesSequence}"),
    ],
)
def test_a_layout_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Layout(text)


def test_media_names_conform_and_are_the_same_every_time() -> None:
    allowed = set(string.ascii_uppercase + string.digits + "_")

    paths = [Layout(MEDIA).path(_selected(instance=f"1.2.{n}")) for n in range(50)]

    assert paths == [Layout(MEDIA).path(_selected(instance=f"1.2.{n}")) for n in range(50)]
    assert len({path.rpartition("/")[0] for path in paths}) == 1
    assert len(set(paths)) == 50
    for path in paths:
        assert is_conformant_file_id(Path(path))
        assert all(set(component) <= allowed and len(component) <= 8 for component in path.split("/"))


def test_on_media_the_same_id_from_two_issuers_is_two_patients() -> None:
    layout = Layout(MEDIA)

    folders = {layout.path(_selected({"PatientID": "1", "IssuerOfPatientID": issuer})).split("/")[1] for issuer in "AB"}

    assert len(folders) == 2
