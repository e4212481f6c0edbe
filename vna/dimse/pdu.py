"""The PDUs of PS3.8 9.3 that have no variable items, and how every PDU and PDV is framed.

    PDU    | type 1 | 0 1 | length 4 | ... length bytes ...                               big endian
    P-DATA | 4      | 0   | length 4 | PDV, PDV, ...
    PDV    | length 4 | context ID 1 | control header 1 | ... length - 2 bytes ...

Bit 0 of the control header is set on a fragment of a command set, bit 1 on the last fragment. The
A-ASSOCIATE PDUs are in `associate`.
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final

PDU_HEADER: Final = Struct(">BxI")
PDV_HEADER: Final = Struct(">IBB")
DATA_HEADER: Final = Struct(">BxIIBB")
"""The headers of a P-DATA-TF with one PDV, which is all we send."""

PDV_OVERHEAD: Final = PDV_HEADER.size
"""Bytes of a P-DATA's announced length that are no payload, for one PDV."""

COMMAND_FRAGMENT: Final = 0x01
LAST_FRAGMENT: Final = 0x02


class PduType(IntEnum):
    """PS3.8 9.3.1."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    DATA = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class AbortSource(IntEnum):
    """Who ends an association (PS3.8 table 9-26)."""

    USER = 0
    PROVIDER = 2


class AbortReason(IntEnum):
    """Why the provider ends an association (PS3.8 table 9-26); NOT_SPECIFIED where the user does."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER = 6


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an association is not accepted, in the codes of PS3.8 table 9-21."""

    result: int
    source: int
    reason: int

    def encode(self) -> bytes:
        """Return the A-ASSOCIATE-RJ."""
        return PDU_HEADER.pack(PduType.ASSOCIATE_RJ, 4) + bytes((0, self.result, self.source, self.reason))

    def __str__(self) -> str:
        """Return the reason in the standard's words."""
        return _REASONS.get((self.source, self.reason), f"source {self.source}, reason {self.reason}")


APPLICATION_CONTEXT_NOT_SUPPORTED: Final = Rejection(1, 1, 2)
CALLING_AE_TITLE_NOT_RECOGNIZED: Final = Rejection(1, 1, 3)
CALLED_AE_TITLE_NOT_RECOGNIZED: Final = Rejection(1, 1, 7)
PROTOCOL_VERSION_NOT_SUPPORTED: Final = Rejection(1, 2, 2)
TEMPORARY_CONGESTION: Final = Rejection(2, 3, 1)
LOCAL_LIMIT_EXCEEDED: Final = Rejection(2, 3, 2)

_REASONS = {
    (1, 1): "no reason given",
    (1, 2): "application context name not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}

RELEASE_RQ: Final = PDU_HEADER.pack(PduType.RELEASE_RQ, 4) + bytes(4)
RELEASE_RP: Final = PDU_HEADER.pack(PduType.RELEASE_RP, 4) + bytes(4)


def abort(source: AbortSource, reason: AbortReason) -> bytes:
    """Return an A-ABORT."""
    return PDU_HEADER.pack(PduType.ABORT, 4) + bytes((0, 0, source, reason))


def data_header(context_id: int, control: int, size: int) -> bytes:
    """Return what stands before `size` bytes of payload in a P-DATA-TF with one PDV."""
    return DATA_HEADER.pack(PduType.DATA, size + PDV_OVERHEAD, size + 2, context_id, control)
