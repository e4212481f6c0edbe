"""Verification (PS3.4 Annex A), and what every DIMSE response must have (PS3.7 9.3)."""

from conformance.checks.registry import check
from conformance.checks.session import EXPLICIT, IMPLICIT, Session, reader_of
from conformance.checks.verdicts import Failed, expect_equal
from conformance.messages import NO_DATA_SET, Field, Message, Tag
from conformance.requests import VERIFICATION, send_request
from conformance.upper_layer import Association, Proposal

_ECHO: dict[Tag, int | str] = {Tag.SOP_CLASS: VERIFICATION, Tag.COMMAND_FIELD: Field.ECHO_RQ}


@check("verification.echo", "C-ECHO is answered with success", "PS3.4 A.4")
def echo(session: Session) -> None:
    """Ask once."""
    with session.open_for(VERIFICATION) as association:
        expect_equal(_echo(association).status, 0, "the status")


@check("verification.echo-repeated", "Several C-ECHO on one association are each answered", "PS3.7 9.1.5")
def echo_repeated(session: Session) -> None:
    """Ask three times."""
    with session.open_for(VERIFICATION) as association:
        expect_equal([_echo(association).status for _ in range(3)], [0, 0, 0], "the statuses")


@check(
    "verification.response", "The response repeats message ID and SOP Class, and says it has no data", "PS3.7 9.3.5.2"
)
def response_fields(session: Session) -> None:
    """Read the command elements of a C-ECHO-RSP."""
    with session.open_for(VERIFICATION) as association:
        send_request(association, VERIFICATION, _ECHO, None)
        message_id = send_request(association, VERIFICATION, _ECHO, None)
        _next(association)
        response = _next(association)
    expect_equal(response.command_field, Field.ECHO_RSP, "Command Field")
    expect_equal(response.number(Tag.RESPONDED_TO), message_id, "Message ID Being Responded To")
    expect_equal(response.number(Tag.DATA_SET_TYPE), NO_DATA_SET, "Command Data Set Type")
    if Tag.SOP_CLASS in response.fields:
        expect_equal(response.text(Tag.SOP_CLASS), VERIFICATION, "Affected SOP Class UID")


@check("verification.default-syntax", "Implicit VR Little Endian is accepted beside others", "PS3.5 10.1")
def default_syntax(session: Session) -> str:
    """Propose it in a context of its own and in one with others."""
    proposals = (Proposal(VERIFICATION, (IMPLICIT,)), Proposal(VERIFICATION, (EXPLICIT, IMPLICIT)))
    with session.open(*proposals) as association:
        expect_equal(association.accepted.get(1), IMPLICIT, "the transfer syntax of the first context")
        chosen = association.accepted.get(3)
    return {EXPLICIT: "chooses Explicit VR where both are offered", None: "takes one context of this class"}.get(
        chosen, ""
    )


def _echo(association: Association) -> Message:
    send_request(association, VERIFICATION, _ECHO, None)
    return _next(association)


def _next(association: Association) -> Message:
    message = reader_of(association).read()
    if message is None:
        raise Failed("the node released the association instead of answering")
    return message
