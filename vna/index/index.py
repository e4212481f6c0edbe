"""One index database: its committer for writing, its reader and finder for reading."""

from vna.dicom.extra import NO_EXTRA, ExtraAttributes
from vna.errors import OutOfResources
from vna.index.blob_reading import BlobReader
from vna.index.commitments import CommitmentTable
from vna.index.committer import Committer
from vna.index.database import reader_engine, writer_engine
from vna.index.erasing import ErasureTable
from vna.index.extra_filling import ExtraTable
from vna.index.find import Finder
from vna.index.intake import IntakeReader
from vna.index.journal import JournalReader
from vna.index.projection import Projection
from vna.index.quiet import QuietReader
from vna.index.reading import Reader
from vna.index.rejections import RejectionReader
from vna.index.schema import migrate
from vna.index.scrubbing import RoundTable
from vna.index.sweeping import SweepReader
from vna.model import RejectedAgain


class Index:
    """The index of one archive, opened; close it when done."""

    def __init__(self, url: str, rejected_again: RejectedAgain, extra_attributes: ExtraAttributes) -> None:
        self._writing, self._reading = writer_engine(url), reader_engine(url)
        self.committer = Committer(self._writing, Projection(), rejected_again)
        self.reader = Reader(self._reading)
        self.finder = Finder(self._reading)
        self.rejections = RejectionReader(self._reading)
        self.intake = IntakeReader(self._reading)
        self.journal = JournalReader(self._reading)
        self.quiet = QuietReader(self._reading)
        self.erasures = ErasureTable(self._writing, self._reading)
        self.blobs = BlobReader(self._reading)
        self.rounds = RoundTable(self._writing, self._reading)
        self.sweeping = SweepReader(self._reading)
        self.commitments = CommitmentTable(self._writing, self._reading)
        self.extra_attributes, self.extra = extra_attributes, ExtraTable(self._writing)

    def history_problem(self) -> str | None:
        """Say how the database is not the one this process knows; None where it is."""
        try:
            self.committer.history.check(self.reader.journal_mark, self.reader.head_at)
        except OutOfResources as exc:
            return str(exc)
        return None

    def close(self) -> None:
        """Close all connections."""
        self.committer.close()
        self.erasures.close()
        self.extra.close()
        self.reader.close()
        self.finder.close()
        self._writing.dispose()
        self._reading.dispose()


def open_index(
    url: str,
    *,
    rejected_again: RejectedAgain = RejectedAgain.REFUSE,
    extra_attributes: ExtraAttributes = NO_EXTRA,
) -> Index:
    """Open the index at a database URL, creating or migrating its schema first.

    Args:
        rejected_again: what becomes of an arrival under a rejection that stands.
        extra_attributes: what queries know beside the table of attributes.

    Raises:
        StartRefused: the schema is newer than this release, or the database cannot be opened.
    """
    migrate(url)
    return Index(url, rejected_again, extra_attributes)
