"""Command sets, with pynetdicom's primitives and pydicom's reader as the reference."""

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pynetdicom.dimse_messages import C_FIND_RQ, C_MOVE_RQ, C_STORE_RQ
from pynetdicom.dimse_primitives import C_FIND, C_MOVE, C_STORE
from pynetdicom.dsutils import encode

from vna.dimse.command import (
    Command,
    CommandField,
    Counts,
    ElementNumber,
    MalformedCommand,
    Verdict,
    echo_request,
    encode_command,
    parse_command,
    response,
    store_request,
    us,
)
from vna.dimse.status import Status

CT = "1.2.840.10008.5.1.4.1.1.2"


def _read(command: bytes) -> Dataset:
    dataset = read_dataset(BytesIO(command), is_implicit_VR=True, is_little_endian=True)
    assert dataset.CommandGroupLength == len(command) - 12
    del dataset.CommandGroupLength
    return dataset


def _command_of(message: C_STORE_RQ | C_FIND_RQ | C_MOVE_RQ) -> Command:
    raw = encode(message.command_set, is_implicit_vr=True, is_little_endian=True)
    assert raw is not None
    return parse_command(7, raw)


def _store_primitive() -> C_STORE:
    primitive = C_STORE()
    primitive.MessageID = 4711
    primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID = CT, "1.2.3.4.5"
    primitive.Priority = 2
    primitive.DataSet = BytesIO(b"\0\0")
    return primitive


def test_we_read_the_c_store_request_of_pynetdicom() -> None:
    message = C_STORE_RQ()
    message.primitive_to_message(_store_primitive())

    command = _command_of(message)

    assert command.field == CommandField.C_STORE_RQ
    assert (command.message_id, command.has_data_set, command.is_response) == (4711, True, False)
    assert (command.sop_class_uid, command.sop_instance_uid) == (CT, "1.2.3.4.5")


def test_we_read_the_c_move_request_of_pynetdicom() -> None:
    primitive = C_MOVE()
    primitive.MessageID, primitive.Priority, primitive.MoveDestination = 1, 2, "STATION 7"
    primitive.AffectedSOPClassUID = "1.2.840.10008.5.1.4.1.2.2.2"
    primitive.Identifier = BytesIO(b"\0\0")
    message = C_MOVE_RQ()
    message.primitive_to_message(primitive)

    assert _command_of(message).text(ElementNumber.MOVE_DESTINATION) == "STATION 7"


def test_we_read_the_c_find_request_of_pynetdicom() -> None:
    primitive = C_FIND()
    primitive.MessageID, primitive.Priority = 65535, 0
    primitive.AffectedSOPClassUID = "1.2.840.10008.5.1.4.1.2.2.1"
    primitive.Identifier = BytesIO(b"\0\0")
    message = C_FIND_RQ()
    message.primitive_to_message(primitive)

    command = _command_of(message)

    assert (command.field, command.message_id) == (CommandField.C_FIND_RQ, 65535)


def test_a_store_request_names_its_move_originator() -> None:
    """PS3.7 9.3.1.1."""
    command = _read(store_request(CT, "1.2.3.4", message_id=9, originator=("CONSOLE", 77)))

    assert command.CommandField == 1
    assert (command.MessageID, command.CommandDataSetType) == (9, 1)
    assert (command.AffectedSOPClassUID, command.AffectedSOPInstanceUID) == (CT, "1.2.3.4")
    assert (command.MoveOriginatorApplicationEntityTitle, command.MoveOriginatorMessageID) == ("CONSOLE", 77)


def test_an_echo_request_has_no_data_set() -> None:
    command = _read(echo_request("1.2.840.10008.1.1", message_id=1))

    assert (command.CommandField, command.CommandDataSetType) == (0x30, 0x0101)


STORE = parse_command(1, store_request(CT, "1.2.3.4.5", message_id=12))


def _request(field: CommandField) -> Command:
    elements = [
        (ElementNumber.COMMAND_FIELD, us(field)),
        (ElementNumber.MESSAGE_ID, us(12)),
        (ElementNumber.COMMAND_DATA_SET_TYPE, us(1)),
    ]
    return parse_command(1, encode_command(elements))


def test_a_response_repeats_what_it_answers() -> None:
    command = _read(response(STORE, Verdict(Status.SUCCESS)))

    assert (command.CommandField, command.MessageIDBeingRespondedTo, command.Status) == (0x8001, 12, 0)
    assert (command.AffectedSOPClassUID, command.AffectedSOPInstanceUID) == (CT, "1.2.3.4.5")
    assert command.CommandDataSetType == 0x0101
    assert "ErrorComment" not in command


def test_an_error_comment_fits_lo() -> None:
    """Error Comment is LO: 64 characters, no backslash (PS3.7 Annex C, PS3.5 6.2)."""
    comment = "a\\b " + "x" * 100

    command = _read(response(STORE, Verdict(0xA700, comment, ElementNumber.AFFECTED_SOP_CLASS_UID)))

    assert command.ErrorComment == ("a/b " + "x" * 100)[:64]
    assert command.OffendingElement == 0x0000_0002


def test_counts_stand_in_a_retrieve_response() -> None:
    counts = Counts(remaining=70000, completed=2, failed=3, warning=4)

    command = _read(response(_request(CommandField.C_MOVE_RQ), Verdict(0xFF00, counts=counts)))

    assert command.NumberOfRemainingSuboperations == 65535
    assert command.NumberOfCompletedSuboperations == 2
    assert command.NumberOfFailedSuboperations == 3
    assert command.NumberOfWarningSuboperations == 4


def test_a_final_response_has_no_remaining_count() -> None:
    """PS3.7 9.3.4.2: only pending and cancelled responses may have it."""
    counts = Counts(remaining=None, completed=2, failed=0, warning=0)

    assert "NumberOfRemainingSuboperations" not in _read(
        response(_request(CommandField.C_GET_RQ), Verdict(0, counts=counts))
    )


@pytest.mark.parametrize("missing", [0x0100, 0x0110, 0x0800])
def test_what_an_answer_needs_must_be_there(missing: int) -> None:
    elements = {0x0100: us(1), 0x0110: us(5), 0x0800: us(1)}
    del elements[missing]

    with pytest.raises(MalformedCommand, match=f"0000,{missing:04X}"):
        parse_command(1, encode_command(elements.items()))


def test_an_element_of_another_group_is_refused() -> None:
    with pytest.raises(MalformedCommand, match="0010,0010"):
        parse_command(1, b"\x10\0\x10\0\2\0\0\0AB")


@given(st.binary(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(MalformedCommand):
        parse_command(1, raw)


@given(cut=st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_a_cut_off_command_set_never_gives_half_a_value(cut: int) -> None:
    whole = store_request(CT, "1.2.3.4.5", message_id=12)

    with suppress(MalformedCommand):
        assert parse_command(1, whole[:cut]).elements.items() <= parse_command(1, whole).elements.items()
