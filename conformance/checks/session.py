"""One run of the checks against one node: how it is reached, what was sent to it, and what it said of itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from conformance.checks.objects import QUERIED, TestObjects
from conformance.checks.storing import store_over_web
from conformance.checks.verdicts import NotSupported, Skipped
from conformance.checks.web_client import WebClient
from conformance.corpus import Instance
from conformance.messages import MessageReader
from conformance.requests import Answer, in_batches, store, store_proposals
from conformance.sink import Sink
from conformance.upper_layer import Aborted, Address, Association, PeerClosed, Proposal, Requestor

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))
PATIENT_FIND, PATIENT_MOVE, PATIENT_GET = (f"1.2.840.10008.5.1.4.1.2.1.{n}" for n in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class Listener:
    """Where C-MOVE sends to: a sink of ours, and the AE title the node should know it by."""

    sink: Sink
    ae_title: str


@dataclass(frozen=True, slots=True)
class Target:
    """The node to check and how to reach it.

    It is checked over DIMSE where it has an address, and over DICOMweb where it has a root; `uri` is the address of the
    URI service (WADO-URI, PS3.18 chapter 9). `study` is one that it holds already: then nothing is stored over DICOMweb
    alone. `patience_s` is how long to wait for the node to give up on a connection that says nothing, 0 not to try.
    """

    address: Address | None
    calling: str = "CONFCHECK"
    web: WebClient | None = None
    listener: Listener | None = None
    timeout_s: float = 10
    patience_s: float = 0
    study: str = ""
    uri: str = ""

    @property
    def node(self) -> Address:
        """The address over DIMSE.

        Raises:
            Skipped: none was given.
        """
        if self.address is None:
            raise Skipped("give --dimse AET@HOST:PORT")
        return self.address


@dataclass(slots=True)
class Session:
    """What the checks of a run share: the target, the objects, and what became of those that were sent.

    `answers` has for each object that was sent the node's answer, None where the context was not accepted; `taken` are
    the numbers of studies that the node has taken something of.
    """

    target: Target
    objects: TestObjects
    answers: dict[str, Answer | None] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)

    def open(self, *proposals: Proposal, requestor: Requestor | None = None) -> Association:
        """Request an association; every wait on it ends after the target's time.

        Raises:
            Refused, Aborted, PeerClosed, OSError: there is none.
        """
        said = requestor or self.requestor()
        return Association.open(self.target.node, proposals, requestor=said, timeout_s=self.target.timeout_s)

    def requestor(self, extended: Mapping[str, bytes] | None = None) -> Requestor:
        """Return what we say of ourselves."""
        return Requestor(self.target.calling, extended=extended or {})

    def open_for(self, sop_class: str, *, extended: Mapping[str, bytes] | None = None) -> Association:
        """Request an association for a service in Implicit VR Little Endian, and see that it is offered.

        Raises:
            NotSupported: the SOP Class is not accepted.
        """
        association = self.open(Proposal(sop_class, (IMPLICIT,)), requestor=self.requestor(extended))
        if association.context(sop_class) is None:
            association.release()
            raise NotSupported(f"SOP Class {sop_class} is not accepted")
        return association

    def send(self, names: Iterable[str]) -> None:
        """Send objects that were not sent yet, and note the answers."""
        instances = {name: self.objects.instance(name) for name in names if name not in self.answers}
        by_instance = {id(instance): name for name, instance in instances.items()}
        if self.target.address is None:
            self._send_over_web(instances)
            return
        for batch in in_batches(list(instances.values())):
            if not batch:
                continue
            with self.open(*store_proposals(batch)) as association:
                for instance in batch:
                    name = by_instance[id(instance)]
                    answer = self.answers[name] = _stored(association, instance)
                    if answer and is_stored(answer.status):
                        self.taken.add(self.objects.numbers(name)[0])

    def _send_over_web(self, instances: Mapping[str, Instance]) -> None:
        if self.target.web is None:
            raise Skipped("give --web URL")
        if self.target.study:
            raise Skipped("a study was named, so nothing is stored")
        for name, instance in instances.items():
            answer = self.answers[name] = store_over_web(self.target.web, instance)
            if answer and is_stored(answer.status):
                self.taken.add(self.objects.numbers(name)[0])

    def stored(self, name: str) -> Instance:
        """Return an object that the node has taken, which is sent now if it was not before.

        Raises:
            Skipped: the node does not take it.
        """
        self.send([name])
        answer = self.answers[name]
        if answer is None:
            raise Skipped(f"{name} was not stored: it is not accepted")
        if not is_stored(answer.status):
            raise Skipped(f"{name} was not stored: status {answer.status:04X}")
        return self.objects.instance(name)

    def store_queried(self) -> None:
        """See that the node holds the studies that queries are made of.

        Raises:
            Skipped: it does not take them.
        """
        self.send(QUERIED)
        for name in QUERIED:
            self.stored(name)

    def is_alive(self) -> bool:
        """Return whether the node still accepts associations."""
        try:
            with self.open(Proposal("1.2.840.10008.1.1", (IMPLICIT,))) as association:
                return bool(association.accepted)
        except (Aborted, PeerClosed, OSError):
            return False

    def left_behind(self) -> list[str]:
        """Return the Study Instance UIDs of what the node has taken, in order."""
        return [self.objects.uid(study) for study in sorted(self.taken)]


def is_stored(status: int) -> bool:
    """Return whether a C-STORE status says stored: success, or a warning (PS3.4 B.2.3)."""
    return status == 0 or status >> 12 == 0xB or status in (0x0107, 0x0116)


def reader_of(association: Association) -> MessageReader:
    """Return what reads messages on an association."""
    return MessageReader(association.sock, association.pdus)


def _stored(association: Association, instance: Instance) -> Answer | None:
    if association.context(instance.sop_class_uid, instance.transfer_syntax) is None:
        return None
    return store(association, instance)
