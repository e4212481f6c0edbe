"""One index database: its committer for writing, its reader and finder for reading."""

from vna.index.committer import Committer
from vna.index.database import reader_engine, writer_engine
from vna.index.find import Finder
from vna.index.intake import IntakeReader
from vna.index.journal import JournalReader
from vna.index.projection import Projection
from vna.index.reading import Reader
from vna.index.rejections import RejectionReader
from vna.index.schema import migrate
from vna.model import RejectedAgain


class Index:
    """The index of one archive, opened; close it when done."""

    def __init__(self, url: str, rejected_again: RejectedAgain) -> None:
        self._writing, self._reading = writer_engine(url), reader_engine(url)
        self.committer = Committer(self._writing, Projection(), rejected_again)
        self.reader = Reader(self._reading)
        self.finder = Finder(self._reading)
        self.rejections = RejectionReader(self._reading)
        self.intake = IntakeReader(self._reading)
        self.journal = JournalReader(self._reading)

    def close(self) -> None:
        """Close all connections."""
        self.committer.close()
        self.reader.close()
        self._writing.dispose()
        self._reading.dispose()


def open_index(url: str, *, rejected_again: RejectedAgain = RejectedAgain.REFUSE) -> Index:
    """Open the index at a database URL, creating or migrating its schema first.

    Args:
        rejected_again: what becomes of an arrival under a rejection that stands.

    Raises:
        StartRefused: the schema is newer than this release, or the database cannot be opened.
    """
    migrate(url)
    return Index(url, rejected_again)
