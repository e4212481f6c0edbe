"""Every metric that the processes of a node count: its name, its labels, what it says.

Names follow Prometheus' conventions: `vna_`, base units, `_total` on counters. Labels have few values: a peer is a
registered AE title or `UNREGISTERED`, never what a stranger calls itself. No label holds patient data.

Invariant: a family is of one kind for good, because boards are read by their names.
"""

from dataclasses import dataclass
from enum import StrEnum

UNREGISTERED = "unregistered"
"""The peer label of everybody who is not a registered peer."""

_SERVICE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_STAGE_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_SIZE_BUCKETS_BYTES = (1e3, 1e4, 1e5, 2.5e5, 6e5, 1e6, 5e6, 2e7, 1e8, 1e9)


class Stage(StrEnum):
    """What a C-STORE is made of; hashing, which goes on beside encode and fsync, is not counted."""

    __hash__ = str.__hash__  # that of an Enum is written in Python, and this one is a key on the hot path

    RECEIVE = "receive"
    """From the command to the last byte of the data set: the peer and the network."""
    SCAN = "scan"
    """Finding out where every element lies."""
    ENCODE = "encode"
    """Compressing what becomes blobs."""
    FSYNC = "fsync"
    """Bringing new blobs to disk, and their names."""
    COMMIT = "commit"
    """Waiting for the turn to write the index, and the transaction; with what it asks to be done again."""


@dataclass(frozen=True, slots=True)
class Counter:
    """What only grows."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gauge:
    """What is under way; begins at nothing in a new process."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often something was how large; `buckets` are upper bounds, in rising order."""

    name: str
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...]


Family = Counter | Gauge | Histogram

REQUESTS = Histogram(
    "vna_request_duration_seconds",
    "Time from a DIMSE request to its last response.",
    ("service", "peer", "outcome"),
    _SERVICE_BUCKETS_S,
)
IN_PROGRESS = Gauge("vna_requests_in_progress", "DIMSE requests under way, those that wait included.", ("service",))
STAGES = Histogram(
    "vna_store_stage_duration_seconds", "Time a stored instance spent in each stage.", ("stage",), _STAGE_BUCKETS_S
)
RECEIVED = Counter(
    "vna_instances_received_total", "Instances sent to the node, by what became of them.", ("peer", "outcome")
)
RECEIVED_BYTES = Counter("vna_received_bytes_total", "Bytes of the data sets sent to the node.", ("peer", "outcome"))
RECEIVED_SIZES = Histogram(
    "vna_received_instance_size_bytes", "Size of the data sets sent to the node.", (), _SIZE_BUCKETS_BYTES
)
IN_FLIGHT_BYTES = Gauge("vna_in_flight_bytes", "Bytes of data sets that have arrived and are not answered yet.")
SENT = Counter(
    "vna_instances_sent_total", "Instances sent out, by the answer of who got them.", ("service", "peer", "outcome")
)
SENT_BYTES = Counter("vna_sent_bytes_total", "Bytes of the data sets sent out and taken.", ("service", "peer"))
COMMITMENTS = Counter("vna_commitments_total", "Storage commitments, by what became of them.", ("peer", "outcome"))
WEB_REQUESTS = Histogram(
    "vna_http_request_duration_seconds",
    "Time from an HTTP request to the last byte of its answer.",
    ("resource", "method", "status"),
    _SERVICE_BUCKETS_S,
)
WEB_IN_PROGRESS = Gauge("vna_http_requests_in_progress", "HTTP requests under way.")
WEB_SENT_BYTES = Counter("vna_http_sent_bytes_total", "Bytes of the bodies of HTTP answers.", ("resource",))
ACCEPTED = Counter("vna_associations_accepted_total", "Associations let in.", ("peer",))
REJECTED = Counter("vna_associations_rejected_total", "Associations not let in, by the reason told.", ("reason",))
ABORTED = Counter(
    "vna_associations_aborted_total", "Associations that ended out of order, by who ended them.", ("peer", "by")
)
LIMITED = Counter(
    "vna_limits_reached_total",
    "Connections, associations and data sets refused or ended by a limit.",
    ("peer", "limit"),
)
OPEN = Gauge("vna_associations_open", "Associations open now.")
PID = Gauge("vna_process_id", "Process id of a worker; not shown to Prometheus.")
COMPLAINTS = Counter("vna_log_messages_total", "Warnings and errors logged.", ("level", "logger"))
STARTS = Counter(
    "vna_worker_starts_total", "Starts of each worker process; it is started again when it dies.", ("worker",)
)
SCRUBBED = Counter("vna_scrubbed_blobs_total", "Stored blobs read again and compared with their digest.", ("store",))
SCRUBBED_BYTES = Counter("vna_scrubbed_bytes_total", "Bytes of the stored blobs read again.", ("store",))
DAMAGED = Counter("vna_damaged_blobs_total", "Stored blobs found altered or missing.", ("store",))
HEALED = Counter("vna_healed_blobs_total", "Damaged blobs made good out of another store.", ("store", "source"))
NOT_SEALED = Gauge(
    "vna_journal_not_sealable", "1 while what the index holds of the journal is not what was committed, and not sealed."
)
LIFECYCLE = Counter(
    "vna_lifecycle_steps_total", "Steps of lifecycle runs, by what became of them.", ("step", "outcome")
)
COPIED = Counter("vna_copied_blobs_total", "Blobs copied to a replica behind their receive.", ("store",))

FAMILIES: tuple[Family, ...] = (
    REQUESTS,
    IN_PROGRESS,
    STAGES,
    RECEIVED,
    RECEIVED_BYTES,
    RECEIVED_SIZES,
    IN_FLIGHT_BYTES,
    SENT,
    SENT_BYTES,
    COMMITMENTS,
    WEB_REQUESTS,
    WEB_IN_PROGRESS,
    WEB_SENT_BYTES,
    ACCEPTED,
    REJECTED,
    ABORTED,
    LIMITED,
    OPEN,
    PID,
    COMPLAINTS,
    STARTS,
    SCRUBBED,
    SCRUBBED_BYTES,
    DAMAGED,
    HEALED,
    COPIED,
    NOT_SEALED,
    LIFECYCLE,
)
