"""Extra attributes are read from the settings, found in data sets, asked for by queries and answered to them."""

from io import BytesIO

import pytest
from pydicom import Dataset
from pydicom.filereader import read_dataset

from data_sets import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, encoded
from vna.dicom.attributes import Level, Model
from vna.dicom.extra import ExtraAttributes, creators_of, parse_extra, value_of
from vna.dicom.identifier import encode_identifier
from vna.dicom.matching import SingleValue, Universal
from vna.dicom.query import parse_identifier
from vna.dicom.scan import scan
from vna.errors import IdentifierMismatch

PRIVATE = "0019xx0C:SIEMENS MR HEADER"


def in_block(block: int, element: int, vr: str, value: object, *, creator: str = "SIEMENS MR HEADER") -> Dataset:
    ds = Dataset()
    ds.add_new(0x00190000 | block, "LO", creator)
    ds.add_new(0x00190000 | block << 8 | element, vr, value)
    return ds


@pytest.mark.parametrize(
    ("setting", "level", "tag", "vr"),
    [
        ("ExposureTime", Level.IMAGE, 0x00181150, "IS"),
        ("exposureTime @ Series".replace("e", "E", 1), Level.SERIES, 0x00181150, "IS"),
        ("00080081@series", Level.SERIES, 0x00080081, "ST"),
        ("ResponsiblePerson@patient", Level.PATIENT, 0x00102297, "PN"),
        (PRIVATE, Level.IMAGE, 0x0019100C, "IS"),
        ("0051XX0f:nobody knows@study", Level.STUDY, 0x0051100F, "LO"),
    ],
)
def test_a_setting_names_an_attribute_and_its_level(setting: str, level: Level, tag: int, vr: str) -> None:
    found = parse_extra(setting)

    assert (found.level, found.tag, found.vr) == (level, tag, vr)
    assert parse_extra(found.setting) == found


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("StudyDate", "queries know StudyDate without that"),
        ("SpecificCharacterSet", "queries know"),
        ("NoSuchThing", "no keyword"),
        ("ExposureTime@slice", "the level is one of patient, study, series, instance"),
        ("PixelData", "its VR is OB"),
        ("AnatomicRegionSequence@series", "its VR is SQ"),
        ("0029xx10:SIEMENS CSA HEADER", "its VR is OB"),
        ("0019100C", "a private attribute is written GGGGxxEE:CREATOR"),
        ("0018xx0C:EVEN", "private groups have odd numbers"),
        ("00020010", "not an attribute of a data set"),
        ("7FFF0010", "a private attribute"),
        ("", "no keyword"),
    ],
)
def test_what_cannot_be_had_is_refused_with_words(setting: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_extra(setting)


def test_an_attribute_is_named_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        ExtraAttributes(["ExposureTime", "00181150@series"])


def test_each_creator_of_a_group_has_a_block() -> None:
    found = ExtraAttributes([PRIVATE, "0019xx0C:OTHER", "0019xx0D:SIEMENS MR HEADER"])

    assert [f"{each.tag:08X}" for each in found] == ["0019100C", "0019110C", "0019100D"]
    assert creators_of(found) == {"00190010": "SIEMENS MR HEADER", "00190011": "OTHER"}


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE])
@pytest.mark.parametrize(
    ("keyword", "value", "text"),
    [
        ("ExposureTime", "0120", "0120"),
        ("ImagedVolumeWidth", 0.5, "0.5"),
        ("TagThickness", [-1.5, 2e300], "-1.5\\2e+300"),
        ("ReferencePixelX0", -70000, "-70000"),
        ("SmallestImagePixelValue", [7], "7"),
        ("InstitutionAddress", "1 \\ 2", "1 \\ 2"),
        ("RequestingPhysician", "Roux^A=ろ", "Roux^A=ろ"),
    ],
)
def test_values_are_read_in_every_encoding(syntax: str, keyword: str, value: object, text: str) -> None:
    ds = Dataset()
    ds.SpecificCharacterSet, ds.PixelRepresentation = "ISO_IR 192", 0
    setattr(ds, keyword, value)

    assert value_of(scan(encoded(ds, syntax), syntax), parse_extra(keyword)) == text


@pytest.mark.parametrize(("block", "creator", "text"), [(0x10, "SIEMENS MR HEADER", "5"), (0xFF, "OTHER", "")])
def test_a_private_value_is_found_by_its_creator(block: int, creator: str, text: str) -> None:
    ds = in_block(block, 0x0C, "IS", "5", creator=creator)

    assert value_of(scan(encoded(ds, EXPLICIT_LE), EXPLICIT_LE), parse_extra(PRIVATE)) == text


def test_what_is_asked_for_is_told_apart_from_what_is_not_known() -> None:
    extra = ExtraAttributes(["ExposureTime", "InstitutionAddress@series", PRIVATE])
    ds = in_block(0x22, 0x0C, "IS", "5")
    ds.QueryRetrieveLevel, ds.StudyInstanceUID, ds.SeriesInstanceUID = "SERIES", "1.2", ""
    ds.InstitutionAddress, ds.ExposureTime, ds.SliceThickness = "", "", ""
    del ds[0x0019220C]
    series = parse_identifier(scan(encoded(ds, EXPLICIT_LE), EXPLICIT_LE), Model.STUDY_ROOT, extra=extra)

    ds.QueryRetrieveLevel, ds.SeriesInstanceUID, ds[0x0018, 0x0050].value = "IMAGE", "1.2.3", None
    ds.add_new(0x0019220C, "IS", "5")
    image = parse_identifier(scan(encoded(ds, EXPLICIT_LE), EXPLICIT_LE), Model.STUDY_ROOT, extra=extra)

    assert series.extra == {extra[1]: Universal()}
    assert set(series.unsupported) == {"00190022", "SliceThickness", "ExposureTime"}
    assert image.extra == {extra[0]: Universal(), extra[1]: Universal(), extra[2]: SingleValue("5")}
    assert image.unsupported == ("SliceThickness",)


def test_a_key_below_the_level_is_refused() -> None:
    ds = Dataset()
    ds.QueryRetrieveLevel, ds.StudyInstanceUID, ds.ExposureTime = "STUDY", "", "5"

    with pytest.raises(IdentifierMismatch, match=r"\(0018,1150\) ExposureTime: key below STUDY level"):
        parse_identifier(
            scan(encoded(ds, EXPLICIT_LE), EXPLICIT_LE), Model.STUDY_ROOT, extra=ExtraAttributes(["ExposureTime"])
        )


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE])
def test_answers_hold_numbers_and_private_values_with_their_creator(syntax: str) -> None:
    extra = ExtraAttributes(["ImagedVolumeWidth", "ReferencePixelX0", PRIVATE])
    values = {"ImagedVolumeWidth": "0.5", "ReferencePixelX0": "-7", "0019100C": "100", **creators_of(extra)}
    vrs = {each.keyword: each.vr for each in extra} | {"00190010": "LO"}

    data = encode_identifier(Level.IMAGE, values, charset_requested="", transfer_syntax=syntax, vrs=vrs)
    read = read_dataset(BytesIO(data), syntax == IMPLICIT_LE, syntax != EXPLICIT_BE)

    assert (read.ImagedVolumeWidth, read.ReferencePixelX0) == (0.5, -7)
    assert read.private_block(0x0019, "SIEMENS MR HEADER")[0x0C].value == 100
