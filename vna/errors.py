"""The tree of errors the archive answers with; each knows the DICOM status a peer is told.

Codes are those of PS3.7 Annex C and PS3.4 (B.2.3 storage, C.4.1 find, C.4.2 move, C.4.3 get).
Messages are for an operator: what happened, to which UID or digest, and what to do. They hold no
patient data, because they are logged and sent as Error Comment (0000,0902).
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar, TypeVarTuple, cast

_Arguments = TypeVarTuple("_Arguments")
_Result = TypeVar("_Result")


class VnaError(Exception):
    """A request we understand and do not carry out. `status` is what a DICOM peer is told."""

    status: ClassVar[int] = 0x0110  # Processing failure, PS3.7 C.5.2


class NotFound(VnaError):
    """Nothing live is known under this UID or digest."""

    status = 0x0112  # No such SOP Instance, PS3.7 C.4.3


class OutOfResources(VnaError):
    """The store or the index is full or unreachable; the sender may try again (PS3.4 B.2.3)."""

    status = 0xA700


class DataSetMismatch(VnaError):
    """The data set does not match its SOP Class or its own command set (PS3.4 B.2.3)."""

    status = 0xA900


class StudyMismatch(DataSetMismatch):
    """The data set is of another study than the one it was to be stored into (PS3.18 10.5.1.1.1)."""

    status = 0xA901  # one of those PS3.4 B.2.3 leaves to the node


class NotStorable(VnaError):
    """The SOP Class is none whose instances are stored (PS3.7 Annex C)."""

    status = 0x0122


class SyntaxNotSupported(VnaError):
    """The data set is in a transfer syntax that nobody has registered (PS3.18 table I.2-2)."""

    status = 0xC122


class CannotUnderstand(VnaError):
    """The bytes are not a data set of the agreed transfer syntax, or lack what names an instance."""

    status = 0xC000


class RejectedBefore(VnaError):
    """The instance, its series or its study was rejected, and what is sent again is not taken (IHE IOCM)."""

    status = 0xC071  # one of those PS3.4 B.2.3 leaves to the node; the comment names the rejection


class LimitedBefore(VnaError):
    """A limitation of just this scope stands already."""


class EliminatedBefore(VnaError):
    """The instance lies in what an elimination destroyed, and what is sent again is not taken."""

    status = 0xC072  # one of those PS3.4 B.2.3 leaves to the node; the comment names the elimination


class Ambiguous(VnaError):
    """A UID names more than one thing that is held; say in which study or series."""


class IdentifierMismatch(VnaError):
    """The identifier of a query or retrieve does not fit its information model (PS3.4 C.4.1.1.4)."""

    status = 0xA900


class MoveDestinationUnknown(VnaError):
    """The move destination is not a registered peer (PS3.4 C.4.2.1.5)."""

    status = 0xA801


class CannotConvert(VnaError):
    """The stored transfer syntax cannot be turned into one the peer accepts."""

    status = 0xA702  # Unable to perform sub-operations


class Damaged(VnaError):
    """Stored bytes no longer give the digest they are named by; they are never served."""

    status = 0x0110


class Held(VnaError):
    """A hold stands over what was to be destroyed, displaced or erased: nothing of it goes."""

    status = 0x0124  # Refused: not authorized, PS3.7 Annex C

    @classmethod
    def by(cls, numbers: Sequence[int], what: str) -> "Held":
        """Return the error that names the holds and what they stand over."""
        named = ", ".join(map(str, numbers))
        return cls(f"{what} is under hold {named}: nothing of it may go until that is released or over")


class NotPermitted(VnaError):
    """Who asks may not do this: another person has to, or another role."""

    status = 0x0124  # Refused: not authorized, PS3.7 Annex C


class NotPlausible(VnaError):
    """What is said cannot be so: a date that has not come, an order that cannot be, text where a code belongs."""

    status = 0x0115  # Invalid argument value, PS3.7 Annex C


class NotOnline(VnaError):
    """What is asked for lies where it cannot be read at once; it is being brought back, and can be asked for again."""

    status = 0xA702  # Refused: out of resources, unable to perform sub-operations, PS3.4 C.4.2.1.5


class TooFewVerified(VnaError):
    """Fewer verified copies would be left than there have to be; nothing of what was to go is gone."""

    status = 0x0110


class ClockNotTrusted(VnaError):
    """The clock jumped, and nobody has found it right since: nothing whose time may be over is touched."""

    status = 0x0110


class StartRefused(VnaError):
    """The node cannot start on this data folder or with these settings; the message says why."""


def tried(
    work: Callable[[*_Arguments], _Result],
    *arguments: *_Arguments,
    expected: type[Exception] | tuple[type[Exception], ...] = VnaError,
) -> _Result | Exception:
    """Do something for one of several; return the error it ends with, which is to concern that one alone.

    An expected error is returned without what it came through. Kept by a function it came through it would hold itself,
    and until garbage is collected all that those functions had at hand: the data set, what it inflates to.
    """
    try:
        return work(*arguments)
    except expected as exc:
        exc.__cause__ = exc.__context__ = None
        return exc.with_traceback(None)
    except Exception as exc:  # noqa: BLE001 - a fault of ours, with its traceback for the log
        return exc


def only(outcomes: list[_Result | Exception]) -> _Result:
    """Return the one outcome of a list, or raise it if it is an error.

    The list is emptied then: an error that is still named where it is raised would hold itself.
    """
    if isinstance(outcomes[0], Exception):
        raise cast(Exception, outcomes.pop())
    return outcomes[0]
