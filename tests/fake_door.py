"""A door to an archive that is a list in memory, for tests of what lies before the door.

It keeps what it is given and gives back what it keeps; its rules are none. What the real door does is
tested with the real door.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from storage_backends.content import Content, MemoryContent
from vna.archive import Arrived, DataSet, HeldInstance, Stored
from vna.dicom.describe import Value
from vna.dicom.extra import ExtraAttributes
from vna.dicom.query import Query
from vna.errors import CannotConvert, OutOfResources, VnaError
from vna.metrics import Metrics
from vna.model import InstanceKey, InstanceUID, Outcome, Peer, SeriesUID, Source, StudyUID


def held_instance(
    number: int, *, sop_class_uid: str = "1.2.840.10008.5.1.4.1.1.2", transfer_syntax: str = "1.2.840.10008.1.2.1"
) -> HeldInstance:
    """Return what the index would say of an instance that is held."""
    key = InstanceKey(StudyUID("1.2.3"), SeriesUID("1.2.3.1"), InstanceUID(f"1.2.3.1.{number}"))
    return HeldInstance(number, key, sop_class_uid, transfer_syntax, 1000, 1, f"{number:064x}")


class FakeIncoming:
    """One data set on its way in; full after `room` bytes."""

    def __init__(self, room: int) -> None:
        self._room, self._data = room, bytearray()
        self.discarded = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes."""
        if len(self._data) + len(data) > self._room:
            raise OutOfResources("the store is full; free space or add a tier")
        self._data += data

    def finish(self) -> Content:
        """Return what came."""
        return MemoryContent(self._data)

    def discard(self) -> None:
        """Give it back."""
        self.discarded = True


@dataclass
class FakeArchive:
    """The door; set its attributes to say what it answers."""

    registered: dict[str, Peer] = field(default_factory=dict)
    arrived: list[tuple[Source, Arrived, bytes]] = field(default_factory=list)
    incomings: list[FakeIncoming] = field(default_factory=list)
    held: list[HeldInstance] = field(default_factory=list)
    answers: Sequence[Mapping[str, Value]] = ()
    queries: list[Query] = field(default_factory=list)
    outcome: Outcome = Outcome.STORED
    failure: Exception | None = None
    metrics: Metrics = field(default_factory=Metrics)
    room: int = 1 << 40
    data: Callable[[HeldInstance], Iterator[bytes]] = lambda held: iter([held.digest.encode() * 10])
    extra_attributes: ExtraAttributes = field(default_factory=ExtraAttributes)

    def peers(self) -> Mapping[str, Peer]:
        """Return the registered peers."""
        return self.registered

    def incoming(self, source: str | None = None) -> FakeIncoming:
        """Start to receive."""
        self.incomings.append(FakeIncoming(self.room))
        return self.incomings[-1]

    def session(self, source: Source, actor: str, *, association: str | None = None) -> "FakeSession":
        """Open a session."""
        return FakeSession(self, source)

    def find(self, query: Query) -> Iterator[Mapping[str, Value]]:
        """Answer a query."""
        self.queries.append(query)
        yield from self.answers

    def instances(self, query: Query) -> list[HeldInstance]:
        """Return what is held."""
        self.queries.append(query)
        return self.held

    def retrieve(
        self, instances: Sequence[HeldInstance], choose: Callable[[HeldInstance], str | None]
    ) -> Iterator[tuple[HeldInstance, DataSet | VnaError]]:
        """Open instances."""
        for held in instances:
            syntax = choose(held)
            if syntax is None:
                yield (
                    held,
                    CannotConvert(f"the peer takes nothing that {held.transfer_syntax} can be given in"),
                )
            else:
                yield held, DataSet(syntax, None, self.data(held), b"")


@dataclass
class FakeSession:
    """What one source sends."""

    archive: FakeArchive
    source: Source

    def store(self, arrived: Arrived) -> Stored:
        """Keep a data set, or fail as told."""
        if self.archive.failure is not None:
            raise self.archive.failure
        data = bytes(arrived.content.read(0, arrived.content.size))
        self.archive.arrived.append((self.source, arrived, data))
        held = held_instance(1)
        return Stored(held.sop_class_uid, held.key, "0" * 64, self.archive.outcome, 1)
