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

import cbor2

from vna.events.kinds import Event, EventRecord, body_of

GENESIS = bytes(32)
"""The head before the first event."""


def encode_body(event: Event) -> bytes:
    """Return the deterministic CBOR of an event's body."""
    return cbor2.dumps(body_of(event), canonical=True)


def chain_hash(previous: bytes, record: EventRecord, body: bytes) -> bytes:
    """Return the 32-byte head after `record`, whose encoded body is `body`, given the head before it."""
    event = record.event
    array = [
        record.position,
        record.origin,
        record.origin_sequence,
        record.time,
        record.actor,
        event.kind,
        event.schema_version,
        body,
        record.payload_digest,
    ]
    return hashlib.sha256(previous + cbor2.dumps(array)).digest()


def payload_digest(salt: bytes, payload: bytes) -> bytes:
    """Return SHA-256(salt, payload), the only trace of a payload in the chain."""
    return hashlib.sha256(salt + payload).digest()
