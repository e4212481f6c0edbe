"""The hash chain over the journal: h(n) = SHA-256(h(n-1), deterministic CBOR of event n).

The chain holds no patient data. A payload enters it as SHA-256(salt, payload), so that a payload
can be erased later without breaking the chain, and nobody can guess it from its digest
(DESIGN section 5; RFC 8949 4.2 for the encoding).

One chained event is the CBOR array

    [position, origin, origin sequence, time, actor, kind, schema version, body, payload digest | null]

whose body is a byte string that holds the CBOR of the event's body, as it is stored: it is encoded
once, and what is checked later is the very bytes that were kept.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import cbor2

from vna.events.bodies import body_of, event_from_body
from vna.events.kinds import Event, EventRecord

_TYPES = [int, str, int, str, str, str, int, bytes]
"""Of the fields of an event but the last, as they are read from CBOR."""

GENESIS = bytes(32)
"""The head before the first event."""


def encode_body(event: Event) -> bytes:
    """Return the deterministic CBOR of an event's body."""
    return cbor2.dumps(body_of(event), canonical=True)


@dataclass(frozen=True, slots=True)
class JournalMark:
    """A place in the journal: a position, and the hash of the chain there, which only one history has.

    Position 0 is the journal without an event.
    """

    position: int
    chain_hash: bytes


@dataclass(frozen=True, slots=True)
class ChainedEvent:
    """An event as the chain holds it: its envelope, and its body as the bytes that are kept.

    Every layer that only passes events on takes this one, so that what is sealed and what is checked is what was
    committed, also where the kind is not known to this release.
    """

    position: int
    origin: str
    origin_sequence: int
    time: str
    actor: str
    kind: str
    schema_version: int
    body: bytes
    payload_digest: bytes | None

    @classmethod
    def of(cls, record: EventRecord) -> "ChainedEvent":
        """Return an event as the chain holds it."""
        event = record.event
        envelope = (record.position, record.origin, record.origin_sequence, record.time, record.actor)
        return cls(*envelope, event.kind, event.schema_version, encode_body(event), record.payload_digest)

    def encode(self) -> bytes:
        """Return the deterministic CBOR array that is hashed."""
        fields = [self.position, self.origin, self.origin_sequence, self.time, self.actor]
        return cbor2.dumps([*fields, self.kind, self.schema_version, self.body, self.payload_digest])

    def record(self) -> EventRecord:
        """Return the event itself.

        Raises:
            ValueError: its kind is not known to this release, or its body is not what it should be.
        """
        try:
            body = cbor2.loads(self.body)
        except (cbor2.CBORDecodeError, RecursionError) as exc:
            raise ValueError(f"the body of event {self.position} is no CBOR") from exc
        event = event_from_body(self.kind, self.schema_version, body)
        envelope = (self.position, self.origin, self.origin_sequence, self.time, self.actor)
        return EventRecord(*envelope, event, self.payload_digest)


@dataclass(frozen=True, slots=True)
class KeptPayload:
    """What an event keeps beside the chain: `data` is zstd, against the base of this digest as raw dictionary.

    `owner` is the study (or patient) it can be erased with.
    """

    owner: str
    salt: bytes
    base: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """One event of the journal, the head after it, and its payload if it has one (and it is not erased)."""

    event: ChainedEvent
    head: bytes
    payload: KeptPayload | None


def chained_event(array: Any) -> ChainedEvent:
    """Return the event of a decoded array.

    Raises:
        ValueError: it is not such an array.
    """
    if not isinstance(array, list) or len(array) != len(_TYPES) + 1:
        raise ValueError("not an array of nine")
    if [*map(type, array[:-1])] != _TYPES or not isinstance(array[-1], bytes | None):
        raise ValueError("an array with values of other types")
    return ChainedEvent(*array)


def link_hash(previous: bytes, encoded: bytes) -> bytes:
    """Return the 32-byte head after an encoded event, given the head before it."""
    return hashlib.sha256(previous + encoded).digest()


def payload_digest(salt: bytes, payload: bytes) -> bytes:
    """Return SHA-256(salt, payload), the only trace of a payload in the chain."""
    return hashlib.sha256(salt + payload).digest()
