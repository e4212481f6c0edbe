"""A-ASSOCIATE-RQ and A-ASSOCIATE-AC: what is proposed, what is answered, and their bytes.

PS3.8 9.3.2 and 9.3.3, with the user information of PS3.7 D.3.3. Both PDUs are laid out alike:

    | version 2 | 0 2 | called AE 16 | calling AE 16 | 0 32 | item, item, ...               big endian
    item | type 1 | 0 1 | length 2 | ... length bytes ...

We decode them ourselves, because pynetdicom's classes raise on item types they do not know, which
are to be skipped (PS3.8 9.3.1), and on over-long version names, which real peers send. The tests
compare both directions with pynetdicom.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import Final

from vna.dicom.part10 import OURS
from vna.dimse.pdu import PDU_HEADER, PduType

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
IMPLEMENTATION_CLASS_UID: Final = OURS.class_uid
IMPLEMENTATION_VERSION: Final = OURS.version_name
PROTOCOL_VERSION: Final = 1
MAX_CONTEXTS: Final = 128

_ASSUMED_MAX_PDU = 16384  # of a peer that names none; every implementation known takes it
_MAX_ITEMS = 1024  # in the PDU or in another item: eight times as many as there are presentation contexts
_FIXED = Struct(">HH16s16s32s")
_ITEM = Struct(">BxH")
_NOT_PRINTABLE = re.compile(r"[^ -~]")


class MalformedPdu(ValueError):
    """An A-ASSOCIATE PDU whose items do not add up, or lack what is mandatory."""


class ContextResult(IntEnum):
    """The answer to one presentation context (PS3.8 table 9-18)."""

    ACCEPTED = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context as proposed."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnsweredContext:
    """The acceptor's answer to a presentation context; `transfer_syntax` counts only when accepted."""

    context_id: int
    result: int
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Roles:
    """What the association requestor may be for one SOP Class (PS3.7 D.3.3.4)."""

    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class UserInformation:
    """What two sides tell each other beside the contexts; user identity is read past (PS3.7 D.3.3.7).

    `max_pdu` is the longest P-DATA the sender of this takes, 0 for any; `roles` and `extended`
    (SOP Class Extended Negotiation, PS3.7 D.3.3.5) are by SOP Class UID.
    """

    max_pdu: int = _ASSUMED_MAX_PDU
    implementation: str = ""
    roles: Mapping[str, Roles] = field(default_factory=dict)
    extended: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """An A-ASSOCIATE-RQ."""

    called_ae_title: str
    calling_ae_title: str
    contexts: tuple[ProposedContext, ...]
    user: UserInformation
    application_context: str = APPLICATION_CONTEXT
    protocol_version: int = PROTOCOL_VERSION

    def encode(self) -> bytes:
        """Return the whole PDU."""
        items = [_item(0x10, _ascii(self.application_context))]
        for each in self.contexts:
            syntaxes = b"".join(_item(0x40, _ascii(uid)) for uid in each.transfer_syntaxes)
            body = bytes((each.context_id, 0, 0, 0)) + _item(0x30, _ascii(each.abstract_syntax)) + syntaxes
            items.append(_item(0x20, body))
        items.append(_encode_user(self.user))
        return _encode(PduType.ASSOCIATE_RQ, self.called_ae_title, self.calling_ae_title, items)


@dataclass(frozen=True, slots=True)
class AssociateAccept:
    """An A-ASSOCIATE-AC; the AE titles repeat those of the request."""

    called_ae_title: str
    calling_ae_title: str
    contexts: tuple[AnsweredContext, ...]
    user: UserInformation

    def encode(self) -> bytes:
        """Return the whole PDU."""
        items = [_item(0x10, _ascii(APPLICATION_CONTEXT))]
        for each in self.contexts:
            body = bytes((each.context_id, 0, each.result, 0)) + _item(0x40, _ascii(each.transfer_syntax))
            items.append(_item(0x21, body))
        items.append(_encode_user(self.user))
        return _encode(PduType.ASSOCIATE_AC, self.called_ae_title, self.calling_ae_title, items)


def decode_request(body: bytes) -> AssociateRequest:
    """Return an A-ASSOCIATE-RQ from what follows its PDU header.

    Raises:
        MalformedPdu: lengths that do not add up, too many items, no context, a context without an abstract syntax, or
            context IDs that are even or used twice (PS3.8 9.3.2.2).
    """
    version, called, calling, items = _decode_fixed(body)
    application_context, user = "", UserInformation()
    contexts: dict[int, ProposedContext] = {}
    for kind, value in items:
        if kind == 0x10:
            application_context = _text(value)
        elif kind == 0x20:
            context = _decode_proposed(value)
            if context.context_id in contexts:
                raise MalformedPdu(f"presentation context ID {context.context_id} is used twice")
            contexts[context.context_id] = context
        elif kind == 0x50:
            user = _decode_user(value)
    if not contexts:
        raise MalformedPdu("no presentation context is proposed")
    return AssociateRequest(called, calling, tuple(contexts.values()), user, application_context, version)


def decode_accept(body: bytes) -> AssociateAccept:
    """Return an A-ASSOCIATE-AC from what follows its PDU header.

    Raises:
        MalformedPdu: lengths that do not add up.
    """
    _version, called, calling, items = _decode_fixed(body)
    user = UserInformation()
    contexts: list[AnsweredContext] = []
    for kind, value in items:
        if kind == 0x21:
            contexts.append(_decode_answered(value))
        elif kind == 0x50:
            user = _decode_user(value)
    return AssociateAccept(called, calling, tuple(contexts), user)


def _decode_fixed(body: bytes) -> tuple[int, str, str, Iterator[tuple[int, bytes]]]:
    if len(body) < _FIXED.size:
        raise MalformedPdu(f"{len(body)} bytes are too few for an A-ASSOCIATE PDU")
    version, _reserved, called, calling, _reserved = _FIXED.unpack_from(body)
    return version, _text(called), _text(calling), _items(body[_FIXED.size :])


def _decode_proposed(value: bytes) -> ProposedContext:
    if len(value) < 4 or value[0] % 2 == 0:
        raise MalformedPdu("a presentation context has no odd ID")
    abstract_syntax = ""
    transfer_syntaxes: list[str] = []
    for kind, uid in _items(value[4:]):
        if kind == 0x30:
            abstract_syntax = _text(uid)
        elif kind == 0x40:
            transfer_syntaxes.append(_text(uid))
    if not abstract_syntax:
        raise MalformedPdu(f"presentation context {value[0]} has no abstract syntax")
    return ProposedContext(value[0], abstract_syntax, tuple(transfer_syntaxes))


def _decode_answered(value: bytes) -> AnsweredContext:
    if len(value) < 4:
        raise MalformedPdu("the answer to a presentation context is too short")
    context_id, result = value[0], value[2]
    if result != ContextResult.ACCEPTED:  # what follows has no meaning then (PS3.8 9.3.3.2)
        return AnsweredContext(context_id, result, "")
    syntaxes = [_text(uid) for kind, uid in _items(value[4:]) if kind == 0x40]
    return AnsweredContext(context_id, result, syntaxes[0] if syntaxes else "")


def _decode_user(value: bytes) -> UserInformation:
    max_pdu, implementation = _ASSUMED_MAX_PDU, ""
    roles: dict[str, Roles] = {}
    extended: dict[str, bytes] = {}
    for kind, body in _items(value):
        if kind == 0x51:
            if len(body) != 4:
                raise MalformedPdu("the maximum length item does not have 4 bytes")
            max_pdu = int.from_bytes(body, "big")
        elif kind == 0x54:
            uid, rest = _uid_and_rest(body)
            if len(rest) != 2:
                raise MalformedPdu("a role selection item does not have 2 roles")
            roles[uid] = Roles(scu=rest[0] == 1, scp=rest[1] == 1)
        elif kind == 0x55:
            implementation = _text(body)
        elif kind == 0x56:
            uid, rest = _uid_and_rest(body)
            extended[uid] = rest
    return UserInformation(max_pdu, implementation, roles, extended)


def _uid_and_rest(body: bytes) -> tuple[str, bytes]:
    size = int.from_bytes(body[:2], "big")
    if len(body) < 2 + size:
        raise MalformedPdu("a SOP Class UID is longer than its item")
    return _text(body[2 : 2 + size]), body[2 + size :]


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset, count = 0, 0
    while offset < len(data):
        count += 1
        if count > _MAX_ITEMS:
            raise MalformedPdu(f"more than {_MAX_ITEMS} items in one")
        if offset + _ITEM.size > len(data):
            raise MalformedPdu("an item header is cut off")
        kind, size = _ITEM.unpack_from(data, offset)
        offset += _ITEM.size
        if offset + size > len(data):
            raise MalformedPdu(f"an item of type {kind:02X} and length {size} is cut off")
        yield kind, data[offset : offset + size]
        offset += size


def _encode(kind: PduType, called: str, calling: str, items: list[bytes]) -> bytes:
    fixed = _FIXED.pack(PROTOCOL_VERSION, 0, _ascii(called).ljust(16), _ascii(calling).ljust(16), bytes(32))
    body = fixed + b"".join(items)
    return PDU_HEADER.pack(kind, len(body)) + body


def _encode_user(user: UserInformation) -> bytes:
    items = [
        _item(0x51, user.max_pdu.to_bytes(4, "big")),
        _item(0x52, _ascii(IMPLEMENTATION_CLASS_UID)),
    ]
    for uid, roles in user.roles.items():
        items.append(_item(0x54, _counted(uid) + bytes((roles.scu, roles.scp))))
    items.append(_item(0x55, _ascii(user.implementation)))
    for uid, information in user.extended.items():
        items.append(_item(0x56, _counted(uid) + information))
    return _item(0x50, b"".join(items))


def _item(kind: int, body: bytes) -> bytes:
    return _ITEM.pack(kind, len(body)) + body


def _counted(uid: str) -> bytes:
    return len(uid).to_bytes(2, "big") + _ascii(uid)


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "replace")


def _text(raw: bytes) -> str:
    """Return an AE title or UID without its padding, and without anything that could upset a log."""
    return _NOT_PRINTABLE.sub("?", raw.rstrip(b"\0").decode("ascii", "replace")).strip(" ")
