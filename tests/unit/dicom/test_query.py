import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, Sequence

from data_sets import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, data_set, scanned
from vna.dicom.attributes import ATTRIBUTES, BY_KEYWORD, Level, Model, Storage, at_level
from vna.dicom.matching import ListOfUID, Range, SequenceMatch, SingleValue, Universal, WildCard
from vna.dicom.query import Query, parse_identifier, retrieve_query
from vna.dicom.scan import scan
from vna.errors import IdentifierMismatch


def find(model: Model = Model.STUDY_ROOT, *, relational: bool = False, combined: bool = False, **keys: object) -> Query:
    return parse_identifier(scanned(data_set(**keys)), model, relational=relational, combined_datetime=combined)


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE])
def test_keys_are_read_in_every_transfer_syntax(syntax: str) -> None:
    identifier = data_set(QueryRetrieveLevel="STUDY", PatientName="Doe^*", StudyDate="20240101-", StudyInstanceUID="")

    query = parse_identifier(scanned(identifier, syntax), Model.STUDY_ROOT)

    assert query.level is Level.STUDY
    assert query.keys == {
        "PatientName": WildCard("Doe^*"),
        "StudyDate": Range("20240101", None),
        "StudyInstanceUID": Universal(),
    }


def test_keys_are_in_the_character_set_of_the_request() -> None:
    query = find(QueryRetrieveLevel="STUDY", SpecificCharacterSet="ISO_IR 144", PatientName="Люкceмбург")

    assert query.keys["PatientName"] == SingleValue("Люкceмбург")
    assert query.charset == "ISO_IR 144"
    assert "SpecificCharacterSet" not in query.unsupported


@pytest.mark.parametrize(
    ("model", "level"),
    [
        (Model.STUDY_ROOT, "PATIENT"),
        (Model.PATIENT_STUDY_ONLY, "SERIES"),
        (Model.PATIENT_STUDY_ONLY, "IMAGE"),
        (Model.STUDY_ROOT, "INSTANCE"),
        (Model.STUDY_ROOT, ""),
        (Model.STUDY_ROOT, None),
    ],
)
def test_a_level_the_model_lacks_is_refused(model: Model, level: str | None) -> None:
    """PS3.4 C.4.1.1.3.1 and C.6."""
    keys = {} if level is None else {"QueryRetrieveLevel": level}

    with pytest.raises(IdentifierMismatch, match=r"\(0008,0052\)"):
        find(model, StudyInstanceUID="1.2", **keys)


def test_the_level_may_be_padded_and_in_small_letters() -> None:
    assert find(QueryRetrieveLevel="study ").level is Level.STUDY


@pytest.mark.parametrize(
    ("model", "level", "keys", "missing"),
    [
        (Model.PATIENT_ROOT, "STUDY", {}, "PatientID"),
        (Model.PATIENT_ROOT, "STUDY", {"PatientID": "A*"}, "PatientID"),
        (Model.PATIENT_STUDY_ONLY, "STUDY", {"PatientID": ""}, "PatientID"),
        (Model.PATIENT_ROOT, "SERIES", {"PatientID": "A"}, "StudyInstanceUID"),
        (Model.STUDY_ROOT, "SERIES", {}, "StudyInstanceUID"),
        (Model.STUDY_ROOT, "SERIES", {"StudyInstanceUID": ["1.2", "1.3"]}, "StudyInstanceUID"),
        (Model.STUDY_ROOT, "IMAGE", {"StudyInstanceUID": "1.2"}, "SeriesInstanceUID"),
    ],
)
def test_a_hierarchical_query_names_what_is_above_it(
    model: Model, level: str, keys: dict[str, object], missing: str
) -> None:
    """PS3.4 C.4.1.2.1: the unique keys above the level, each with a single value."""
    with pytest.raises(IdentifierMismatch, match=missing) as caught:
        find(model, QueryRetrieveLevel=level, **keys)

    assert len(str(caught.value)) <= 64  # Error Comment (0000,0902) is an LO


def test_a_relational_query_need_not() -> None:
    """PS3.4 C.4.1.2.2.1."""
    query = find(Model.PATIENT_ROOT, relational=True, QueryRetrieveLevel="SERIES", Modality="CT")

    assert query.keys == {"Modality": SingleValue("CT"), "SeriesInstanceUID": Universal()}
    assert query.relational


def test_keys_above_the_level_are_matched_and_returned() -> None:
    """More than the standard asks for: careless clients send them and mean them."""
    query = find(QueryRetrieveLevel="SERIES", StudyInstanceUID="1.2", PatientID="P", PatientName="")

    assert query.keys["PatientID"] == SingleValue("P")
    assert query.keys["PatientName"] == Universal()


def test_a_key_with_a_value_below_the_level_is_refused() -> None:
    with pytest.raises(IdentifierMismatch, match=r"\(0008,0060\) Modality"):
        find(QueryRetrieveLevel="STUDY", Modality="CT")


def test_a_return_key_below_the_level_is_left_out() -> None:
    query = find(QueryRetrieveLevel="STUDY", Modality="", SOPInstanceUID="")

    assert query.keys.keys() == {"StudyInstanceUID"}
    assert query.unsupported == ("SOPInstanceUID", "Modality")


def test_unknown_keys_are_named_and_ignored() -> None:
    identifier = data_set(QueryRetrieveLevel="STUDY", StudyIDIssuer="X", SmallestImagePixelValue=None)
    identifier.private_block(0x0011, "SOMEONE", create=True).add_new(1, "LO", "x")

    query = parse_identifier(scanned(identifier), Model.STUDY_ROOT)

    assert query.unsupported == ("00110010", "00111001", "SmallestImagePixelValue", "StudyIDIssuer")


def test_group_lengths_are_no_keys() -> None:
    data = b"\x08\0\0\0UL\x04\0\x0c\0\0\0" + b"\x08\0\x52\0CS\x06\0STUDY "

    assert parse_identifier(scan(data, EXPLICIT_LE), Model.STUDY_ROOT).unsupported == ()


def test_what_the_edge_answers_is_told_apart() -> None:
    query = find(QueryRetrieveLevel="STUDY", RetrieveAETitle="", InstanceAvailability="ONLINE")

    assert set(query.answer_keys) == {"QueryRetrieveLevel", "RetrieveAETitle", "InstanceAvailability"}
    assert query.unsupported == ()


def test_the_time_zone_of_the_identifier_is_no_key() -> None:
    """PS3.4 C.2.2.2: it describes the identifier itself."""
    assert find(QueryRetrieveLevel="STUDY", TimezoneOffsetFromUTC="+0100").keys["TimezoneOffsetFromUTC"] == Universal()


@pytest.mark.parametrize(("zone", "offset"), [("+0100", 60), ("-0330", -210), ("", None), ("CET", None)])
def test_dates_of_an_identifier_are_in_its_time_zone(zone: str, offset: int | None) -> None:
    """PS3.4 C.2.2.2.5: times, and what is midnight."""
    assert find(QueryRetrieveLevel="STUDY", TimezoneOffsetFromUTC=zone, StudyDate="20240301").offset == offset


def test_a_bad_value_is_refused_without_being_repeated() -> None:
    with pytest.raises(IdentifierMismatch, match=r"\(0008,0020\) StudyDate: not a date") as caught:
        parse_identifier(
            scan(b"\x08\0\x20\0DA\x0a\0SMITH^JOHN\x08\0\x52\0CS\x06\0STUDY ", EXPLICIT_LE), Model.STUDY_ROOT
        )

    assert "SMITH" not in str(caught.value)


def test_an_item_of_keys_is_a_sequence_match() -> None:
    item = data_set(ScheduledProcedureStepID="S*", RequestedProcedureID="")

    query = find(QueryRetrieveLevel="SERIES", StudyInstanceUID="1.2", RequestAttributesSequence=Sequence([item]))

    assert query.keys["RequestAttributesSequence"] == SequenceMatch({"ScheduledProcedureStepID": WildCard("S*")})


@pytest.mark.parametrize("items", [[], [Dataset()], [data_set(CodeValue="")]])
def test_an_empty_sequence_or_item_is_universal(items: list[Dataset]) -> None:
    """PS3.4 C.2.2.2.6."""
    query = find(QueryRetrieveLevel="STUDY", ProcedureCodeSequence=Sequence(items))

    assert query.keys["ProcedureCodeSequence"] == Universal()


def test_a_sequence_key_of_two_items_is_refused() -> None:
    items = Sequence([data_set(CodeValue="1"), data_set(CodeValue="2")])

    with pytest.raises(IdentifierMismatch, match="one item"):
        find(QueryRetrieveLevel="STUDY", ProcedureCodeSequence=items)


def test_an_item_key_that_is_not_kept_is_unsupported() -> None:
    item = data_set(CodeValue="1", ContextGroupVersion="20200101")

    query = find(QueryRetrieveLevel="STUDY", ProcedureCodeSequence=Sequence([item]))

    assert query.keys["ProcedureCodeSequence"] == SequenceMatch({"CodeValue": SingleValue("1")})
    assert query.unsupported == ("ProcedureCodeSequence",)


def test_combined_ranges_are_matched_together_only_when_negotiated() -> None:
    """PS3.4 C.2.2.2.5.2."""
    keys = {"QueryRetrieveLevel": "STUDY", "StudyDate": "20060705-20060707", "StudyTime": "1000-1800"}
    evening = {"StudyDate": "20060706", "StudyTime": "2300", "StudyInstanceUID": "1.2"}

    assert find(combined=True, **keys).combined == (("StudyDate", "StudyTime"),)
    assert find(combined=True, **keys).accepts(evening)
    assert not find(**keys).accepts(evening)


def test_combined_ranges_may_go_past_midnight() -> None:
    keys = {"QueryRetrieveLevel": "STUDY", "StudyDate": "20200101-20200102", "StudyTime": "2300-0030"}
    at_night = {"StudyDate": "20200102", "StudyTime": "001500", "StudyInstanceUID": "1.2"}

    assert find(combined=True, **keys).accepts(at_night)
    assert not find(combined=True, **keys).accepts({**at_night, "StudyTime": "010000"})
    for combined, date in ((False, "20200101-20200102"), (True, "20200101"), (True, "")):
        with pytest.raises(IdentifierMismatch, match="StudyTime: range that ends before it starts"):
            find(combined=combined, **{**keys, "StudyDate": date})


def test_ranges_of_different_forms_are_not_combined() -> None:
    query = find(combined=True, QueryRetrieveLevel="STUDY", StudyDate="20060705-", StudyTime="1000-1800")

    assert query.combined == ()


def test_an_entity_is_accepted_if_every_key_matches() -> None:
    query = find(QueryRetrieveLevel="STUDY", PatientName="doe^*", ModalitiesInStudy="CT\\MR", StudyDescription="")
    study = {"PatientName": "Doe^John", "ModalitiesInStudy": "CR\\MR"}

    assert query.accepts(study)
    assert not query.accepts({**study, "PatientName": "Roe^Jane"})
    assert not query.accepts({**study, "ModalitiesInStudy": "CR"})


@given(st.sets(st.sampled_from(at_level(Level.PATIENT) + at_level(Level.STUDY))))
def test_every_attribute_can_be_a_return_key(attributes: set[object]) -> None:
    asked = {each.keyword for each in attributes}  # type: ignore[attr-defined]
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    for keyword in asked:
        identifier.add_new(BY_KEYWORD[keyword].tag, BY_KEYWORD[keyword].vr, None)

    query = parse_identifier(scanned(identifier), Model.STUDY_ROOT)

    assert query.keys == dict.fromkeys({*asked, "StudyInstanceUID"}, Universal())


@given(st.binary(max_size=40), st.sampled_from([each for each in ATTRIBUTES if each.storage is not Storage.SEQUENCE]))
def test_no_bytes_in_a_key_are_worse_than_a_mismatch(raw: bytes, attribute: object) -> None:
    tag = attribute.tag  # type: ignore[attr-defined]
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
    element = head + len(raw).to_bytes(4, "little") + raw
    level = b"\x08\0\x52\0\x06\0\0\0IMAGE "

    with contextlib.suppress(IdentifierMismatch):
        query = parse_identifier(scan(level + element, IMPLICIT_LE), Model.PATIENT_ROOT, relational=True)
        query.accepts({attribute.keyword: "1"})  # type: ignore[attr-defined]


def test_a_retrieve_asks_for_unique_keys_alone() -> None:
    """PS3.4 C.4.2.2.1."""
    identifier = data_set(
        QueryRetrieveLevel="SERIES",
        StudyInstanceUID="1.2",
        SeriesInstanceUID=["1.2.1", "1.2.2"],
        PatientName="X",
        Modality="not looked at",
        StudyDate="20200101-",
    )

    query = retrieve_query(scanned(identifier), Model.STUDY_ROOT)

    assert query.keys == {
        "StudyInstanceUID": SingleValue("1.2"),
        "SeriesInstanceUID": ListOfUID(frozenset({"1.2.1", "1.2.2"})),
    }


@pytest.mark.parametrize(
    ("model", "level", "keys", "missing"),
    [
        (Model.STUDY_ROOT, "STUDY", {}, "StudyInstanceUID"),
        (Model.STUDY_ROOT, "STUDY", {"StudyInstanceUID": ""}, "StudyInstanceUID"),
        (Model.STUDY_ROOT, "IMAGE", {"StudyInstanceUID": "1", "SeriesInstanceUID": "1"}, "SOPInstanceUID"),
        (Model.STUDY_ROOT, "SERIES", {"SeriesInstanceUID": "1.2"}, "StudyInstanceUID"),
        (Model.PATIENT_ROOT, "STUDY", {"StudyInstanceUID": "1.2"}, "PatientID"),
        (Model.PATIENT_ROOT, "PATIENT", {"PatientID": "*"}, "PatientID"),
        (Model.PATIENT_ROOT, "PATIENT", {"PatientID": "A*"}, "PatientID"),
    ],
)
def test_a_retrieve_without_its_keys_is_refused(
    model: Model, level: str, keys: dict[str, object], missing: str
) -> None:
    with pytest.raises(IdentifierMismatch, match=missing) as caught:
        retrieve_query(scanned(data_set(QueryRetrieveLevel=level, **keys)), model)

    assert len(str(caught.value)) <= 64


def test_a_relational_retrieve_needs_no_keys_above_its_level() -> None:
    """PS3.4 C.4.2.2.2.1."""
    identifier = data_set(QueryRetrieveLevel="IMAGE", SOPInstanceUID=["1.2.3", "1.2.4"])

    query = retrieve_query(scanned(identifier), Model.STUDY_ROOT, relational=True)

    assert query.keys == {"SOPInstanceUID": ListOfUID(frozenset({"1.2.3", "1.2.4"}))}


def test_an_issuer_beside_the_patient_id_narrows_a_retrieve() -> None:
    """Without it another hospital's patient of the same ID would be sent as well."""
    identifier = data_set(QueryRetrieveLevel="PATIENT", PatientID="1", IssuerOfPatientID="CLINIC")

    query = retrieve_query(scanned(identifier), Model.PATIENT_ROOT)

    assert query.keys == {"PatientID": SingleValue("1"), "IssuerOfPatientID": SingleValue("CLINIC")}
