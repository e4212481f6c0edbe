"""One index database: its committer for writing, its reader and finder for reading."""

from vna.dicom.extra import NO_EXTRA, ExtraAttributes
from vna.errors import OutOfResources
from vna.index.blob_reading import BlobReader
from vna.index.clock import ClockTable
from vna.index.commitments import CommitmentTable
from vna.index.committer import Committer
from vna.index.database import reader_engine, writer_engine
from vna.index.deciding import Decider, Trial
from vna.index.elimination_reading import EliminationReader
from vna.index.erasing import ErasureTable
from vna.index.extra_filling import ExtraTable
from vna.index.fact_reading import FactReader
from vna.index.find import Finder
from vna.index.hold_reading import HoldReader
from vna.index.intake import IntakeReader
from vna.index.journal import JournalReader
from vna.index.limitations import LimitationReader
from vna.index.listing import ListingReader
from vna.index.object_locks import LockTable
from vna.index.placement_reading import PlacementReader
from vna.index.profiles import ProfileReader
from vna.index.projection import Projection
from vna.index.purging import Purged, purge
from vna.index.quiet import QuietReader
from vna.index.reading import Reader
from vna.index.rejections import RejectionReader
from vna.index.retention import RetentionReader
from vna.index.retention_results import RetentionTable
from vna.index.schema import migrate
from vna.index.scrubbing import RoundTable
from vna.index.sweeping import SweepReader
from vna.index.tombstones import TombstoneReader
from vna.model import EliminatedAgain, RejectedAgain


class Index:
    """The index of one archive, opened; close it when done."""

    def __init__(
        self,
        url: str,
        rejected_again: RejectedAgain,
        extra_attributes: ExtraAttributes,
        eliminated_again: EliminatedAgain = EliminatedAgain.REFUSE,
    ) -> None:
        self.url, self._writing, self._reading = url, writer_engine(url), reader_engine(url)
        self.committer = Committer(self._writing, Projection(), rejected_again, eliminated_again)
        self.trial = Trial(self._reading, Decider(rejected_again, eliminated_again))
        self.reader = Reader(self._reading)
        self.finder = Finder(self._reading)
        self.rejections = RejectionReader(self._reading)
        self.limitations = LimitationReader(self._reading)
        self.intake = IntakeReader(self._reading)
        self.facts, self.holds = FactReader(self._reading), HoldReader(self._reading)
        self.profiles, self.retention = ProfileReader(self._reading), RetentionReader(self._reading)
        self.retained = RetentionTable(self._writing, self._reading)
        self.journal = JournalReader(self._reading)
        self.clock = ClockTable(self._writing, self._reading)
        self.quiet = QuietReader(self._reading)
        self.erasures, self.tombstones = ErasureTable(self._writing, self._reading), TombstoneReader(self._reading)
        self.blobs = BlobReader(self._reading)
        self.rounds = RoundTable(self._writing, self._reading)
        self.locks = LockTable(self._writing, self._reading)
        self.sweeping = SweepReader(self._reading)
        self.placements = PlacementReader(self._writing, self._reading)
        self.eliminations = EliminationReader(self._reading)
        self.listing = ListingReader(self._reading)
        self.commitments = CommitmentTable(self._writing, self._reading)
        self.extra_attributes, self.extra = extra_attributes, ExtraTable(self._writing)

    def history_problem(self) -> str | None:
        """Say how the database is not the one this process knows; None where it is."""
        try:
            self.committer.history.check(self.reader.journal_mark, self.reader.head_at)
        except OutOfResources as exc:
            return str(exc)
        return None

    def purge(self) -> Purged:
        """Rid the database of what it keeps of rows that are gone; others wait meanwhile."""
        return purge(self._writing)

    def close(self) -> None:
        """Close all connections."""
        self.committer.close()
        self.trial.close()
        self.erasures.close()
        self.extra.close()
        self.reader.close()
        self.finder.close()
        self.facts.close()
        self.holds.close()
        self.retention.close()
        self.retained.close()
        self.locks.close()
        self._writing.dispose()
        self._reading.dispose()


def open_index(
    url: str,
    *,
    rejected_again: RejectedAgain = RejectedAgain.REFUSE,
    eliminated_again: EliminatedAgain = EliminatedAgain.REFUSE,
    extra_attributes: ExtraAttributes = NO_EXTRA,
) -> Index:
    """Open the index at a database URL, creating or migrating its schema first.

    Args:
        rejected_again: what becomes of an arrival under a rejection that stands.
        eliminated_again: what becomes of an arrival that lies in what was eliminated.
        extra_attributes: what queries know beside the table of attributes.

    Raises:
        StartRefused: the schema is newer than this release, or the database cannot be opened.
    """
    migrate(url)
    return Index(url, rejected_again, extra_attributes, eliminated_again)
