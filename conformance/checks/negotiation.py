"""Association establishment (PS3.8 7.1, 9.3; PS3.7 Annex D): contexts, limits, and what must be rejected."""

import struct

from conformance.checks.asking import ask, identifier
from conformance.checks.registry import check
from conformance.checks.session import EXPLICIT, IMPLICIT, SECONDARY_CAPTURE, STUDY_FIND, STUDY_GET, Session, is_stored
from conformance.checks.verdicts import Failed, NotSupported, expect, expect_equal
from conformance.requests import VERIFICATION, store
from conformance.upper_layer import (
    APPLICATION_CONTEXT,
    Acceptance,
    Address,
    Association,
    PduReader,
    PduType,
    Proposal,
    Refused,
    Requestor,
    item,
)

_ECHO = Proposal(VERIFICATION, (IMPLICIT,))
_NO_CLASS, _NO_SYNTAX = "1.2.840.10008.1.1.999", "1.2.840.10008.1.2.999"
_ABSTRACT_SYNTAX_NOT_SUPPORTED, _TRANSFER_SYNTAXES_NOT_SUPPORTED = 3, 4
_SMALL_PDU = 4096
_LONGEST_VERSION_NAME = 16


@check("negotiation.unknown-class", "An unknown abstract syntax is refused with reason 3", "PS3.8 9.3.3.2")
def unknown_class(session: Session) -> None:
    """Propose a class that does not exist beside Verification."""
    results = _answer(session, _ECHO, Proposal(_NO_CLASS, (IMPLICIT,))).results
    expect_equal([results[1][0], results[3][0]], [0, _ABSTRACT_SYNTAX_NOT_SUPPORTED], "the results")


@check(
    "negotiation.unknown-syntax", "A context with no known transfer syntax is refused with reason 4", "PS3.8 9.3.3.2"
)
def unknown_syntax(session: Session) -> None:
    """Propose Verification in a syntax that does not exist."""
    results = _answer(session, _ECHO, Proposal(VERIFICATION, (_NO_SYNTAX,))).results
    expect_equal([results[1][0], results[3][0]], [0, _TRANSFER_SYNTAXES_NOT_SUPPORTED], "the results")


@check(
    "negotiation.known-among-unknown", "An unknown transfer syntax beside a known one does no harm", "PS3.8 9.3.2.2.2"
)
def known_among_unknown(session: Session) -> None:
    """Propose both in one context."""
    results = _answer(session, Proposal(VERIFICATION, (_NO_SYNTAX, IMPLICIT))).results
    expect_equal(results.get(1), (0, IMPLICIT), "result and transfer syntax")


@check("negotiation.every-context", "Every context proposed is answered, under its ID", "PS3.8 9.3.3.2")
def every_context(session: Session) -> str:
    """Propose 60 contexts, known and unknown."""
    return _answers_all(session, 60)


@check("negotiation.128-contexts", "128 contexts, the most there can be, are answered", "PS3.8 9.3.2.2")
def most_contexts(session: Session) -> str:
    """Propose all odd IDs from 1 to 255."""
    return _answers_all(session, 128)


@check("negotiation.same-class-twice", "One class in several contexts is answered in each", "PS3.8 9.3.2.2")
def same_class_twice(session: Session) -> None:
    """Propose secondary captures in two syntaxes, each in a context of its own."""
    proposals = [Proposal(SECONDARY_CAPTURE, (syntax,)) for syntax in (EXPLICIT, IMPLICIT)]
    results = _answer(session, *proposals).results
    if any(result == _ABSTRACT_SYNTAX_NOT_SUPPORTED for result, _syntax in results.values()):
        raise NotSupported("Secondary Capture Image Storage is not accepted")
    expect_equal(results.get(3), (0, IMPLICIT), "result and transfer syntax of the second context")
    if results[1][0] == 0:
        expect_equal(results[1][1], EXPLICIT, "transfer syntax of the first context")


@check("negotiation.application-context", "The answer names the DICOM application context", "PS3.8 9.3.3")
def application_context(session: Session) -> None:
    """Look into an A-ASSOCIATE-AC."""
    expect_equal(_answer(session, _ECHO).application_context, APPLICATION_CONTEXT.decode(), "the application context")


@check("negotiation.other-application-context", "Another application context is rejected", "PS3.8 9.3.4")
def other_application_context(session: Session) -> str:
    """Propose one that is not DICOM's."""
    requestor = Requestor(session.target.calling, application_context=b"1.2.840.10008.3.1.1.999")
    return _rejected(session, requestor, source=1, reason=2)


@check("negotiation.protocol-version", "Another protocol version is rejected", "PS3.8 9.3.4")
def other_protocol_version(session: Session) -> str:
    """Propose version 2 alone (bit 1)."""
    return _rejected(session, Requestor(session.target.calling, protocol_version=2), source=2, reason=2)


@check("negotiation.more-versions", "A further protocol version beside version 1 does no harm", "PS3.8 9.3.2")
def more_protocol_versions(session: Session) -> None:
    """Propose versions 1 and 2: only bit 0 is to be tested."""
    answer = _answer(session, _ECHO, requestor=Requestor(session.target.calling, protocol_version=3))
    expect_equal(answer.results.get(1), (0, IMPLICIT), "result and transfer syntax")


@check("negotiation.implementation", "The answer has an Implementation Class UID", "PS3.7 D.3.3.2")
def implementation(session: Session) -> str:
    """Look into the user information; the version name is optional."""
    answer = _answer(session, _ECHO)
    expect(answer.implementation_uid, "there is no Implementation Class UID")
    expect(set(answer.implementation_uid) <= set("0123456789."), f"{answer.implementation_uid!r} is not a UID")
    size = len(answer.implementation_version)
    expect(size <= _LONGEST_VERSION_NAME, f"the Implementation Version Name has {size} characters")
    return answer.implementation_version


@check("negotiation.max-pdu-given", "The answer says how long a PDU may be", "PS3.8 D.1")
def max_pdu_given(session: Session) -> str:
    """Look into the user information."""
    longest = _answer(session, _ECHO).max_pdu
    expect(longest is not None, "there is no Maximum Length")
    return f"{longest} bytes" if longest else "any length"


@check("negotiation.max-pdu-taken", "A PDU as long as the node takes is taken", "PS3.8 D.1")
def max_pdu_taken(session: Session) -> None:
    """Store an object in PDUs of exactly the length announced."""
    instance = session.objects.instance("mr")
    with session.open(Proposal(instance.sop_class_uid, (instance.transfer_syntax,))) as association:
        if not association.accepted:
            raise NotSupported("MR Image Storage is not accepted")
        answer = store(association, instance)
    expect(is_stored(answer.status), f"answered with status {answer.status:04X}")
    session.taken.add(session.objects.numbers("mr")[0])


@check("negotiation.max-pdu-kept", "The node sends no longer PDU than we announce", "PS3.8 D.1")
def max_pdu_kept(session: Session) -> str:
    """Announce 4,096 bytes and get an object of more than that."""
    sent = session.stored("mr")
    proposals = (Proposal(STUDY_GET, (IMPLICIT,)), Proposal(sent.sop_class_uid, (sent.transfer_syntax,), as_scp=True))
    with session.open(*proposals, requestor=Requestor(session.target.calling, max_pdu=_SMALL_PDU)) as association:
        if association.context(STUDY_GET) is None:
            raise NotSupported("C-GET is not accepted")
        association.pdus = reader = _Measuring(association)
        study = session.objects.numbers("mr")[0]
        answers = ask(association, STUDY_GET, identifier("STUDY", {"StudyInstanceUID": session.objects.uid(study)}))
    expect_equal(len(answers.received), 1, "the number of instances that came")
    expect(reader.longest <= _SMALL_PDU, f"a PDU of {reader.longest} bytes came")
    return f"the longest has {reader.longest} bytes"


@check("negotiation.any-pdu", "A requestor that takes PDUs of any length is served", "PS3.8 D.1")
def any_pdu(session: Session) -> None:
    """Announce 0, which means no limit."""
    requestor = Requestor(session.target.calling, max_pdu=0)
    with session.open(Proposal(STUDY_FIND, (IMPLICIT,)), requestor=requestor) as association:
        if not association.accepted:
            raise NotSupported("C-FIND is not accepted")
        data = identifier("STUDY", {"StudyInstanceUID": session.objects.uid(999)})
        expect_equal(ask(association, STUDY_FIND, data).status, 0, "the status of a query")


@check("negotiation.called-ae-title", "Another called AE title is accepted, or rejected as unknown", "PS3.8 9.3.4")
def other_called_ae_title(session: Session) -> str:
    """Call CONF_NOT_YOU."""
    address = Address(session.target.node.host, session.target.node.port, "CONF_NOT_YOU")
    requestor = session.requestor()
    try:
        Association.open(address, [_ECHO], requestor=requestor, timeout_s=session.target.timeout_s).release()
    except Refused as exc:
        expect_equal((exc.result, exc.source, exc.reason), (1, 1, 7), "result, source and reason")
        return "it is rejected"
    return "it is accepted"


@check("negotiation.ae-title-spaces", "Leading and trailing spaces of AE titles mean nothing", "PS3.8 9.3.2")
def padded_ae_title(session: Session) -> None:
    """Call the node with a space before its AE title."""
    target = session.target.node
    if len(target.ae_title) > 15:
        raise NotSupported("the AE title leaves no room for a space")
    address = Address(target.host, target.port, f" {target.ae_title}")
    Association.open(address, [_ECHO], requestor=session.requestor(), timeout_s=session.target.timeout_s).release()


@check("negotiation.unknown-item", "User information of an unknown kind is passed over", "PS3.8 9.3.1")
def unknown_item(session: Session) -> None:
    """Add a sub-item of type 5F."""
    requestor = Requestor(session.target.calling, more_items=item(0x5F, b"what is this"))
    expect_equal(
        _answer(session, _ECHO, requestor=requestor).results.get(1), (0, IMPLICIT), "result and transfer syntax"
    )


@check("negotiation.user-identity", "A user identity that wants no answer is accepted or rejected", "PS3.7 D.3.3.7")
def user_identity(session: Session) -> str:
    """Give a user name without asking for a response."""
    name = b"conformance"
    body = bytes((1, 0)) + struct.pack(">H", len(name)) + name + struct.pack(">H", 0)
    requestor = Requestor(session.target.calling, more_items=item(0x58, body))
    try:
        _answer(session, _ECHO, requestor=requestor)
    except Refused as exc:
        return f"rejected: source {exc.source}, reason {exc.reason}"
    return "accepted"


@check("negotiation.async-window", "A wish for asynchronous operations is granted at most as wished", "PS3.7 D.3.3.3")
def async_window(session: Session) -> str:
    """Wish for 3 operations at a time; without an answer there is one."""
    requestor = Requestor(session.target.calling, more_items=item(0x53, struct.pack(">HH", 3, 1)))
    with session.open(_ECHO, requestor=requestor) as association:
        invoked = association.acceptance.operations_window
    expect(invoked is None or 1 <= invoked <= 3, f"{invoked} operations were granted")
    return f"{invoked or 1} at a time"


class _Measuring(PduReader):
    """Notes the longest P-DATA-TF that came."""

    def __init__(self, association: Association) -> None:
        super().__init__(association.sock)
        self.longest = 0

    def read(self) -> tuple[int, memoryview]:
        """Return the type and the body of the next PDU."""
        kind, body = super().read()
        if kind == PduType.P_DATA_TF:
            self.longest = max(self.longest, len(body))
        return kind, body


def _answer(session: Session, *proposals: Proposal, requestor: Requestor | None = None) -> Acceptance:
    """Establish an association, release it, and return the answer."""
    with session.open(*proposals, requestor=requestor) as association:
        return association.acceptance


def _answers_all(session: Session, n: int) -> str:
    classes = (VERIFICATION, STUDY_FIND, SECONDARY_CAPTURE, _NO_CLASS)
    proposals = [Proposal(classes[i % len(classes)], (IMPLICIT, EXPLICIT)) for i in range(n)]
    results = _answer(session, *proposals).results
    expect_equal(sorted(results), [2 * i + 1 for i in range(n)], "the context IDs answered")
    unknown = {results[2 * i + 1][0] for i in range(n) if proposals[i].abstract_syntax == _NO_CLASS}
    expect_equal(unknown, {_ABSTRACT_SYNTAX_NOT_SUPPORTED}, "the results for an unknown class")
    return f"{sum(result == 0 for result, _syntax in results.values())} of {n} accepted"


def _rejected(session: Session, requestor: Requestor, *, source: int, reason: int) -> str:
    try:
        session.open(_ECHO, requestor=requestor).release()
    except Refused as exc:
        expect_equal((exc.source, exc.reason), (source, reason), "source and reason of the rejection")
        return "rejected permanently" if exc.result == 1 else "rejected for now"
    raise Failed("the association is accepted")
