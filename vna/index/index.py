"""One index database: its committer for writing, its reader and finder for reading."""

from vna.index.committer import Committer
from vna.index.database import reader_engine, writer_engine
from vna.index.find import Finder
from vna.index.projection import Projection
from vna.index.reading import Reader
from vna.index.schema import migrate


class Index:
    """The index of one archive, opened; close it when done."""

    def __init__(self, url: str) -> None:
        self._writing, self._reading = writer_engine(url), reader_engine(url)
        self.committer = Committer(self._writing, Projection())
        self.reader = Reader(self._reading)
        self.finder = Finder(self._reading)

    def close(self) -> None:
        """Close all connections."""
        self.committer.close()
        self.reader.close()
        self._writing.dispose()
        self._reading.dispose()


def open_index(url: str) -> Index:
    """Open the index at a database URL, creating or migrating its schema first.

    Raises:
        StartRefused: the schema is newer than this release, or the database cannot be opened.
    """
    migrate(url)
    return Index(url)
