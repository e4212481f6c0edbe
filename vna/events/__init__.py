"""What can happen to an archive: the events of its journal, and what an arrival amounts to.

Pure values and functions: no clock, no configuration, no I/O (DESIGN: `apply(event, tables)` is pure,
so time and the outcome of policy are in the event).
"""

from vna.events.arrival import Arrival, Compare, Decision, HeldVersion, decide
from vna.events.chain import GENESIS, chain_hash, encode_body, payload_digest
from vna.events.kinds import (
    BlobEntry,
    Event,
    EventRecord,
    InstanceStored,
    PeerRegistered,
    PeerRemoved,
    ReceivedAgain,
    body_of,
    event_from_body,
)

__all__ = [
    "GENESIS",
    "Arrival",
    "BlobEntry",
    "Compare",
    "Decision",
    "Event",
    "EventRecord",
    "HeldVersion",
    "InstanceStored",
    "PeerRegistered",
    "PeerRemoved",
    "ReceivedAgain",
    "body_of",
    "chain_hash",
    "decide",
    "encode_body",
    "event_from_body",
    "payload_digest",
]
