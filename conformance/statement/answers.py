"""The statuses of responses: every one that the code can give, with its meaning and the services that give it."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from conformance.statement.document import Paragraph, Section, table
from vna import errors
from vna.dimse.requestor import PeerUnreachable
from vna.dimse.status import Status

Services = tuple[str, ...]

_EVERY: Services = ("C-ECHO", "C-STORE", "C-FIND", "C-GET", "C-MOVE", "N-ACTION")
_ACTION, _STOW = ("N-ACTION",), ("STOW-RS",)
_STORE, _FIND, _MOVE, _RETRIEVE = ("C-STORE",), ("C-FIND",), ("C-MOVE",), ("C-GET", "C-MOVE")
_QUERY_RETRIEVE: Services = (*_FIND, *_RETRIEVE)
_WITH_DATA: Services = (*_STORE, *_QUERY_RETRIEVE)
_KINDS = {0x0000: "Success", 0xFE00: "Cancel", 0xFF00: "Pending", 0xFF01: "Pending"}
_WARNING = 0xB

STATUSES: Mapping[str, tuple[Services, str]] = MappingProxyType(
    {
        "SUCCESS": (
            _EVERY,
            "Done: what was stored is on disk and findable, no more matches follow, every sub-operation succeeded.",
        ),
        "PROCESSING_FAILURE": (_EVERY, "The request failed for a reason that is in the log of the node."),
        "NO_SUCH_SOP_INSTANCE": (_ACTION, "Requested SOP Instance UID is not the one of Storage Commitment."),
        "INVALID_ARGUMENT_VALUE": (
            _EVERY,
            "Affected or Requested SOP Class UID is missing; of N-ACTION, Transaction UID or references are.",
        ),
        "INVALID_SOP_INSTANCE": (_STORE, "Affected SOP Instance UID is missing, or is not a UID."),
        "SOP_CLASS_NOT_SUPPORTED": (_EVERY, "Affected SOP Class UID is not that of the presentation context."),
        "NO_SUCH_ACTION": (_ACTION, "Action Type ID is not 1."),
        "NOT_AUTHORIZED": (
            (*_STORE, *_ACTION),
            "The requestor is not SCU for this SOP Class by what was negotiated.",
        ),
        "UNRECOGNIZED_OPERATION": (_EVERY, "The command is not one of the SOP Class of its presentation context."),
        "RESOURCE_LIMITATION": (_ACTION, "The request is too long, or cannot be recorded now; it may be made again."),
        "OUT_OF_RESOURCES": (
            _FIND,
            "There are more matches than `dimse.max_find_answers`; those sent before are valid.",
        ),
        "UNABLE_TO_PERFORM_SUBOPERATIONS": (_RETRIEVE, "Every sub-operation failed; the comment has the last reason."),
        "COERCION_OF_DATA_ELEMENTS": (_STORE, "Stored aside, other content is served under this UID."),
        "SUBOPERATIONS_WITH_FAILURES": (_RETRIEVE, "Complete, with failed sub-operations or warnings."),
        "CANNOT_UNDERSTAND": (_WITH_DATA, "The request has no data set where it needs one."),
        "CANCEL": (_QUERY_RETRIEVE, "Ended by C-CANCEL."),
        "PENDING": (_QUERY_RETRIEVE, "A match, or sub-operations go on."),
        "PENDING_WITH_UNSUPPORTED_KEYS": (_FIND, "A match; some keys of the query are not known."),
    }
)
"""By the name in `vna.dimse.status`: the services that give a status, and what it means there."""

ERRORS: Mapping[str, Services] = MappingProxyType(
    {
        "NotFound": _RETRIEVE,
        "OutOfResources": (*_WITH_DATA, *_STOW),
        "DataSetMismatch": (*_STORE, *_STOW),
        "StudyMismatch": _STOW,
        "NotStorable": _STOW,
        "SyntaxNotSupported": _STOW,
        "CannotUnderstand": (*_WITH_DATA, *_STOW),
        "IdentifierMismatch": _QUERY_RETRIEVE,
        "MoveDestinationUnknown": _MOVE,
        "CannotConvert": _RETRIEVE,
        "NotOnline": _RETRIEVE,
        "Damaged": _RETRIEVE,
        "PeerUnreachable": _MOVE,
        "RejectedBefore": (*_STORE, *_STOW),
        "EliminatedBefore": (*_STORE, *_STOW),
    }
)
"""By the name of the error: the services it is answered to, or where it is the reason of a failed sub-operation.

Those that are not here reach no peer under their own name.
"""


def status_section() -> Section:
    """Return the section of all statuses, a table for each service."""
    rows = sorted({*_of_statuses(), *_of_errors()})
    tables = (
        table(
            f"Statuses of {service} responses",
            ("Status", "Kind", "Meaning"),
            ((f"`{status:04X}`", _kind(status), meaning) for status, services, meaning in rows if service in services),
        )
        for service in (*_EVERY, *_STOW)
    )
    text = (
        "Failures carry an Error Comment (0000,0902) in words, without patient data. Elements at fault are named. "
        "In answers of STOW-RS the statuses are Failure Reasons (0008,1197)."
    )
    return Section("Statuses", (Paragraph(text), *tables))


def error_classes() -> Iterator[type[errors.VnaError]]:
    """Yield every error of the archive that has a status."""
    yield from (each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.VnaError))
    yield PeerUnreachable


def _of_statuses() -> Iterator[tuple[int, Services, str]]:
    for name, status in Status.__members__.items():
        services, meaning = STATUSES[name]
        yield status, services, meaning


def _of_errors() -> Iterator[tuple[int, Services, str]]:
    for error in error_classes():
        if error.__name__ in ERRORS:
            yield error.status, ERRORS[error.__name__], (error.__doc__ or "").strip().splitlines()[0]


def _kind(status: int) -> str:
    """Return what a status says of its request (PS3.7 C.1)."""
    if status in _KINDS:
        return _KINDS[status]
    return "Warning" if status >> 12 == _WARNING else "Failure"
