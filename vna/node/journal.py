"""The sealed journal of the node's archive: where it lies, who signs it, and whether the index is of its history.

It lies beside the blobs, where these lie in a folder. In an object store nothing is sealed yet: the journal lives in
the index alone then, as does what is not sealed elsewhere.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from storage_backends import BlobStore, Documents, FilesystemDocuments
from vna.archive import Rebuilder, Sealer, catch_up, storage_errors
from vna.errors import NotFound
from vna.index import JournalReader, open_index, open_journal, open_replay
from vna.journal import SealedJournal
from vna.node.data_folder import DataFolder
from vna.node.parts import database_url, index_url, open_backend
from vna.settings import Settings

_FOLDER = "file:///"
_log = logging.getLogger(__name__)


def open_documents(settings: Settings) -> Documents | None:
    """Open the place of the sealed journal; None where there is none: in an object store."""
    url = settings.store.url
    if url and not url.startswith(_FOLDER):
        return None
    return FilesystemDocuments(Path(unquote(urlsplit(url).path)) if url else DataFolder(settings.data_dir).blobs)


def open_sealer(settings: Settings) -> Sealer | None:
    """Open what seals the journal; None where it cannot be sealed. Close it when done.

    Raises:
        StartRefused: the index cannot be opened.
    """
    documents = open_documents(settings)
    return None if documents is None else Sealer(open_index(index_url(settings)), SealedJournal(documents))


def catch_up_index(settings: Settings) -> None:
    """Compare index and sealed journal, and enter into the index what it lacks: before anything is accepted.

    Raises:
        StartRefused: they are two histories.
        Damaged: what is needed for catching up is damaged or missing.
    """
    documents = open_documents(settings)
    if documents is None:
        return
    journal, url = SealedJournal(documents), index_url(settings)
    index = open_index(url)

    def replay(after: int) -> int:
        _log.warning("the index is behind its journal: missing events are entered position=%d", after)
        replayer = open_replay(url)
        try:
            return Rebuilder(replayer, BlobStore(open_backend(settings))).from_journal(journal, after, lambda _at: None)
        finally:
            replayer.close()

    try:
        entered = catch_up(index, journal, replay)
    finally:
        index.close()
    if entered:
        _log.warning("the index has caught up events=%d", entered)


class Rebuild:
    """An index being made anew at a URL, from what is sealed and the blobs; one that was begun is gone on with."""

    def __init__(self, settings: Settings, url: str) -> None:
        """Look how far the journal is sealed.

        Raises:
            NotFound: the archive has no sealed journal.
            Damaged: the last segment cannot be read.
        """
        documents = open_documents(settings)
        if documents is None:
            raise NotFound("the journal of an archive in an object store is not sealed yet: it cannot be rebuilt")
        self._settings, self._url = settings, database_url(url)
        self._journal = SealedJournal(documents)
        with storage_errors():
            self.sealed = self._journal.mark().position

    def run(self, *, tail: bool, told: Callable[[int], None]) -> int:
        """Rebuild, and return the position reached.

        Args:
            tail: add what is not sealed, from the index that the settings name.
            told: is told the position reached, after every transaction.

        Raises:
            StartRefused: the database holds another history, or cannot be opened.
            Damaged: the journal or a blob that is needed is damaged.
        """
        replayer = open_replay(self._url)
        try:
            rebuilder = Rebuilder(replayer, BlobStore(open_backend(self._settings)))
            with closing(open_index(self._url)) as index:
                catch_up(index, self._journal, lambda after: rebuilder.from_journal(self._journal, after, told))
                reached = index.journal.mark().position
            if tail:
                with closing(open_journal_reader(self._settings)) as old:
                    reached = rebuilder.from_index(old, reached, told)
        finally:
            replayer.close()
        return reached


def open_journal_reader(settings: Settings) -> JournalReader:
    """Open the journal as the index holds it, sealed or not. Close it when done.

    Raises:
        StartRefused: the index cannot be opened.
    """
    return open_journal(index_url(settings))
