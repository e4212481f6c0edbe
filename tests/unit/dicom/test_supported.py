import json
from pathlib import Path

import pynetdicom.sop_class
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID, AllTransferSyntaxes

from shared_samples import SAMPLES
from vna.dicom.attributes import Model
from vna.dicom.encoding import DEFLATED_UIDS, EXPLICIT_LE_UID, IMPLICIT_LE_UID
from vna.dicom.supported import (
    QUERY_RETRIEVE_CLASSES,
    STORAGE_CLASSES,
    TRANSFER_SYNTAXES,
    Operation,
    SyntaxGroup,
    choose,
    is_compressed,
)

SOPS = SAMPLES.parent / "standard" / "sops.json"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
JPIP = "1.2.840.10008.1.2.4.94"
STREAMS = {f"1.2.840.10008.1.2.7.{number}" for number in (1, 2, 3)}  # PS3.22: no data sets are stored in them


@pytest.mark.skipif(not SOPS.is_file(), reason="../shared/standard is not beside this checkout")
def test_every_storage_class_of_the_standard_is_taken() -> None:
    current = {each["id"] for each in json.loads(Path(SOPS).read_text())}
    current.remove("1.2.840.10008.1.3.10")  # Media Storage Directory, which has no C-STORE

    assert current <= STORAGE_CLASSES.keys()


def test_every_storage_class_pynetdicom_knows_is_taken() -> None:
    lists = (pynetdicom.sop_class._STORAGE_CLASSES, pynetdicom.sop_class._NON_PATIENT_OBJECT_CLASSES)

    assert {uid for each in lists for uid in each.values()} <= STORAGE_CLASSES.keys()


def test_retired_storage_classes_are_taken() -> None:
    names = set(STORAGE_CLASSES.values())

    assert "X-Ray Angiographic Bi-Plane Image Storage" in names
    assert "Standalone Overlay Storage" in names
    assert "Comprehensive SR Storage - Trial" in names


def test_what_is_not_stored_is_no_storage_class() -> None:
    assert not [name for name in STORAGE_CLASSES.values() if "Commitment" in name or "Directory" in name]


def test_every_transfer_syntax_pydicom_knows_is_accepted() -> None:
    assert set(AllTransferSyntaxes) - STREAMS <= TRANSFER_SYNTAXES.keys()


def test_groups_agree_with_pydicom_on_encapsulation() -> None:
    for uid, group in TRANSFER_SYNTAXES.items():
        if group in (SyntaxGroup.LOSSLESS, SyntaxGroup.LOSSY, SyntaxGroup.VIDEO) and uid in AllTransferSyntaxes:
            assert UID(uid).is_encapsulated


def test_compressed_is_all_but_the_uncompressed() -> None:
    plain = {uid for uid in TRANSFER_SYNTAXES if not is_compressed(uid)}

    assert plain == {
        IMPLICIT_LE_UID,
        EXPLICIT_LE_UID,
        "1.2.840.10008.1.2.1.98",
        "1.2.840.10008.1.2.2",
    }
    assert is_compressed("1.2.3.4")
    assert all(map(is_compressed, DEFLATED_UIDS))


def test_query_retrieve_classes_are_those_of_ps3_4_c_6() -> None:
    find = QUERY_RETRIEVE_CLASSES["1.2.840.10008.5.1.4.1.2.2.1"]
    move = QUERY_RETRIEVE_CLASSES["1.2.840.10008.5.1.4.1.2.1.2"]

    assert (find.model, find.operation) == (Model.STUDY_ROOT, Operation.FIND)
    assert (move.model, move.operation) == (Model.PATIENT_ROOT, Operation.MOVE)
    assert {UID(uid).name.rsplit(" - ", 1)[1] for uid in QUERY_RETRIEVE_CLASSES} == set(Operation)


@pytest.mark.parametrize(
    ("offered", "accepted"),
    [
        ([JPEG_BASELINE, IMPLICIT_LE_UID, EXPLICIT_LE_UID], EXPLICIT_LE_UID),
        ([JPEG_2000_LOSSLESS, IMPLICIT_LE_UID], IMPLICIT_LE_UID),
        ([JPEG_BASELINE, JPEG_2000_LOSSLESS, JPEG_LS_LOSSLESS], JPEG_2000_LOSSLESS),
        ([JPEG_LS_LOSSLESS, JPEG_2000_LOSSLESS], JPEG_LS_LOSSLESS),
        ([JPIP, JPEG_BASELINE], JPEG_BASELINE),
        ([JPIP], JPIP),
        (["1.2.3.4", JPEG_BASELINE], JPEG_BASELINE),
        (["1.2.3.4"], None),
        ([], None),
    ],
)
def test_the_syntax_accepted_loses_least(offered: list[str], accepted: str | None) -> None:
    assert choose(offered) == accepted


@given(st.lists(st.sampled_from(sorted(TRANSFER_SYNTAXES)), min_size=1))
def test_any_known_syntax_leads_to_an_accepted_one(offered: list[str]) -> None:
    assert choose(offered) in offered
