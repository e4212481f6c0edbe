"""Query and retrieve requests with all of their answers, as the checks of PS3.4 Annex C need them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from conformance.checks.session import Session, reader_of
from conformance.checks.verdicts import Failed, NotSupported, expect_equal
from conformance.corpus import Instance
from conformance.messages import Field, Message, Tag, store_rsp
from conformance.requests import parse_identifier, send_request
from conformance.upper_layer import Association, PeerClosed

Keys = Mapping[str, "str | Keys"]
"""Attribute keywords with their text, or with the keys of the one item of a sequence."""

UNIQUE_KEYS = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
_CANCELLED, _SUCCESS = 0xFE00, 0x0000
_REQUESTS = {1: Field.FIND_RQ, 2: Field.MOVE_RQ, 3: Field.GET_RQ}


@dataclass(frozen=True, slots=True)
class Answers:
    """All responses to one request; `received` are the instances of a C-GET, in order."""

    pending: list[Message]
    final: Message
    received: list[Instance] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The final status."""
        return self.final.status

    def identifiers(self) -> list[Dataset]:
        """Return the identifiers of the pending responses, which are in Implicit VR Little Endian."""
        return [parse_identifier(message.data) for message in self.pending]

    def expect_counts(self, *, completed: int, failed: int) -> None:
        """See that the final response counts right what it counts: it need not (PS3.7 9.1.3.1, 9.1.4.1).

        Raises:
            Failed: a number is wrong.
            NotSupported: there is none.
        """
        wanted = {Tag.COMPLETED: completed, Tag.FAILED: failed}
        told = {tag: self.final.number(tag) for tag in wanted if tag in self.final.fields}
        for tag, number in told.items():
            expect_equal(number, wanted[tag], f"the number of {tag.name.lower()} sub-operations")
        if not told:
            raise NotSupported(f"the final response, {said(self.final)}, counts nothing")


def identifier(level: str | None, keys: Keys, *, charset: str = "") -> bytes:
    """Return an identifier in Implicit VR Little Endian; no value is checked, and without a level it has none."""
    ds = _data_set(keys)
    if charset:
        ds.SpecificCharacterSet = charset.split("\\")
    if level is not None:
        ds.QueryRetrieveLevel = level
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, True
    write_dataset(out, ds)
    return out.getvalue()


def ask(
    association: Association,
    sop_class: str,
    data: bytes | None,
    *,
    destination: str = "",
    on_instance: Callable[[int], None] = lambda count: None,
) -> Answers:
    """Send a C-FIND, C-MOVE or C-GET request, as the SOP Class says, and read its answers to the end.

    Args:
        data: the identifier; None sends a request without one.
        destination: of a C-MOVE.
        on_instance: is called with the number of instances that a C-GET brought so far, before each is acknowledged.

    Raises:
        Failed: something came that is no answer to it.
        Aborted, PeerClosed, OSError: the association ended.
    """
    fields: dict[Tag, int | str] = {Tag.SOP_CLASS: sop_class, Tag.COMMAND_FIELD: _REQUESTS[int(sop_class[-1])]}
    if destination:
        fields[Tag.MOVE_DESTINATION] = destination
    message_id = send_request(association, sop_class, fields, data)
    reader = reader_of(association)
    answers = Answers([], Message(0, {}, 0, b""))
    while (message := reader.read()) is not None:
        if message.command_field == Field.STORE_RQ:
            answers.received.append(_instance(association, message))
            on_instance(len(answers.received))
            association.sock.sendall(store_rsp(message))
            continue
        _check_response(message, fields, message_id)
        if not message.pending:
            return Answers(answers.pending, message, answers.received)
        answers.pending.append(message)
    raise PeerClosed("the node released the association before it answered")


def find(session: Session, sop_class: str, level: str | None, keys: Keys) -> Answers:
    """Ask one query on an association of its own, which is released."""
    with session.open_for(sop_class) as association:
        return ask(association, sop_class, identifier(level, keys, charset=_charset(keys)))


def found(answers: Answers, level: str) -> list[str]:
    """Return the unique keys of what a query found, sorted.

    Raises:
        Failed: the query did not end with success.
    """
    if answers.status != _SUCCESS:
        raise Failed(f"the query was answered with status {said(answers.final)}")
    return sorted(str(one.get(UNIQUE_KEYS[level], "")) for one in answers.identifiers())


def said(message: Message) -> str:
    """Return a status in hexadecimal with its comment."""
    return f"{message.status:04X} {message.text(Tag.ERROR_COMMENT)}".strip()


def is_failure(status: int) -> bool:
    """Return whether a status says that the request was not carried out (PS3.7 C.1.1)."""
    return status not in (_SUCCESS, _CANCELLED, 0xFF00, 0xFF01) and status >> 12 != 0xB


def _data_set(keys: Keys) -> Dataset:
    ds = Dataset()
    for keyword, value in keys.items():
        item = value if isinstance(value, str) else [_data_set(value)]
        ds.add(DataElement(keyword, dictionary_VR(keyword), item or None, validation_mode=IGNORE))
    return ds


def _charset(keys: Keys) -> str:
    return "" if all(str(value).isascii() for value in keys.values()) else "ISO_IR 192"


def _instance(association: Association, message: Message) -> Instance:
    syntax = association.accepted[message.context_id]
    return Instance(message.text(Tag.SOP_CLASS), message.text(Tag.SOP_INSTANCE), syntax, message.data)


def _check_response(message: Message, fields: Mapping[Tag, int | str], message_id: int) -> None:
    """See that a message answers the request (PS3.7 9.3.2.2, 9.3.3.2, 9.3.4.2)."""
    wanted = int(fields[Tag.COMMAND_FIELD]) | 0x8000
    if message.command_field != wanted:
        raise Failed(f"a message with command {message.command_field:04X} came instead of {wanted:04X}")
    if message.number(Tag.RESPONDED_TO) != message_id:
        raise Failed(f"the response is to message {message.number(Tag.RESPONDED_TO)}, not to {message_id}")
    if Tag.STATUS not in message.fields:
        raise Failed("the response has no Status (0000,0900)")
