"""The DIMSE services as an SCU asks for them, one function each, on an open association.

Identifiers go out in Implicit VR Little Endian (PS3.4 C.4): a mapping of attribute keyword to text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import ImplicitVRLittleEndian

from conformance.corpus import Instance
from conformance.messages import (
    NO_DATA_SET,
    Field,
    Message,
    MessageReader,
    Tag,
    command_set,
    pdata,
    store_rq,
    store_rsp,
)
from conformance.upper_layer import Association, PeerClosed, Proposal

VERIFICATION = "1.2.840.10008.1.1"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
_MOST_CONTEXTS = 128


@dataclass(frozen=True, slots=True)
class Answer:
    """The final response to a request: status, Error Comment, and sub-operation counts where it has them."""

    status: int
    comment: str
    completed: int
    failed: int
    warnings: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What a C-FIND gave: the identifiers, and the final response."""

    matches: list[Dataset]
    answer: Answer


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What a C-GET gave: the instances as received (unless they were only counted), and the final response."""

    instances: list[Instance]
    count: int
    size: int
    answer: Answer


def query_proposals() -> tuple[Proposal, ...]:
    """Return the contexts for verification and for Study Root queries and moves."""
    classes = (VERIFICATION, STUDY_ROOT_FIND, STUDY_ROOT_MOVE, PATIENT_ROOT_FIND)
    return tuple(Proposal(uid, (ImplicitVRLittleEndian,)) for uid in classes)


def store_proposals(instances: Iterable[Instance], *, as_scp: bool = False) -> tuple[Proposal, ...]:
    """Return one context for each pair of SOP Class and transfer syntax among the instances.

    Raises:
        ValueError: more pairs than an association can have contexts (PS3.8 9.3.2.2).
    """
    pairs = sorted({(instance.sop_class_uid, instance.transfer_syntax) for instance in instances})
    if len(pairs) >= _MOST_CONTEXTS:
        raise ValueError(f"{len(pairs)} presentation contexts do not fit in one association")
    return tuple(Proposal(sop_class, (syntax,), as_scp=as_scp) for sop_class, syntax in pairs)


def get_proposals(instances: Iterable[Instance]) -> tuple[Proposal, ...]:
    """Return the contexts to retrieve these instances by C-GET, each in its own transfer syntax."""
    return (Proposal(STUDY_ROOT_GET, (ImplicitVRLittleEndian,)), *store_proposals(instances, as_scp=True))


def echo(association: Association) -> Answer:
    """Send C-ECHO (PS3.7 9.1.5)."""
    fields: dict[Tag, int | str] = {Tag.SOP_CLASS: VERIFICATION, Tag.COMMAND_FIELD: Field.ECHO_RQ}
    send_request(association, VERIFICATION, fields, None)
    return _answer(_next(MessageReader(association.sock, association.pdus)))


def store(association: Association, instance: Instance) -> Answer:
    """Send C-STORE on the context of the instance's SOP Class and transfer syntax.

    Raises:
        LookupError: the peer did not accept that context.
    """
    context_id = association.context(instance.sop_class_uid, instance.transfer_syntax)
    if context_id is None:
        raise LookupError(f"no context for {instance.sop_class_uid} in {instance.transfer_syntax}")
    message_id = association.next_message_id()
    request = store_rq(instance, context_id, message_id=message_id, max_pdu=association.max_pdu)
    association.sock.sendall(request)
    return _answer(_next(MessageReader(association.sock, association.pdus)))


def find(
    association: Association, keys: Mapping[str, str], *, level: str = "STUDY", sop_class: str = STUDY_ROOT_FIND
) -> Found:
    """Send C-FIND and read its answers to the end."""
    fields: dict[Tag, int | str] = {Tag.SOP_CLASS: sop_class, Tag.COMMAND_FIELD: Field.FIND_RQ}
    send_request(association, sop_class, fields, identifier(keys, level=level))
    reader = MessageReader(association.sock, association.pdus)
    matches = []
    while (message := _next(reader)).pending:
        matches.append(parse_identifier(message.data))
    return Found(matches, _answer(message))


def move(association: Association, keys: Mapping[str, str], *, destination: str, level: str = "STUDY") -> Answer:
    """Send C-MOVE and wait for its final response."""
    fields: dict[Tag, int | str] = {
        Tag.SOP_CLASS: STUDY_ROOT_MOVE,
        Tag.COMMAND_FIELD: Field.MOVE_RQ,
        Tag.MOVE_DESTINATION: destination,
    }
    send_request(association, STUDY_ROOT_MOVE, fields, identifier(keys, level=level))
    reader = MessageReader(association.sock, association.pdus)
    while (message := _next(reader)).pending:
        pass
    return _answer(message)


def get(
    association: Association,
    keys: Mapping[str, str],
    *,
    level: str = "STUDY",
    keep: bool = True,
    on_instance: Callable[[int], None] = lambda count: None,
) -> Retrieved:
    """Send C-GET, take what comes, and wait for its final response.

    Args:
        association: has contexts from `get_proposals`.
        keys: the unique keys of what is wanted.
        level: Query/Retrieve Level.
        keep: whether to keep the data sets, or only count them.
        on_instance: is called with the number received so far, before each is acknowledged.
    """
    fields: dict[Tag, int | str] = {Tag.SOP_CLASS: STUDY_ROOT_GET, Tag.COMMAND_FIELD: Field.GET_RQ}
    send_request(association, STUDY_ROOT_GET, fields, identifier(keys, level=level))
    reader = MessageReader(association.sock, association.pdus, keep_data=keep)
    instances: list[Instance] = []
    count = size = 0
    while True:
        message = _next(reader)
        if message.command_field == Field.STORE_RQ:
            count, size = count + 1, size + message.size
            if keep:
                instances.append(_received(association, message))
            on_instance(count)
            association.sock.sendall(store_rsp(message))
        elif not message.pending:
            return Retrieved(instances, count, size, _answer(message))


def cancel(association: Association, sop_class: str, *, message_id: int) -> None:
    """Send C-CANCEL for a request under way (PS3.7 9.3.2.3); it has no response of its own."""
    command = command_set(
        {Tag.COMMAND_FIELD: Field.CANCEL_RQ, Tag.RESPONDED_TO: message_id, Tag.DATA_SET_TYPE: NO_DATA_SET}
    )
    context_id = _context(association, sop_class)
    association.sock.sendall(pdata(context_id, command, max_pdu=association.max_pdu, command=True))


def identifier(keys: Mapping[str, str], *, level: str) -> bytes:
    """Return an identifier in Implicit VR Little Endian; text other than ASCII goes out as ISO_IR 192.

    Values are not checked: nodes hold UIDs that are none, and must answer for queries that are none.
    """
    ds = Dataset()
    if not all(value.isascii() for value in keys.values()):
        ds.SpecificCharacterSet = "ISO_IR 192"
    ds.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        ds.add(DataElement(keyword, dictionary_VR(keyword), value or None, validation_mode=IGNORE))
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, True
    write_dataset(out, ds)
    return out.getvalue()


def parse_identifier(data: bytes) -> Dataset:
    """Return the data set of a response identifier in Implicit VR Little Endian."""
    return read_dataset(BytesIO(data), is_implicit_VR=True, is_little_endian=True)


def send_request(association: Association, sop_class: str, fields: dict[Tag, int | str], data: bytes | None) -> int:
    """Send a request with these command elements and any identifier, and return its Message ID without waiting."""
    message_id = association.next_message_id()
    command = command_set(
        fields
        | {
            Tag.MESSAGE_ID: message_id,
            Tag.PRIORITY: 0,
            Tag.DATA_SET_TYPE: NO_DATA_SET if data is None else 1,
        }
    )
    context_id = _context(association, sop_class)
    pdus = pdata(context_id, command, max_pdu=association.max_pdu, command=True)
    if data is not None:
        pdus += pdata(context_id, data, max_pdu=association.max_pdu)
    association.sock.sendall(pdus)
    return message_id


def _context(association: Association, sop_class: str) -> int:
    context_id = association.context(sop_class)
    if context_id is None:
        raise LookupError(f"no context for {sop_class}")
    return context_id


def _next(reader: MessageReader) -> Message:
    message = reader.read()
    if message is None:
        raise PeerClosed("the peer released the association before it answered")
    return message


def _received(association: Association, message: Message) -> Instance:
    syntax = association.accepted[message.context_id]
    return Instance(message.text(Tag.SOP_CLASS), message.text(Tag.SOP_INSTANCE), syntax, message.data)


def _answer(message: Message) -> Answer:
    return Answer(
        message.status,
        message.text(Tag.ERROR_COMMENT),
        message.number(Tag.COMPLETED),
        message.number(Tag.FAILED),
        message.number(Tag.WARNING),
        message.data,
    )


def in_batches(instances: Sequence[Instance]) -> list[list[Instance]]:
    """Split instances so that each batch's SOP Classes and transfer syntaxes fit in one association."""
    batches: list[list[Instance]] = [[]]
    pairs: set[tuple[str, str]] = set()
    for instance in instances:
        pair = (instance.sop_class_uid, instance.transfer_syntax)
        if pair not in pairs and len(pairs) == _MOST_CONTEXTS - 2:
            batches.append([])
            pairs = set()
        pairs.add(pair)
        batches[-1].append(instance)
    return batches
