"""Values that every layer shares: who an instance is, whose it is, and who sent it.

No behaviour lives here beyond being valid; nothing here does I/O.
"""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum
from typing import Final, NewType

StudyUID = NewType("StudyUID", str)
SeriesUID = NewType("SeriesUID", str)
InstanceUID = NewType("InstanceUID", str)

_FIRST_YEAR: Final = 1800
_LAST_YEAR: Final = 8999


def parse_day(text: str) -> date:
    """Return the date that a person or program has written as YYYY-MM-DD.

    Raises:
        ValueError: it is none, or so far away that no time can be counted from it; the message says so.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError as exc:
        raise ValueError("a date is written as YYYY-MM-DD") from exc
    if text != day.isoformat():
        raise ValueError("a date is written as YYYY-MM-DD")
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"a date lies in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return day


@dataclass(frozen=True, slots=True)
class InstanceKey:
    """The three UIDs that name one SOP Instance (PS3.4 C.6.2.1, Study Root)."""

    study: StudyUID
    series: SeriesUID
    instance: InstanceUID


@dataclass(frozen=True, slots=True)
class Scope:
    """A study, one of its series, or one of that one's instances: what a rejection names.

    Raises:
        ValueError: an instance without its series.
    """

    study: StudyUID
    series: SeriesUID | None = None
    instance: InstanceUID | None = None

    def __post_init__(self) -> None:
        if self.instance is not None and self.series is None:
            raise ValueError("an instance is named with its series")

    def __str__(self) -> str:
        named = {"study": self.study, "series": self.series, "instance": self.instance}
        return " ".join(f"{level} {uid}" for level, uid in named.items() if uid is not None)

    def covers(self, key: InstanceKey) -> bool:
        """Return whether an instance is, or lies in, what is named."""
        if key.study != self.study or self.series not in (None, key.series):
            return False
        return self.instance in (None, key.instance)


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
    RESTORED = "restored"
    """It was rejected, the same bytes are held, and what is sent again is shown again (`RejectedAgain.RESTORE`)."""


class VersionState(StrEnum):
    """Where one version of an instance stands."""

    SERVED = "served"
    ASIDE = "aside"
    RENDITION = "rendition"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    """Hidden by a rejection; where it stood before is kept, and it stands there again once restored."""
    LIMITED = "limited"
    """Hidden by a limitation, and perhaps a rejection too; where it stood before is kept."""


class View(StrEnum):
    """What a request sees of what is held (IHE RAD TF-3 4.66); nothing that is limited in any case."""

    ORDINARY = "ordinary"
    """What is served."""
    QUALITY = "quality"
    """What is rejected too, beside the notes that reject it."""


class RejectionReason(StrEnum):
    """Why something was rejected: the rejection note titles of IHE IOCM (PS3.16 CID 7010, scheme DCM)."""

    QUALITY = "quality"
    SAFETY = "safety"
    WORKLIST = "worklist"
    EXPIRED = "expired"

    @property
    def code(self) -> str:
        """The code value in the scheme DCM (PS3.16 Annex D)."""
        return {"quality": "113001", "safety": "113037", "worklist": "113038", "expired": "113039"}[self]

    @classmethod
    def of_code(cls, code: str) -> "RejectionReason":
        """Return the reason a code value stands for.

        Raises:
            ValueError: it is none of them.
        """
        for reason in cls:
            if reason.code == code:
                return reason
        raise ValueError(f"{code} is not the code of a rejection note known to this release")

    @property
    def meaning(self) -> str:
        """The code's meaning."""
        return {
            "quality": "Rejected for Quality Reasons",
            "safety": "Rejected for Patient Safety Reasons",
            "worklist": "Incorrect Modality Worklist Entry",
            "expired": "Data Retention Policy Expired",
        }[self]


class RejectedAgain(StrEnum):
    """What becomes of an instance that arrives under a rejection that stands."""

    REFUSE = "refuse"
    """It is not kept, and the sender is told."""
    RESTORE = "restore"
    """The same bytes as held are shown again, that instance alone; anything else is refused."""
    KEEP_HIDDEN = "keep-hidden"
    """It is kept as any other arrival, but not shown, and the sender is told."""


class EliminatedAgain(StrEnum):
    """What becomes of an instance that arrives in what was eliminated."""

    REFUSE = "refuse"
    """It is not kept, and the sender is told which elimination destroyed it."""
    ACCEPT = "accept"
    """It is kept as new, and its study is flagged."""


class Availability(IntEnum):
    """How soon something can be retrieved, the soonest first: Instance Availability (PS3.3 C.4.23.1.1)."""

    ONLINE = 0
    NEARLINE = 1
    OFFLINE = 2
