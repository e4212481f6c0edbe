from pydicom.datadict import dictionary_VR, tag_for_keyword

from vna.dicom.attributes import (
    ATTRIBUTES,
    BY_KEYWORD,
    BY_TAG,
    OF_THE_ANSWER,
    Kind,
    Level,
    Model,
    Storage,
    at_level,
    unique_key,
)
from vna.dicom.identifier import encode_identifier

# PS3.4 tables C.6-1 to C.6-4 and C.6-5: key types U and R, by level.
REQUIRED = {
    Level.PATIENT: {"PatientName": Kind.REQUIRED, "PatientID": Kind.UNIQUE},
    Level.STUDY: {
        "StudyDate": Kind.REQUIRED,
        "StudyTime": Kind.REQUIRED,
        "AccessionNumber": Kind.REQUIRED,
        "StudyID": Kind.REQUIRED,
        "StudyInstanceUID": Kind.UNIQUE,
    },
    Level.SERIES: {
        "Modality": Kind.REQUIRED,
        "SeriesNumber": Kind.REQUIRED,
        "SeriesInstanceUID": Kind.UNIQUE,
    },
    Level.IMAGE: {"InstanceNumber": Kind.REQUIRED, "SOPInstanceUID": Kind.UNIQUE},
}


def test_keys_have_the_types_of_the_standard() -> None:
    for level, keys in REQUIRED.items():
        table = {each.keyword: each.kind for each in at_level(level) if each.kind is not Kind.OPTIONAL}

        assert table == keys


def test_every_attribute_is_in_the_table_once() -> None:
    assert len(BY_KEYWORD) == len(BY_TAG) == len(ATTRIBUTES)
    assert sum(len(at_level(level)) for level in Level) == len(ATTRIBUTES)
    assert not OF_THE_ANSWER.keys() & BY_KEYWORD.keys()


def test_tags_and_vrs_are_those_of_the_data_dictionary() -> None:
    for each in ATTRIBUTES:
        assert each.tag == tag_for_keyword(each.keyword)
        assert each.vr == dictionary_VR(each.tag)


def test_sequences_and_only_they_have_items() -> None:
    for each in ATTRIBUTES:
        is_sequence = each.storage is Storage.SEQUENCE

        assert (each.vr == "SQ") == is_sequence == bool(each.items)


def test_no_attribute_needs_a_binary_reader_we_lack() -> None:
    binary = {"AT", "FD", "FL", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "UN", "UV"}

    assert not binary & {each.vr for each in ATTRIBUTES}


def test_each_level_has_its_unique_key() -> None:
    assert [unique_key(level).keyword for level in Level] == [
        "PatientID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
    ]


def test_models_have_the_levels_of_ps3_4_c_6() -> None:
    assert Model.PATIENT_ROOT.levels == tuple(Level)
    assert Model.STUDY_ROOT.levels == (Level.STUDY, Level.SERIES, Level.IMAGE)
    assert Model.PATIENT_STUDY_ONLY.levels == (Level.PATIENT, Level.STUDY)


def test_every_attribute_can_be_answered_empty() -> None:
    values = dict.fromkeys([*BY_KEYWORD, *OF_THE_ANSWER], "")

    data = encode_identifier(Level.IMAGE, values, charset_requested="", transfer_syntax="1.2.840.10008.1.2.1")

    assert len(data) >= 8 * len(ATTRIBUTES)
