"""Makes the parts of an archive out of the settings: where its index and its store lie.

Any process may open the archive beside the running node (the command line does): what it writes
goes through the transactions of the index. Only the node clears away leftovers.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from storage_backends import (
    MAIN,
    Access,
    Backend,
    BlobStore,
    Codec,
    Filesystem,
    Late,
    StorageError,
    StoreUnavailable,
    open_bucket,
)
from vna.archive import Archive, Derived, InFlight, Room, Spool, Watermark
from vna.dicom.extra import ExtraAttributes
from vna.errors import StartRefused
from vna.index import open_index
from vna.metrics import Metrics
from vna.model import RejectedAgain
from vna.node.data_folder import DataFolder
from vna.node.file_systems import refuse_network_file_system
from vna.node.mounts import not_mounted
from vna.node.readiness import try_store
from vna.settings import Settings

_FOLDER = "file:///"

_IN_FLIGHT_BYTES = 192 * 2**20
"""Memory of the whole node for data sets that are being received; more of them go to spool files."""


def open_archive(settings: Settings, *, workers: int = 1, metrics: Metrics | None = None) -> Archive:
    """Open the archive that the settings name, making what is missing and migrating an older index.

    Args:
        workers: how many processes share the node's memory for what is being received.
        metrics: where what passes the archive's door is counted; without it, where nobody looks.

    Raises:
        StartRefused: a place that cannot be used, or an index newer than this release.
    """
    extra = extra_attributes(settings)
    folder = DataFolder(settings.data_dir)
    folder.create()
    blobs = open_store(settings)
    index = open_index(
        index_url(settings),
        rejected_again=RejectedAgain(settings.archive.rejected_again),
        extra_attributes=extra,
    )
    room = Room(blobs, min_free_percent=settings.store.min_free_percent, min_free_bytes=settings.store.min_free_bytes)
    archive = Archive(index, blobs, _spool(settings, workers), room, metrics)
    archive.keep_derived(
        Derived(folder.derived, settings.archive.derived_max_bytes, has_room=lambda: room.shortage() is None)
    )
    return archive


def extra_attributes(settings: Settings) -> ExtraAttributes:
    """Return the attributes that queries know beside the table of attributes.

    Raises:
        StartRefused: one cannot be had.
    """
    try:
        return ExtraAttributes(settings.index.extra_attributes)
    except ValueError as exc:
        raise StartRefused(f"index.extra_attributes: {exc}") from exc


def _spool(settings: Settings, workers: int) -> Spool:
    """Return the spool of one of the processes that share the node's limits."""
    most, most_of_source = settings.dimse.max_in_flight_bytes, settings.dimse.max_in_flight_bytes_per_peer
    return Spool(
        DataFolder(settings.data_dir).spool,
        budget_bytes=_IN_FLIGHT_BYTES // workers,
        in_flight=InFlight(most // workers, most_of_source=most_of_source // workers),
        watermark=Watermark(settings.store.min_free_percent, settings.store.min_free_bytes),
    )


def open_backend(settings: Settings) -> Backend:
    """Open the place where blobs lie; an object store is not asked anything yet.

    Raises:
        StartRefused: it cannot be made or written.
    """
    root = store_folder(settings)
    if root is None:
        return _open_bucket(settings, settings.store.url)
    with usable(root):
        return Filesystem(root)


def refuse_unmounted_store(settings: Settings) -> None:
    """Refuse an empty store that is known to hold files; to be called before anything opens it.

    Raises:
        StartRefused: its disk seems not to be mounted, or the index cannot be opened.
    """
    root = store_folder(settings)
    problem = None if root is None else not_mounted(root, index_url(settings), MAIN)
    if problem is not None:
        raise StartRefused(f"store.url: {problem}")


def store_folder(settings: Settings) -> Path | None:
    """Return the folder of the store, None where it is a bucket."""
    return _folder(settings.store.url) if settings.store.url else DataFolder(settings.data_dir).blobs


def bucket_access(settings: Settings) -> Access:
    """Return how the buckets that the settings name are reached."""
    store = settings.store
    return Access(store.endpoint, store.region, store.timeout_s, DataFolder(settings.data_dir).spool)


def _folder(url: str) -> Path | None:
    return Path(unquote(urlsplit(url).path)) if url.startswith(_FOLDER) else None


def open_store(settings: Settings) -> BlobStore:
    """Open the store of the archive with its replicas, of which folders are opened when they are first used.

    So a node starts while a replica is away, and takes nothing in meanwhile where that is written with the receive.

    Raises:
        StartRefused: the store cannot be made or written, or something is missing that a service needs.
    """
    codec = Codec[settings.store.codec.upper()]
    replicas = {name: BlobStore(_replica(settings, name, url)) for name, url in settings.store.replica_urls.items()}
    mirrored = settings.store.replicate == "with-receive"
    return BlobStore(open_backend(settings), codec=codec, replicas=replicas, mirrored=mirrored)


def _replica(settings: Settings, name: str, url: str) -> Backend:
    root = _folder(url)
    if root is None:
        return _open_bucket(settings, url)

    def open_mounted() -> Filesystem:
        problem = not_mounted(root, index_url(settings), name)
        if problem is not None:
            raise StoreUnavailable(problem)
        return Filesystem(root)

    return Late(str(root), open_mounted)


def _open_bucket(settings: Settings, url: str) -> Backend:
    with usable(url):
        return open_bucket(url, bucket_access(settings))


def clear_staging(settings: Settings) -> None:
    """Remove what a dead node left half written in its stores; to be called while nobody writes to them.

    Only folders keep such leftovers: what is on its way to a bucket dies with its process. Those of a replica that is
    away now stay until a later start.

    Raises:
        StartRefused: the store cannot be written.
    """
    backend = open_backend(settings)
    if isinstance(backend, Filesystem):
        with usable(backend.location):
            backend.clear_staging()
    for name, url in settings.store.replica_urls.items():
        replica = _replica(settings, name, url)
        with suppress(StorageError):
            if isinstance(replica, Late) and isinstance(replica.backend, Filesystem):
                replica.backend.clear_staging()


def refuse_silent_store(settings: Settings) -> None:
    """Ask the store for something; not in a process that forks later, because an object store starts threads then.

    Raises:
        StartRefused: it does not answer.
    """
    backend = open_backend(settings)
    with usable(backend.location):
        try_store(backend)


@contextmanager
def usable(place: Path | str) -> Iterator[None]:
    """Let a place of the store that cannot be used stop the start, as a bad setting.

    Raises:
        StartRefused: the block failed for the store.
    """
    try:
        yield
    except (StorageError, OSError) as exc:
        raise StartRefused(f"store.url: {place} cannot be used: {exc}") from exc


def index_url(settings: Settings) -> str:
    """Return the database URL of the index, with its driver.

    Raises:
        StartRefused: it is SQLite on a network file system.
    """
    url = settings.index.url or f"sqlite:///{DataFolder(settings.data_dir).index_file}"
    if url.startswith("sqlite:///"):
        refuse_network_file_system(Path(url.removeprefix("sqlite:///")))
    return database_url(url)


def database_url(url: str) -> str:
    """Return the URL of a database with its driver."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
