"""Before a node takes anything in: its index is where the journal is, and what has gone elsewhere goes here too."""

import logging
from contextlib import closing

from storage_backends import ObjectDocuments
from vna.archive import NOTHING_SEALED, Rebuilder, Remembered, catch_up, storage_errors
from vna.index import open_index, open_replay
from vna.journal import SealedJournal
from vna.node.data_folder import DataFolder
from vna.node.journal import open_sealing_archive
from vna.node.ledger import unknown_here
from vna.node.parts import index_url, open_documents, open_store
from vna.settings import Settings

_log = logging.getLogger(__name__)


def catch_up_index(settings: Settings) -> None:
    """Compare index and sealed journal, and enter into the index what it lacks: before anything is accepted.

    Raises:
        StartRefused: they are two histories, or lack what was sealed once; or the store overwrites what it should
            keep.
        Damaged: what is needed for catching up is damaged or missing.
        OutOfResources: the store or the index does not answer.
    """
    documents = open_documents(settings)
    if isinstance(documents, ObjectDocuments):
        with storage_errors():
            documents.try_exclusiveness()
    journal, url, folder = SealedJournal(documents), index_url(settings), DataFolder(settings.data_dir)
    index = open_index(url)

    def replay(after: int) -> int:
        _log.warning("the index is behind its journal: missing events are entered position=%d", after)
        replayer = open_replay(url)
        try:
            with closing(open_store(settings)) as blobs:
                return Rebuilder(replayer, blobs).from_journal(journal, after, lambda _at: None)
        finally:
            replayer.close()

    try:
        eliminated_at = index.tombstones.eliminated_at()
        remembered = Remembered(folder.sealed() or NOTHING_SEALED, str(folder.sealed_file))
        entered = catch_up(index, journal, replay, remembered)
        _tell_lost_end(journal, remembered)
        if index.tombstones.eliminated_at() != eliminated_at:
            index.purge()  # it was put back from before: what went since lies in its free pages
    finally:
        index.close()
    if entered:
        _log.warning("the index has caught up events=%d", entered)


def _tell_lost_end(journal: SealedJournal, remembered: Remembered) -> None:
    with storage_errors():
        found = journal.mark().position
    if found < remembered.mark.position:
        text = "the journal in the store lost its end, which is sealed again from the index position=%d was=%d"
        _log.warning(text, found, remembered.mark.position)


def follow_ledger(settings: Settings) -> None:
    """Destroy again what ledgers say was eliminated and this history does not know: before anything is served.

    Raises:
        StartRefused: a ledger was altered or cannot be read; or as `open_sealing_archive`.
        OutOfResources: the index or the place of the journal does not answer.
    """
    unknown = unknown_here(settings, index_url(settings))
    if unknown:
        with closing(open_sealing_archive(settings)) as archive:
            archive.destruction.follow(unknown)
            remaining = archive.destruction.finish(0)
        _log.warning("eliminated again what ledgers list entries=%d waiting=%s", len(unknown), remaining.waiting or "-")
