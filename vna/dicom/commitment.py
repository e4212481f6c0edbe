"""The data sets of Storage Commitment: which instances are asked for, and what is said of them (PS3.4 J.3.2, J.3.3)."""

import re
from collections.abc import Iterable
from struct import pack
from typing import Final

from vna.dicom.elements import Element
from vna.dicom.encoding import ITEM, LONG_VRS, Encoding, encoding_of
from vna.dicom.scan import Scan
from vna.errors import CannotUnderstand
from vna.model import InstanceUID

Reference = tuple[str, InstanceUID]
"""SOP Class UID and SOP Instance UID."""

_SOP_CLASS: Final = 0x00081150
_SOP_INSTANCE: Final = 0x00081155
_TRANSACTION_UID: Final = 0x00081195
_FAILURE_REASON: Final = 0x00081197
_FAILED_SEQUENCE: Final = 0x00081198
_REFERENCED_SEQUENCE: Final = 0x00081199
_UID: Final = re.compile(r"(?=.{1,64}\Z)[0-9]+(\.[0-9]+)*")


def read_request(identifier: Scan) -> tuple[str, tuple[Reference, ...]]:
    """Return the Transaction UID of a request, and the instances it names, each once (PS3.4 J.3.2.1.1).

    Raises:
        CannotUnderstand: one of them is missing or no UID.
    """
    transaction = _uid(identifier, identifier.elements, _TRANSACTION_UID, "Transaction UID")
    items = identifier.items(_REFERENCED_SEQUENCE)
    if not items:
        raise CannotUnderstand("Referenced SOP Sequence (0008,1199) is missing or empty")
    found: dict[Reference, None] = {}
    for item in items:
        sop_class = _uid(identifier, item, _SOP_CLASS, "Referenced SOP Class UID")
        instance = _uid(identifier, item, _SOP_INSTANCE, "Referenced SOP Instance UID")
        found[sop_class, InstanceUID(instance)] = None
    return transaction, tuple(found)


def write_report(
    transaction: str,
    kept: Iterable[Reference],
    failed: Iterable[tuple[str, InstanceUID, int]],
    transfer_syntax: str,
) -> bytes:
    """Return the data set of a report (PS3.4 J.3.3.1.1); a sequence without items is left out.

    Args:
        transfer_syntax: one that is not deflated.
    """
    encoding = encoding_of(transfer_syntax)
    failures = [_reference(encoding, *each) for each in failed]
    references = [_reference(encoding, *each) for each in kept]
    elements = [_element(encoding, _TRANSACTION_UID, "UI", _padded(transaction))]
    if failures:
        elements.append(_element(encoding, _FAILED_SEQUENCE, "SQ", b"".join(failures)))
    if references:
        elements.append(_element(encoding, _REFERENCED_SEQUENCE, "SQ", b"".join(references)))
    return b"".join(elements)


def _uid(identifier: Scan, elements: dict[int, Element], tag: int, name: str) -> str:
    element = elements.get(tag)
    raw = identifier.raw(element) if element is not None else None
    value = (raw or b"").decode("ascii", "replace").strip(" \0")
    if not _UID.match(value):
        raise CannotUnderstand(f"{name} ({tag >> 16:04X},{tag & 0xFFFF:04X}) is missing, or is no UID")
    return value


def _reference(encoding: Encoding, sop_class: str, instance: str, reason: int | None = None) -> bytes:
    body = _element(encoding, _SOP_CLASS, "UI", _padded(sop_class))
    body += _element(encoding, _SOP_INSTANCE, "UI", _padded(instance))
    if reason is not None:
        body += _element(encoding, _FAILURE_REASON, "US", pack(f"{encoding.order}H", reason))
    return pack(f"{encoding.order}HHI", ITEM >> 16, ITEM & 0xFFFF, len(body)) + body


def _element(encoding: Encoding, tag: int, vr: str, value: bytes) -> bytes:
    head = pack(f"{encoding.order}HH", tag >> 16, tag & 0xFFFF)
    if not encoding.explicit:
        return head + pack(f"{encoding.order}I", len(value)) + value
    if vr in LONG_VRS:
        return head + vr.encode() + b"\0\0" + pack(f"{encoding.order}I", len(value)) + value
    return head + vr.encode() + pack(f"{encoding.order}H", len(value)) + value


def _padded(uid: str) -> bytes:
    raw = uid.encode("ascii", "replace")
    return raw + b"\0" * (len(raw) % 2)
