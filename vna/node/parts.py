"""Makes the parts of an archive out of the settings: where its index and its store lie.

Any process may open the archive beside the running node (the command line does): what it writes
goes through the transactions of the index. Only the node clears away leftovers.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from storage_backends import (
    MAIN,
    Access,
    Backend,
    BlobStore,
    Codec,
    Documents,
    Filesystem,
    FilesystemDocuments,
    Late,
    ObjectLock,
    Recent,
    StorageError,
    StoreUnavailable,
    open_bucket,
    open_bucket_documents,
    open_locked_bucket,
)
from vna.archive import Archive, Derived, InFlight, Room, Spool, Traits, Watermark
from vna.dicom.extra import ExtraAttributes
from vna.errors import StartRefused
from vna.index import open_index
from vna.metrics import Metrics
from vna.model import EliminatedAgain, RejectedAgain
from vna.node.beginnings import begin
from vna.node.data_folder import DataFolder
from vna.node.file_systems import refuse_network_file_system
from vna.node.mounts import not_mounted
from vna.node.readiness import try_store
from vna.settings import Settings, TierSettings

_FOLDER = "file:///"

_IN_FLIGHT_BYTES = 192 * 2**20
"""Memory of the whole node for data sets that are being received; more of them go to spool files."""


def open_existing_archive(settings: Settings) -> Archive:
    """Open the archive that the settings name, where there is one: to look at something, or change it, makes none.

    Raises:
        StartRefused: there is no data folder; or as `open_archive`.
    """
    refuse_no_archive(settings)
    return open_archive(settings)


def refuse_no_archive(settings: Settings) -> None:
    """See that there is an archive, which may be served or not.

    Raises:
        StartRefused: there is no data folder.
    """
    if not settings.index.url and not settings.data_dir.is_dir():
        raise StartRefused(f"there is no data folder {settings.data_dir}")


def open_archive(
    settings: Settings, *, workers: int = 1, metrics: Metrics | None = None, recent: Recent | None = None
) -> Archive:
    """Open the archive that the settings name, making what is missing and migrating an older index.

    Args:
        workers: how many processes share the node's memory for what is being received.
        metrics: where what passes the archive's door is counted; without it, where nobody looks.
        recent: the node's memory for what came or was read last.

    Raises:
        StartRefused: a place that cannot be used, or an index newer than this release; a new archive, and files in its
            store.
    """
    extra = extra_attributes(settings)
    folder = DataFolder(settings.data_dir)
    folder.create()
    blobs = open_store(settings)
    if recent is not None:
        blobs.remember_in(recent)
    index = open_index(
        index_url(settings),
        rejected_again=RejectedAgain(settings.archive.rejected_again),
        eliminated_again=EliminatedAgain(settings.archive.eliminated_again),
        extra_attributes=extra,
    )
    with ExitStack() as opened:
        opened.callback(blobs.close)
        opened.callback(index.close)
        with usable(settings.store.url or folder.blobs):
            begin(folder, index, blobs, open_documents(settings))
        opened.pop_all()
    room = _room(settings, blobs)
    archive = Archive(index, blobs, _spool(settings, workers), room, metrics)
    archive.clock.max_jump_s = settings.lifecycle.max_clock_jump_s
    archive.tiers.know(settings.store.name, _traits(settings))
    archive.keep_derived(
        Derived(folder.derived, settings.archive.derived_max_bytes, has_room=lambda: room.shortage() is None)
    )
    return archive


def open_documents(settings: Settings) -> Documents:
    """Open the place of the sealed journal; a bucket is not asked yet.

    Raises:
        StartRefused: something is missing that the service of a bucket needs.
    """
    folder = store_folder(settings)
    if folder is not None:
        return FilesystemDocuments(folder)
    with usable(settings.store.url):
        return open_bucket_documents(settings.store.url, bucket_access(settings))


def _traits(settings: Settings) -> dict[str, Traits]:
    """Return what the settings say of the tiers."""
    return {
        name: Traits(tier.availability, tier.retrieve_ae_title) for name, tier in settings.store.tier_settings.items()
    }


def _room(settings: Settings, blobs: BlobStore) -> Room:
    """Return what watches the free space of the main store, and of each tier by a watermark of its own."""
    percent, most = settings.store.min_free_percent, settings.store.min_free_bytes
    tiers = {
        name: Room(
            blobs.at(name),
            min_free_percent=percent if tier.min_free_percent is None else tier.min_free_percent,
            min_free_bytes=most if tier.min_free_bytes is None else tier.min_free_bytes,
            name=f"tier {name}",
        )
        for name, tier in settings.store.tier_settings.items()
    }
    return Room(blobs, min_free_percent=percent, min_free_bytes=most, tiers=tiers)


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
        StartRefused: it cannot be made or written, or its disk seems not to be mounted: nothing is made there then.
    """
    refuse_unmounted_store(settings)
    root, url = store_folder(settings), settings.store.url
    with usable(root or url):
        return open_bucket(url, bucket_access(settings)) if root is None else Filesystem(root)


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
    return folder_of(settings.store.url) if settings.store.url else DataFolder(settings.data_dir).blobs


def bucket_access(settings: Settings) -> Access:
    """Return how the buckets that the settings name are reached."""
    store = settings.store
    return Access(store.endpoint, store.region, store.timeout_s, DataFolder(settings.data_dir).spool)


def folder_of(url: str) -> Path | None:
    """Return the folder that a URL of a store names, None where that is a bucket."""
    return Path(unquote(urlsplit(url).path)) if url.startswith(_FOLDER) else None


def open_store(settings: Settings) -> BlobStore:
    """Open the store of the archive with its replicas and tiers, of which folders are opened when they are first used.

    So a node starts while one of them is away, and takes nothing in meanwhile where that is written with the receive.

    Raises:
        StartRefused: the store cannot be made or written, or something is missing that a service needs.
    """
    codec = Codec[settings.store.codec.upper()]
    replicas = {name: BlobStore(_beside(settings, name, url)) for name, url in settings.store.replica_urls.items()}
    tiers = {name: open_tier(settings, tier) for name, tier in settings.store.tier_settings.items()}
    mirrored = settings.store.replicate == "with-receive"
    return BlobStore(open_backend(settings), codec=codec, replicas=replicas, tiers=tiers, mirrored=mirrored)


def open_tier(settings: Settings, tier: TierSettings) -> BlobStore:
    """Open a tier: a folder when it is first used, a bucket at once, which is not asked anything yet.

    Raises:
        StartRefused: something is missing that a service needs.
    """
    access = bucket_access(settings)
    endpoint = access.endpoint if tier.endpoint is None else tier.endpoint
    region = access.region if tier.region is None else tier.region
    access = replace(access, endpoint=endpoint, region=region)
    codec = Codec[tier.codec.upper()]
    if tier.lock is None:
        return BlobStore(_beside(settings, tier.name, tier.url, access), codec=codec)
    with usable(tier.url):
        lock = ObjectLock(tier.lock.mode, tier.lock.days)
        return BlobStore(open_locked_bucket(tier.url, access, lock), codec=codec)


def _beside(settings: Settings, name: str, url: str, access: Access | None = None) -> Backend:
    """Open a replica or a tier."""
    root = folder_of(url)
    if root is None:
        with usable(url):
            return open_bucket(url, access or bucket_access(settings))

    def open_mounted() -> Filesystem:
        problem = not_mounted(root, index_url(settings), name)
        if problem is not None:
            raise StoreUnavailable(problem)
        return Filesystem(root)

    return Late(str(root), open_mounted)


def clear_staging(settings: Settings) -> None:
    """Remove what a dead node left half written in its stores; to be called while nobody writes to them.

    Only folders keep such leftovers: what is on its way to a bucket dies with its process. Those of a store that is
    away now stay until a later start.

    Raises:
        StartRefused: the store cannot be written.
    """
    backend = open_backend(settings)
    if isinstance(backend, Filesystem):
        with usable(backend.location):
            backend.clear_staging()
    tiers = {name: tier.url for name, tier in settings.store.tier_settings.items()}
    for name, url in (settings.store.replica_urls | tiers).items():
        if folder_of(url) is None:
            continue
        other = _beside(settings, name, url)
        with suppress(StorageError):
            if isinstance(other, Late) and isinstance(other.backend, Filesystem):
                other.backend.clear_staging()


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
