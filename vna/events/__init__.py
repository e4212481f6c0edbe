"""What can happen to an archive: the events of its journal, and what an arrival amounts to.

Pure values and functions: no clock, no configuration, no I/O (DESIGN: `apply(event, tables)` is pure,
so time and the outcome of policy are in the event).
"""

from vna.events.arrival import Arrival, Compare, Decision, HeldVersion, Hidden, Refuse, decide
from vna.events.chain import (
    GENESIS,
    ChainedEvent,
    JournalMark,
    KeptPayload,
    Link,
    chained_event,
    encode_body,
    link_hash,
    payload_digest,
)
from vna.events.kinds import (
    BlobEntry,
    Event,
    EventRecord,
    InstanceRestored,
    InstanceStored,
    PeerRegistered,
    PeerRemoved,
    ReceivedAgain,
    Rejected,
    Restored,
    body_of,
    event_from_body,
)

__all__ = [
    "GENESIS",
    "Arrival",
    "BlobEntry",
    "ChainedEvent",
    "Compare",
    "Decision",
    "Event",
    "EventRecord",
    "HeldVersion",
    "Hidden",
    "InstanceRestored",
    "InstanceStored",
    "JournalMark",
    "KeptPayload",
    "Link",
    "PeerRegistered",
    "PeerRemoved",
    "ReceivedAgain",
    "Refuse",
    "Rejected",
    "Restored",
    "body_of",
    "chained_event",
    "decide",
    "encode_body",
    "event_from_body",
    "link_hash",
    "payload_digest",
]
