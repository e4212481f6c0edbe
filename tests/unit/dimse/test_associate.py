"""A-ASSOCIATE PDUs, with pynetdicom's own classes as the reference in both directions."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import build_context

from vna.dimse.associate import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION,
    AnsweredContext,
    AssociateAccept,
    AssociateRequest,
    MalformedPdu,
    ProposedContext,
    Roles,
    UserInformation,
    decode_accept,
    decode_request,
)
from vna.dimse.pdu import PDU_HEADER

CT = "1.2.840.10008.5.1.4.1.1.2"
STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"

REQUEST = AssociateRequest(
    "VNA",
    "MODALITY 1",
    (ProposedContext(1, CT, (EXPLICIT, IMPLICIT)), ProposedContext(3, STUDY_FIND, (IMPLICIT,))),
    UserInformation(16384, "PEER_1", {CT: Roles(scu=True, scp=True)}, {STUDY_FIND: b"\1\1"}),
)


def _body(pdu: bytes) -> bytes:
    kind, length = PDU_HEADER.unpack_from(pdu)
    assert kind in (1, 2)
    assert length == len(pdu) - PDU_HEADER.size
    return pdu[PDU_HEADER.size :]


def _of_pynetdicom(kind: type[Any], pdu: bytes) -> Any:
    decoded = kind()
    decoded.decode(pdu)
    return decoded


def test_a_request_reads_back_as_it_was() -> None:
    assert decode_request(_body(REQUEST.encode())) == REQUEST


def test_pynetdicom_reads_our_request() -> None:
    theirs = _of_pynetdicom(A_ASSOCIATE_RQ, REQUEST.encode())

    assert (theirs.called_ae_title, theirs.calling_ae_title) == ("VNA", "MODALITY 1")
    assert [each.abstract_syntax for each in theirs.presentation_context] == [CT, STUDY_FIND]
    assert theirs.presentation_context[0].transfer_syntax == [EXPLICIT, IMPLICIT]
    assert theirs.user_information.maximum_length == 16384
    assert theirs.user_information.implementation_class_uid == IMPLEMENTATION_CLASS_UID
    assert theirs.user_information.role_selection[CT].scp == 1
    assert theirs.user_information.ext_neg[0].app_info == b"\1\1"


def test_pynetdicom_reads_our_accept() -> None:
    accept = AssociateAccept("VNA", "MODALITY 1", (AnsweredContext(1, 0, EXPLICIT),), UserInformation(262144, "V"))

    theirs = _of_pynetdicom(A_ASSOCIATE_AC, accept.encode())

    assert theirs.presentation_context[0].context_id == 1
    assert theirs.presentation_context[0].transfer_syntax == EXPLICIT
    assert theirs.user_information.maximum_length == 262144
    assert decode_accept(_body(accept.encode())) == accept


def _user_information() -> list[Any]:
    length = MaximumLengthNotification()
    length.maximum_length_received = 32768
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = "1.2.3"
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = "THEIRS"
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid, role.scu_role, role.scp_role = CT, False, True
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid, extended.service_class_application_information = STUDY_FIND, b"\1"
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field, identity.positive_response_requested = 1, b"me", True
    return [length, implementation, version, role, extended, identity]


def test_we_read_the_request_of_pynetdicom() -> None:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title, primitive.called_ae_title = "THEM", "VNA"
    context = build_context(CT, [EXPLICIT])
    context.context_id = 5
    primitive.presentation_context_definition_list = [context]
    primitive.user_information = _user_information()

    request = decode_request(_body(A_ASSOCIATE_RQ(primitive).encode()))

    assert request.contexts == (ProposedContext(5, CT, (EXPLICIT,)),)
    assert request.user == UserInformation(32768, "THEIRS", {CT: Roles(scu=False, scp=True)}, {STUDY_FIND: b"\1"})


def test_an_unknown_item_is_skipped() -> None:
    """PS3.8 9.3.1: items of unrecognized types are ignored."""
    unknown = bytes((0x7A, 0)) + (3).to_bytes(2, "big") + b"abc"

    assert decode_request(_body(REQUEST.encode()) + unknown) == REQUEST


def test_an_ae_title_cannot_upset_the_log() -> None:
    body = bytearray(_body(REQUEST.encode()))
    body[20:36] = b"EVIL\n2026 INFO\xff "

    assert decode_request(bytes(body)).calling_ae_title == "EVIL?2026 INFO?"


@pytest.mark.parametrize(
    ("contexts", "complaint"),
    [
        ((), "no presentation context"),
        ((ProposedContext(2, CT, (EXPLICIT,)),), "odd"),
        ((ProposedContext(1, CT, (EXPLICIT,)), ProposedContext(1, CT, (IMPLICIT,))), "twice"),
        ((ProposedContext(1, "", (EXPLICIT,)),), "no abstract syntax"),
    ],
)
def test_contexts_that_break_the_rules_are_refused(contexts: tuple[ProposedContext, ...], complaint: str) -> None:
    request = AssociateRequest("VNA", "PEER", contexts, UserInformation())

    with pytest.raises(MalformedPdu, match=complaint):
        decode_request(_body(request.encode()))


def test_the_version_name_fits_its_item() -> None:
    """PS3.7 D.3.3.2: 1 to 16 characters."""
    assert 1 <= len(IMPLEMENTATION_VERSION) <= 16


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_request_is_read_or_refused_but_never_worse(data: st.DataObject) -> None:
    body = bytearray(_body(REQUEST.encode()))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))

    for decode in (decode_request, decode_accept):
        with suppress(MalformedPdu):
            decode(bytes(body[:cut]))


def test_a_request_of_very_many_items_is_refused() -> None:
    contexts = (ProposedContext(1, "1.2", ("1.2.840.10008.1.2",) * 1025),)

    with pytest.raises(MalformedPdu, match="more than 1024 items"):
        decode_request(AssociateRequest("A", "B", contexts, UserInformation(0, "")).encode()[PDU_HEADER.size :])
