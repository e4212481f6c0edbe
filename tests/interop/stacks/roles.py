"""What another stack can be to our node: one small protocol for each role, which its adapter meets or does not.

An adapter says how it is done with the stack's own programs or library, and nothing of what should come of it. A method
that ends without an exception means that the stack itself was content: every answer it got was a success.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from conformance.upper_layer import Address


class StackFailed(Exception):
    """The stack was not content; the message holds what it said."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query in words that every stack can put in its own form (PS3.4 C.4.1).

    `keys` are matching keys and, where the value is empty, return keys, by keyword. Text goes out in `charset`
    (a value of Specific Character Set, PS3.3 C.12.1.1.2).
    """

    level: str
    keys: Mapping[str, str]
    charset: str = ""
    model: str = "STUDY"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A study to retrieve: its UID, and the SOP Classes and transfer syntaxes of its instances."""

    study: str
    sop_classes: tuple[str, ...]
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class About:
    """What the table says of a stack.

    `limits` are the cases that are beyond the stack, as "role case", each with the reason: those are not tried.
    `remarks` are by role.
    """

    name: str
    how_to_install: str
    limits: Mapping[str, str] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)
    long: bool = False


@runtime_checkable
class Stack(Protocol):
    """A DICOM implementation that is not ours."""

    about: About

    def version(self) -> str | None:
        """Return its version, or None where it is not installed."""
        ...


@runtime_checkable
class Verifier(Protocol):
    """Verification SCU (PS3.4 A)."""

    def echo(self, node: Address) -> None:
        """Send C-ECHO."""
        ...


@runtime_checkable
class Sender(Protocol):
    """Storage SCU (PS3.4 B)."""

    def send(self, node: Address, files: Sequence[Path]) -> None:
        """Send Part 10 files by C-STORE on one association, or as many as the stack makes of it."""
        ...


@runtime_checkable
class Querier(Protocol):
    """Query SCU (PS3.4 C.4.1)."""

    def find(self, node: Address, question: Question) -> list[Mapping[str, str]]:
        """Return the answers: the text of each attribute as the stack decodes it, by keyword."""
        ...


@runtime_checkable
class Retriever(Protocol):
    """C-GET SCU (PS3.4 C.4.3)."""

    def get(self, node: Address, wanted: Wanted, folder: Path) -> None:
        """Retrieve a study into files of an empty folder."""
        ...


@runtime_checkable
class Mover(Protocol):
    """C-MOVE SCU (PS3.4 C.4.2)."""

    def move(self, node: Address, study: str, destination: str) -> None:
        """Have a study sent to an AE title."""
        ...


@runtime_checkable
class Destination(Protocol):
    """Storage SCP (PS3.4 B), the destination of a C-MOVE."""

    def listening(self, folder: Path, *, port: int, ae_title: str) -> AbstractContextManager[None]:
        """Listen until the block ends; what comes becomes files somewhere in an empty folder."""
        ...


@runtime_checkable
class QueryCanceller(Protocol):
    """Sends C-CANCEL for a query (PS3.7 9.3.2.3)."""

    def cancel_find(self, node: Address, question: Question, *, after: int) -> int:
        """Cancel after this many answers and return the final status."""
        ...


@runtime_checkable
class RetrieveCanceller(Protocol):
    """Sends C-CANCEL for a retrieve (PS3.7 9.3.3.3, 9.3.4.3)."""

    def cancel_retrieve(self, node: Address, wanted: Wanted, destination: str) -> int:
        """Cancel a C-GET or C-MOVE at its first pending answer and return the final status."""
        ...


@runtime_checkable
class Aborter(Protocol):
    """Aborts an association (PS3.8 9.3.8) in the middle of its work."""

    def abort(self, node: Address, file: Path) -> None:
        """Send a file, and abort the association instead of releasing it."""
        ...


ROLES: Mapping[str, type] = {
    "verifier": Verifier,
    "sender": Sender,
    "querier": Querier,
    "retriever": Retriever,
    "mover": Mover,
    "destination": Destination,
    "query canceller": QueryCanceller,
    "retrieve canceller": RetrieveCanceller,
    "aborter": Aborter,
}
"""The roles by the name they have in the table, in its order."""
