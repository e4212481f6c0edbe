"""What the index says of instances that are held: rows turned into values."""

from dataclasses import dataclass

from vna.events import BlobEntry
from vna.model import InstanceKey, VersionState


@dataclass(frozen=True, slots=True)
class HeldInstance:
    """One version of an instance; `version_id` is the journal position that brought it.

    `digest` is the instance digest in hex; `size` the length in bytes of the data set as received,
    in `transfer_syntax`; `state` says whether it is served, or is kept beside what is.
    """

    version_id: int
    key: InstanceKey
    sop_class_uid: str
    transfer_syntax: str
    size: int
    version: int
    digest: str
    state: VersionState = VersionState.SERVED


@dataclass(frozen=True, slots=True)
class StoredForm:
    """How the bytes of one version are kept: header delta, the base it is against, recipe, blobs."""

    version_id: int
    recipe: bytes
    header: bytes
    base: bytes
    blobs: dict[str, BlobEntry]


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the archive holds and shows; sizes in bytes, headers are in `received_bytes` alone.

    `rejected` and `limited` instances are held and not shown; the patients, studies, series and instances are shown.
    """

    patients: int
    studies: int
    series: int
    instances: int
    rejected: int
    received_bytes: int
    stored_bytes: int
    flags: int
    position: int
    limited: int = 0
