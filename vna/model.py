"""Values that every layer shares: who an instance is, whose it is, and who sent it.

No behaviour lives here beyond being valid; nothing here does I/O.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

StudyUID = NewType("StudyUID", str)
SeriesUID = NewType("SeriesUID", str)
InstanceUID = NewType("InstanceUID", str)


@dataclass(frozen=True, slots=True)
class InstanceKey:
    """The three UIDs that name one SOP Instance (PS3.4 C.6.2.1, Study Root)."""

    study: StudyUID
    series: SeriesUID
    instance: InstanceUID


@dataclass(frozen=True, slots=True)
class Source:
    """Who sent something: a registered peer, or an unregistered AE title on a loopback address.

    `name` identifies the source across associations (a peer's AE title, or `AET@address`); `issuer`
    is the peer's configured issuer of patient IDs, or empty.
    """

    name: str
    issuer: str = ""
    warn_on_conflict: bool = False


@dataclass(frozen=True, slots=True)
class Peer:
    """A registered DICOM application: where it is reached and how it likes to be spoken to.

    `issuer` is assumed for patients it sends without Issuer of Patient ID; `charset` is a Specific
    Character Set defined term (PS3.3 C.12.1.1.2) for identifiers sent to it, empty for the node's
    choice; `max_pdu` in bytes limits PDUs sent to it, 0 for its own announced limit.
    """

    ae_title: str
    host: str
    port: int
    issuer: str = ""
    charset: str = ""
    max_pdu: int = 0
    warn_on_conflict: bool = False


class Outcome(StrEnum):
    """What became of an instance that arrived."""

    STORED = "stored"
    """Its key was unknown: it is the served version."""
    ALREADY_STORED = "already-stored"
    """The same bytes are already held live under the same key: nothing new is kept."""
    RENDITION = "rendition"
    """Differs from the held one in its encoding only: kept aside, the first one stays served."""
    NEW_VERSION = "new-version"
    """Other content from the source of the served version: the new one is served."""
    ASIDE = "aside"
    """Other content from another source: kept aside and flagged, the first one stays served."""


class VersionState(StrEnum):
    """Where one version of an instance stands."""

    SERVED = "served"
    ASIDE = "aside"
    RENDITION = "rendition"
    SUPERSEDED = "superseded"
