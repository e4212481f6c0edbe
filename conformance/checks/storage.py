"""Storage (PS3.4 Annex B): objects of every kind and in every transfer syntax, and what must be refused."""

from collections.abc import Callable

from pydicom.dataset import Dataset

from conformance import oddities
from conformance.checks.asking import find, found, is_failure, said
from conformance.checks.objects import KINDS, NAMES, ODDITIES, QUERIED, SYNTAXES
from conformance.checks.registry import Check, check
from conformance.checks.session import EXPLICIT, SECONDARY_CAPTURE, STUDY_FIND, Session, is_stored, reader_of
from conformance.checks.verdicts import Failed, NotSupported, expect
from conformance.corpus import Instance
from conformance.messages import Field, Message, Tag, pdata, store_command
from conformance.requests import send_request, store
from conformance.upper_layer import Aborted, Association, PeerClosed, Proposal

_PROPOSAL = Proposal(SECONDARY_CAPTURE, (EXPLICIT,))
_STRAY = 10
"""The number of a study that other checks do not use."""
_CT = "1.2.840.10008.5.1.4.1.1.2"


def _stores(id_: str, name: str, title: str, section: str) -> Check:
    """Return the check that an object is taken, where its context is accepted."""

    def run(session: Session) -> str:
        session.send([name])
        answer = session.answers[name]
        if answer is None:
            raise NotSupported("no presentation context is accepted for it")
        expect(is_stored(answer.status), f"answered with status {answer.status:04X} {answer.comment}".strip())
        return f"with warning {answer.status:04X}" if answer.status else ""

    return Check(id_, title, section, run)


EVERY_KIND = tuple(
    _stores(f"storage.kind.{name}", name, f"A phantom of the kind {name} is stored", "PS3.4 B.2.3") for name in KINDS
)
EVERY_SYNTAX = tuple(
    _stores(f"storage.syntax.{name}", f"syntax-{name}", f"An object in {name} is stored", "PS3.5 10")
    for name in SYNTAXES
)
EVERY_ODDITY = tuple(
    _stores(f"storage.odd.{name}", f"odd-{name}", f"A data set with {name.replace('-', ' ')} is stored", "PS3.5 7")
    for name in ODDITIES
)
EVERY_CHARACTER_SET = tuple(
    _stores(
        f"storage.character-set.{charset.strip(chr(92)).replace(' ', '-')}",
        f"query-{4 + n}-1-1",
        f"A patient name in {charset.strip(chr(92))} is stored",
        "PS3.3 C.12.1.1.2",
    )
    for n, charset in enumerate(NAMES)
)


@check("storage.series", "A study of several series is stored over one association", "PS3.4 B.2.3")
def whole_study(session: Session) -> None:
    """Send everything that queries are made of."""
    session.send(QUERIED)
    answers = {name: session.answers[name] for name in QUERIED}
    refused = [name for name, answer in answers.items() if answer is None or not is_stored(answer.status)]
    expect(not refused, f"not taken of {len(answers)} instances: {len(refused)}")


@check("storage.again", "An instance that is sent again is answered with success or a warning", "PS3.4 B.2.3")
def stored_again(session: Session) -> str:
    """Send the same bytes twice; the study must not grow."""
    instance = session.stored("query-2-1-1")
    with session.open(_PROPOSAL) as association:
        answer = store(association, instance)
    expect(is_stored(answer.status), f"answered with status {answer.status:04X} {answer.comment}".strip())
    keys = {
        "StudyInstanceUID": session.objects.uid(2),
        "SeriesInstanceUID": session.objects.uid(2, 1),
        "SOPInstanceUID": "",
    }
    copies = len(found(find(session, STUDY_FIND, "IMAGE", keys), "IMAGE"))
    expect(copies == 1, f"the series has {copies} instances after it, not 1")
    return f"with warning {answer.status:04X}" if answer.status else ""


@check("storage.class-mismatch", "A data set of another SOP Class than its command is refused", "PS3.4 B.2.3")
def class_mismatch(session: Session) -> str:
    """Send a CT as a secondary capture: A9xx, or any failure."""
    ds = _stray(session, 1)
    ds.SOPClassUID = _CT
    return _refused(session, _encoded(ds, session.objects.uid(_STRAY, 1, 1)))


@check(
    "storage.instance-mismatch", "A data set with another SOP Instance UID than its command is refused", "PS3.4 B.2.3"
)
def instance_mismatch(session: Session) -> str:
    """Send an instance under the UID of another: A9xx, or any failure."""
    return _refused(session, _encoded(_stray(session, 2), session.objects.uid(_STRAY, 1, 99)))


@check("storage.no-study", "A data set without Study Instance UID is refused", "PS3.3 C.7.2.1")
def no_study(session: Session) -> str:
    """Leave out a Type 1 attribute that names the instance: it could never be asked for."""
    ds = _stray(session, 3)
    del ds.StudyInstanceUID
    return _refused(session, _encoded(ds, ds.SOPInstanceUID))


@check("storage.garbage", "Bytes that are no data set are refused", "PS3.4 B.2.3")
def garbage(session: Session) -> str:
    """Send what cannot be parsed: Cxxx, or any failure."""
    return _refused(
        session, Instance(SECONDARY_CAPTURE, session.objects.uid(_STRAY, 1, 4), EXPLICIT, b"\xff\xfe\xfd" * 200)
    )


@check("storage.cut-off", "A data set that ends inside an element is refused", "PS3.4 B.2.3")
def cut_off(session: Session) -> str:
    """Send half a data set as if it were whole."""
    whole = _encoded(_stray(session, 5), session.objects.uid(_STRAY, 1, 5))
    half = whole.data[: len(whole.data) - 7]
    return _refused(session, Instance(whole.sop_class_uid, whole.sop_instance_uid, whole.transfer_syntax, half))


@check("storage.no-instance-uid", "A C-STORE request without Affected SOP Instance UID is refused", "PS3.7 9.3.1.1")
def no_instance_uid(session: Session) -> str:
    """Leave out a mandatory command element."""
    data = _encoded(_stray(session, 6), session.objects.uid(_STRAY, 1, 6)).data
    fields: dict[Tag, int | str] = {Tag.SOP_CLASS: SECONDARY_CAPTURE, Tag.COMMAND_FIELD: Field.STORE_RQ}
    return _answered(session, lambda association: send_request(association, SECONDARY_CAPTURE, fields, data))


@check("storage.no-data-set", "A C-STORE request that announces no data set is refused", "PS3.7 9.3.1.1")
def no_data_set(session: Session) -> str:
    """Say that no data set follows."""
    fields: dict[Tag, int | str] = {
        Tag.SOP_CLASS: SECONDARY_CAPTURE,
        Tag.COMMAND_FIELD: Field.STORE_RQ,
        Tag.SOP_INSTANCE: session.objects.uid(_STRAY, 1, 7),
    }
    return _answered(session, lambda association: send_request(association, SECONDARY_CAPTURE, fields, None))


@check("storage.other-class-in-command", "A command with another SOP Class than its context is refused", "PS3.7 C.5.7")
def other_class_in_command(session: Session) -> str:
    """Announce a CT on the context of secondary captures."""
    fields: dict[Tag, int | str] = {
        Tag.SOP_CLASS: _CT,
        Tag.COMMAND_FIELD: Field.STORE_RQ,
        Tag.SOP_INSTANCE: session.objects.uid(_STRAY, 1, 8),
    }
    data = _encoded(_stray(session, 8), session.objects.uid(_STRAY, 1, 8)).data
    return _answered(session, lambda association: send_request(association, SECONDARY_CAPTURE, fields, data))


@check("storage.empty-fragments", "A data set in fragments, the last of them empty, is put together", "PS3.8 9.3.5.1")
def empty_last_fragment(session: Session) -> None:
    """Send the last fragment flag on a PDV without payload."""
    instance = _encoded(_stray(session, 9), session.objects.uid(_STRAY, 1, 9))
    with session.open(_PROPOSAL) as association:
        context_id = _context(association)
        request = store_command(SECONDARY_CAPTURE, instance.sop_instance_uid, message_id=1)
        association.sock.sendall(pdata(context_id, request, max_pdu=association.max_pdu, command=True))
        middle = pdata(context_id, instance.data, max_pdu=len(instance.data) + 6)
        association.sock.sendall(middle[:11] + b"\0" + middle[12:] + pdata(context_id, b"", max_pdu=100))
        answer = _response(association)
    expect(is_stored(answer.status), f"answered with status {said(answer)}")
    session.taken.add(_STRAY)


def _stray(session: Session, number: int) -> Dataset:
    """Return a small instance of the stray study."""
    ds = oddities.secondary_capture(study=_STRAY, number=number)
    ds.PatientName, ds.PatientID = "CONFORMANCE^STRAY", f"{session.objects.label}S"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = session.objects.uid(_STRAY), session.objects.uid(_STRAY, 1)
    ds.SOPInstanceUID = session.objects.uid(_STRAY, 1, number)
    return ds


def _encoded(ds: Dataset, sop_instance_uid: str) -> Instance:
    """Return a data set as it is sent as a secondary capture under a UID."""
    return Instance(SECONDARY_CAPTURE, sop_instance_uid, EXPLICIT, oddities.encoded(ds).data)


def _refused(session: Session, instance: Instance) -> str:
    """See that an instance is refused by a failure status or an A-ABORT.

    Raises:
        NotSupported: it is taken; the standard lets an SCP store without looking (PS3.4 B.4.1).
    """
    association = session.open(_PROPOSAL)
    try:
        _context(association)
        return _judged(session, store(association, instance).status)
    except Aborted:
        return "the association is aborted"
    finally:
        association.sock.close()


def _answered(session: Session, send: Callable[[Association], object]) -> str:
    """See that a request is refused by a failure status or an A-ABORT.

    Raises:
        Failed: it is answered with success.
    """
    association = session.open(_PROPOSAL)
    try:
        _context(association)
        send(association)
        return _judged(session, _response(association).status, mandatory=True)
    except Aborted:
        return "the association is aborted"
    finally:
        association.sock.close()


def _judged(session: Session, status: int, *, mandatory: bool = False) -> str:
    if is_failure(status):
        return f"refused with status {status:04X}"
    session.taken.add(_STRAY)
    if mandatory:
        raise Failed(f"answered with status {status:04X}")
    raise NotSupported(f"it is taken unseen, with status {status:04X}")


def _context(association: Association) -> int:
    context_id = association.context(SECONDARY_CAPTURE, EXPLICIT)
    if context_id is None:
        raise NotSupported("Secondary Capture Image Storage is not accepted")
    return context_id


def _response(association: Association) -> Message:
    message = reader_of(association).read()
    if message is None:
        raise PeerClosed("the node released the association instead of answering")
    if message.command_field != Field.STORE_RSP:
        raise Failed(f"a message with command {message.command_field:04X} came instead of a C-STORE-RSP")
    return message
