"""The beginning of an archive: with a store that is empty, or with the journal of what lies in it.

Files that neither an index nor a journal knows would be swept. So whoever opens an archive in which nothing has
happened looks first, and leaves a mark in the data folder: what comes after it is this archive's own.
"""

from storage_backends import BlobStore, Documents
from vna.archive import NOTHING_SEALED
from vna.errors import StartRefused
from vna.index import Index
from vna.journal import SealedJournal
from vna.node.data_folder import DataFolder


def begin(folder: DataFolder, index: Index, blobs: BlobStore, documents: Documents) -> None:
    """See that a new archive does not begin in a store that holds files of another, or of a lost one.

    Raises:
        StartRefused: there are files, and neither index nor journal, nor the data folder, know of an event.
        storage_backends.StorageError: the store does not answer.
    """
    if folder.sealed() is not None or index.journal.mark().position:
        return
    if SealedJournal(documents).firsts():
        return
    if next(blobs.backend.names(), None) is not None:
        raise StartRefused(
            f"the store at {blobs.backend.location} holds files, and there is neither an index nor a journal that "
            "says what they are: put one of them back, or give a new archive a store of its own"
        )
    folder.note_sealed(NOTHING_SEALED)
