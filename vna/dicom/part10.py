"""The head of a DICOM file (PS3.10 7.1): where its data set starts, and our own head for what has none.

    | preamble 128 | "DICM" | File Meta Information: group 0002, explicit VR little endian | data set ...

Files without preamble, or without any head, occur; as long as the first element can be recognised they
are accepted, and the transfer syntax is told from its bytes. The group length (0002,0000) is often wrong
and not believed: the head ends where group 0002 does.
"""

from dataclasses import dataclass
from struct import pack
from typing import Final

import vna
from vna.dicom.elements import Buffer, Element, read_header, too_long
from vna.dicom.encoding import EXPLICIT_BE_UID, EXPLICIT_LE, EXPLICIT_LE_UID, IMPLICIT_LE_UID, is_vr
from vna.errors import CannotUnderstand

PREAMBLE_LENGTH: Final = 128
PREFIX: Final = b"DICM"

MEDIA_STORAGE_SOP_CLASS_UID: Final = 0x00020002
MEDIA_STORAGE_SOP_INSTANCE_UID: Final = 0x00020003
TRANSFER_SYNTAX_UID: Final = 0x00020010

_MAX_HEAD: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part10Head:
    """What stands before the data set of a file.

    `length` is where the data set starts. The UIDs are None where the head does not give them.
    """

    length: int
    transfer_syntax: str
    sop_class_uid: str | None
    sop_instance_uid: str | None


@dataclass(frozen=True, slots=True)
class Implementation:
    """Who wrote a file: Implementation Class UID (0002,0012) and Version Name (0002,0013), up to 16 characters."""

    class_uid: str
    version_name: str


OURS: Final = Implementation("2.25.88001266890159127056545827588201270807", f"VNA_{vna.__version__}"[:16])
"""This program, in the files it writes and the associations it negotiates (PS3.7 D.3.3.2)."""


def find_data_set(buffer: Buffer) -> Part10Head:
    """Find the data set in a DICOM file.

    Raises:
        CannotUnderstand: the file is no DICOM file, or its head is broken.
    """
    start = PREAMBLE_LENGTH + len(PREFIX) if buffer[PREAMBLE_LENGTH : PREAMBLE_LENGTH + len(PREFIX)] == PREFIX else 0
    elements, end = _file_meta(buffer, start)
    transfer_syntax = _uid(buffer, elements.get(TRANSFER_SYNTAX_UID)) or _guess(buffer, end, is_dicom=start > 0)
    return Part10Head(
        length=end,
        transfer_syntax=transfer_syntax,
        sop_class_uid=_uid(buffer, elements.get(MEDIA_STORAGE_SOP_CLASS_UID)),
        sop_instance_uid=_uid(buffer, elements.get(MEDIA_STORAGE_SOP_INSTANCE_UID)),
    )


def write_part10_head(
    sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str, implementation: Implementation
) -> bytes:
    """Return preamble and File Meta Information for a data set that came over the network (PS3.10 7.1)."""
    meta = b"".join(
        (
            pack("<HH2sHI2s", 0x0002, 0x0001, b"OB", 0, 2, b"\x00\x01"),
            _short(0x0002, b"UI", sop_class_uid),
            _short(0x0003, b"UI", sop_instance_uid),
            _short(0x0010, b"UI", transfer_syntax),
            _short(0x0012, b"UI", implementation.class_uid),
            _short(0x0013, b"SH", implementation.version_name),
        )
    )
    return bytes(PREAMBLE_LENGTH) + PREFIX + pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(meta)) + meta


def _short(number: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii")
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    return pack("<HH2sH", 0x0002, number, vr, len(value)) + value


def _file_meta(buffer: Buffer, start: int) -> tuple[dict[int, Element], int]:
    """Return the elements of group 0002 from `start` on, and where they end."""
    elements: dict[int, Element] = {}
    at, limit = start, min(len(buffer), start + _MAX_HEAD)
    while at + 8 <= limit and buffer[at : at + 2] == b"\x02\x00":
        tag, vr, offset, length = read_header(buffer, at, limit, EXPLICIT_LE)
        if offset + length > limit:
            raise too_long(tag, at, length, limit - offset)
        elements[tag] = Element(tag, vr, at, offset, length, offset + length, False)
        at = offset + length
    return elements, at


def _uid(buffer: Buffer, element: Element | None) -> str | None:
    if element is None:
        return None
    value = bytes(buffer[element.offset : element.end]).rstrip(b"\0 ").lstrip(b" ")
    try:
        return value.decode("ascii") or None
    except UnicodeDecodeError as exc:
        raise CannotUnderstand(f"the UID at offset {element.offset} is no text") from exc


def _guess(buffer: Buffer, at: int, *, is_dicom: bool) -> str:
    """Tell the transfer syntax from the first element, which for what has no head must be of group 0008."""
    head = bytes(buffer[at : at + 8])
    little_endian = head[:2] == b"\x08\x00"
    if not (little_endian or head[:2] == b"\x00\x08" or (is_dicom and len(head) == 8)):
        raise CannotUnderstand(f"no DICOM file: no head, and no element of group 0008 at offset {at}")
    if not is_vr(head[4:6]):
        return IMPLICIT_LE_UID
    return EXPLICIT_BE_UID if head[:2] == b"\x00\x08" else EXPLICIT_LE_UID
