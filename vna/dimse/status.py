"""The DIMSE statuses this node gives or understands beside those that `vna.errors` carries."""

from enum import IntEnum


class Status(IntEnum):
    """PS3.7 Annex C, and PS3.4 B.2.3, C.4.1.1.4, C.4.2.1.5 and C.4.3.1.4."""

    SUCCESS = 0x0000
    PROCESSING_FAILURE = 0x0110
    NO_SUCH_SOP_INSTANCE = 0x0112
    INVALID_ARGUMENT_VALUE = 0x0115
    INVALID_SOP_INSTANCE = 0x0117
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NO_SUCH_ACTION = 0x0123
    NOT_AUTHORIZED = 0x0124
    UNRECOGNIZED_OPERATION = 0x0211
    RESOURCE_LIMITATION = 0x0213
    OUT_OF_RESOURCES = 0xA700
    UNABLE_TO_PERFORM_SUBOPERATIONS = 0xA702
    COERCION_OF_DATA_ELEMENTS = 0xB000
    """C-STORE's one general warning: stored, and something about it should be known (PS3.4 B.2.3)."""
    SUBOPERATIONS_WITH_FAILURES = 0xB000
    """The same code in C-GET and C-MOVE: complete, one or more failures or warnings."""
    CANNOT_UNDERSTAND = 0xC000
    CANCEL = 0xFE00
    PENDING = 0xFF00
    PENDING_WITH_UNSUPPORTED_KEYS = 0xFF01
    """C-FIND: one or more optional keys were not supported for existence or matching."""


def is_warning(status: int) -> bool:
    """Return whether a C-STORE status says stored, but (PS3.7 C.2, PS3.4 B.2.3)."""
    return status >> 12 == 0xB or status in (0x0001, 0x0107, 0x0116)


def is_out_of_resources(status: int) -> bool:
    """Return whether a C-STORE status says that the peer cannot take more now (PS3.4 B.2.3, PS3.7 C.5.22)."""
    return status >> 8 == 0xA7 or status == 0x0213
