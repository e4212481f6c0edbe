"""The ledger of tombstones of the node's archive: where its pages lie, and what of it this history does not know."""

import logging
from contextlib import closing

from storage_backends import Documents, FilesystemDocuments, open_bucket_documents
from vna.archive import BrokenLedger, Ledger
from vna.archive.ledger import Told
from vna.errors import OutOfResources
from vna.index import Index, open_index
from vna.journal import make_key
from vna.node.data_folder import DataFolder
from vna.node.parts import bucket_access, folder_of, usable
from vna.settings import Settings

_log = logging.getLogger(__name__)

_HERE = "tombstones"


def open_ledger(settings: Settings, index: Index) -> Ledger:
    """Open the ledger in the data folder and all of its copies; a bucket is not asked yet.

    Raises:
        StartRefused: something is missing that the service of a bucket needs.
    """
    folder = DataFolder(settings.data_dir)
    places: dict[str, Documents] = {_HERE: FilesystemDocuments(folder.tombstones)}
    for url in settings.archive.ledger_copies:
        places[url] = _documents(settings, url)
    return Ledger(index, places, lambda: make_key(folder.signing_key))


def unknown_here(settings: Settings, url: str) -> list[Told]:
    """Return what ledgers say was eliminated and the index at a URL does not know of.

    Raises:
        BrokenLedger: a page was altered or cannot be read, and the settings do not say to ignore that.
    """
    with closing(open_index(url)) as index:
        try:
            return open_ledger(settings, index).unknown()
        except (BrokenLedger, OutOfResources) as exc:
            if settings.archive.broken_ledger == "refuse":
                why = "what was eliminated might come back; put it right, or set archive.broken_ledger = ignore once"
                raise BrokenLedger(f"the ledger of what was eliminated: {exc}; {why}") from exc
            _log.error("the ledger of what was eliminated is ignored, as the settings say reason=%s", exc)
            return []


def _documents(settings: Settings, url: str) -> Documents:
    root = folder_of(url)
    if root is not None:
        return FilesystemDocuments(root)
    with usable(url):
        return open_bucket_documents(url, bucket_access(settings))
