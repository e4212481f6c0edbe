"""What an import is made of: the units of work that planning finds, and the verdict on each data set.

Both travel between processes, so they are small values. A path is absolute, and kept as the text that
`os.fsdecode` gives, for file names need not be text.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum, StrEnum

from vna.model import Outcome


class Kind(Enum):
    """What a file is by its first bytes."""

    OTHER = "data set or something else"
    ZIP = "ZIP"
    TAR = "TAR"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"


@dataclass(frozen=True, slots=True)
class _Source:
    """Something on disk; sizes in bytes, times in nanoseconds."""

    path: str
    size: int
    modified_ns: int

    @property
    def label(self) -> str:
        """What a person is told it is."""
        return self.path

    @property
    def member(self) -> str:
        """Which part of the file it is: all of it."""
        return ""


@dataclass(frozen=True, slots=True)
class WholeFile(_Source):
    """A file that may be a data set."""


@dataclass(frozen=True, slots=True)
class ZipMember(_Source):
    """A file in a ZIP; `number` is its place in the directory, `size` what it takes in the ZIP."""

    number: int
    name: str

    @property
    def label(self) -> str:
        """What a person is told it is."""
        return f"{self.path}:{self.name}"

    @property
    def member(self) -> str:
        """Which part of the file it is."""
        return f"zip {self.number}"


@dataclass(frozen=True, slots=True)
class TarMember(_Source):
    """A file in a TAR that is not compressed: `size` bytes from `offset`."""

    offset: int
    name: str

    @property
    def label(self) -> str:
        """What a person is told it is."""
        return f"{self.path}:{self.name}"

    @property
    def member(self) -> str:
        """Which part of the file it is."""
        return f"tar {self.offset} {self.size}"


@dataclass(frozen=True, slots=True)
class TarStream(_Source):
    """A compressed TAR: it can be read from its beginning only, so it is one unit, however much it holds."""

    kind: Kind


Unit = WholeFile | ZipMember | TarMember | TarStream


class Fate(StrEnum):
    """What became of something that was found; the first six are the archive's outcomes."""

    STORED = "stored"
    ALREADY_STORED = "already-stored"
    NEW_VERSION = "new-version"
    RENDITION = "rendition"
    ASIDE = "aside"
    RESTORED = "restored"
    DIFFERS = "differs"
    """Only on trial: something else is held under its UIDs; storing would tell which of the last three it is."""
    FINISHED_BEFORE = "finished-before"
    """An earlier run is done with it and it has not changed: it was not read."""
    DIRECTORY = "dicomdir"
    """A directory of media (PS3.10 8.6): it lists instances, it is none."""
    NOT_DICOM = "not-dicom"
    REJECTED = "rejected"
    """It was rejected before, and the archive does not take it."""
    DAMAGED = "damaged"
    FAILED = "failed"
    """Could not be read or taken in, for a reason that may pass; includes what is encrypted."""
    REFUSED = "refused"
    """The archive takes nothing in at present: going on is of no use."""

    @property
    def is_settled(self) -> bool:
        """Whether importing it again would come to nothing else."""
        return not self.is_problem and self not in (Fate.REJECTED, Fate.DIFFERS)

    @property
    def is_problem(self) -> bool:
        """Whether something that should have been imported was not; what was rejected should not."""
        return self in (Fate.DAMAGED, Fate.FAILED, Fate.REFUSED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one file or member; `progress` is how far the import came by it, in bytes of the sources."""

    label: str
    fate: Fate
    reason: str = ""
    progress: int = 0


def fate_of(outcome: Outcome) -> Fate:
    """Return the fate that an outcome of the archive is."""
    return Fate(outcome.value)


def fingerprint(unit: Unit, source_name: str) -> bytes:
    """Return 16 bytes that name a unit as it is now, and whose content it is imported as."""
    facts = f"{source_name}\0{unit.size}\0{unit.modified_ns}\0{unit.member}\0{unit.path}"
    return hashlib.blake2b(facts.encode("utf-8", "surrogateescape"), digest_size=16).digest()


def printable(text: str) -> str:
    """Return a text that can be shown on one line of any terminal: control and undecodable characters escaped."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")
