"""The hash chain over the journal: h(n) = SHA-256(h(n-1), deterministic CBOR of event n).

The chain holds no patient data. A payload enters it as SHA-256(salt, payload), so that a payload
can be erased later without breaking the chain, and nobody can guess it from its digest
(DESIGN section 5; RFC 8949 4.2 for the encoding).

One chained event is the CBOR array

    [position, origin, origin sequence, time, actor, kind, schema version, body, payload digest | null]
"""

import hashlib

import cbor2

from vna.events.kinds import EventRecord, body_of

GENESIS = bytes(32)
"""The head before the first event."""


def chain_hash(previous: bytes, record: EventRecord) -> bytes:
    """Return the 32-byte head after `record`, given the head before it."""
    return hashlib.sha256(previous + encode_record(record)).digest()


def encode_record(record: EventRecord) -> bytes:
    """Return the deterministic CBOR of one event."""
    event = record.event
    array = [
        record.position,
        record.origin,
        record.origin_sequence,
        record.time,
        record.actor,
        event.kind,
        event.schema_version,
        body_of(event),
        record.payload_digest,
    ]
    return cbor2.dumps(array, canonical=True)


def payload_digest(salt: bytes, payload: bytes) -> bytes:
    """Return SHA-256(salt, payload), the only trace of a payload in the chain."""
    return hashlib.sha256(salt + payload).digest()
