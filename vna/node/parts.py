"""Makes the parts of an archive out of the settings: where its index and its store lie.

Any process may open the archive beside the running node (the command line does): what it writes
goes through the transactions of the index. Only the node clears away leftovers.
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from storage_backends import BlobStore, Codec, Filesystem, StorageError
from vna.archive import Archive, Room, Spool
from vna.errors import StartRefused
from vna.index import open_index
from vna.node.data_folder import DataFolder
from vna.node.file_systems import refuse_network_file_system
from vna.settings import Settings, StoreSettings

_IN_FLIGHT_BYTES = 192 * 2**20
"""Memory of the whole node for data sets that are being received; more of them go to spool files."""


def open_archive(settings: Settings, *, workers: int = 1) -> Archive:
    """Open the archive that the settings name, making what is missing and migrating an older index.

    Args:
        workers: how many processes share the node's memory for what is being received.

    Raises:
        StartRefused: a place that cannot be used, or an index newer than this release.
    """
    folder = DataFolder(settings.data_dir)
    folder.create()
    backend = open_backend(settings)
    index = open_index(index_url(settings))
    blobs = BlobStore(backend, codec=Codec[settings.store.codec.upper()])
    room = Room(blobs, min_free_percent=settings.store.min_free_percent, min_free_bytes=settings.store.min_free_bytes)
    return Archive(index, blobs, Spool(folder.spool, budget_bytes=_IN_FLIGHT_BYTES // workers), room)


def open_backend(settings: Settings) -> Filesystem:
    """Open the place where blobs lie.

    Raises:
        StartRefused: it cannot be made or written.
    """
    root = store_folder(settings.store, DataFolder(settings.data_dir))
    try:
        return Filesystem(root)
    except (StorageError, OSError) as exc:
        raise StartRefused(f"store.url: {root} cannot be used: {exc}") from exc


def free_bytes(settings: Settings) -> int | None:
    """Return how many bytes are free where blobs lie, None when the store knows no bound."""
    return open_backend(settings).free_bytes()


def store_folder(store: StoreSettings, folder: DataFolder) -> Path:
    """Return the folder of the stored files."""
    return Path(unquote(urlsplit(store.url).path)) if store.url else folder.blobs


def index_url(settings: Settings) -> str:
    """Return the database URL of the index, with its driver.

    Raises:
        StartRefused: it is SQLite on a network file system.
    """
    url = settings.index.url or f"sqlite:///{DataFolder(settings.data_dir).index_file}"
    if url.startswith("sqlite:///"):
        refuse_network_file_system(Path(url.removeprefix("sqlite:///")))
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
