"""A store in a bucket: S3 and what speaks like it, Azure Blob Storage, Google Cloud Storage.

    <prefix>/blobs/<first 3 hex digits>/<name>

What is being written is kept by this process, up to `MEMORY_BYTES` in memory and beyond that in a nameless
file: an object appears whole, under its name, or not at all. Objects over `PART_BYTES` go up in parts; the parts
of a process that died are invisible and belong to nobody, so buckets should expire unfinished uploads.

A commit always sends its bytes, also where the name is taken: by size alone nobody can tell a sound object from a
damaged one, and sending again is how a damaged one is healed. To S3 the bytes go with
their SHA-256, so that the service refuses what was garbled on the way: the signature alone is not always checked.

What is deleted is gone: where a bucket of S3 keeps versions, each is deleted by its id (`storage_backends.versions`).
Azure and Google keep versions and deleted objects only where that is turned on, and cannot be told apart here.

Credentials come from the environment, by the names the services' own tools use (AWS_ACCESS_KEY_ID, ...), or from
the machine's role; they are never part of a URL. The library runs threads of its own from the first request on:
a process that forks has to do so before.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from storage_backends.access import REQUESTS_AT_ONCE, Access
from storage_backends.backend import Listed, check_name, is_name
from storage_backends.content import Buffer
from storage_backends.errors import BlobNotFound, NoSpace, StorageError, StoreUnavailable
from storage_backends.posix import DISK_FULL
from storage_backends.versions import Versions

if TYPE_CHECKING:  # names that exist in the library's type stubs only
    from obstore import GetOptions
    from obstore.store import ClientConfig, RetryConfig
    from obstore.store import ObjectStore as Service

MEMORY_BYTES = 8 << 20
"""How much of one blob is kept in memory while it is written."""

PART_BYTES = 8 << 20
"""Size of the parts of a long upload; a service takes 10,000 of them."""

_CREDENTIALS: Final = {
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "aws_session_token": "AWS_SESSION_TOKEN",
}
_PARTS_AT_ONCE = 4
_RETRIES = 4
_FIRST_PAUSE = timedelta(milliseconds=100)
_LONGEST_PAUSE = timedelta(seconds=2)
_ROOT = "blobs"
_REASON_LENGTH = 160

_STORE_FULL = re.compile(r"status code: 507|<Code>(?:\w*StorageFull|QuotaExceeded|InsufficientCapacity)</Code>")
_NO_SUCH_RANGE = re.compile(r"status code: 416|Invalid range")
_STATUS = re.compile(r"status code: (\d{3}(?: [A-Za-z-]+)*)")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_FAILED = (BaseError, OSError, ValueError)
"""All that obstore raises."""


def open_bucket(url: str, access: Access) -> "ObjectStore":
    """Open `s3://BUCKET/PREFIX`, or the same with `az` or `gs`; the bucket is not asked yet.

    Raises:
        StoreUnavailable: something is missing that the service needs, or it has no such option.
    """
    service, location = open_service(url, access)
    return ObjectStore(service, location, spool=access.spool, versions=open_versions(url, access))


def open_versions(url: str, access: Access) -> Versions | None:
    """Return what asks for the versions of objects in a bucket; None where the service is not S3."""
    parts = urlsplit(url)
    if parts.scheme != "s3":
        return None
    given = {name: os.environ[variable] for name, variable in _CREDENTIALS.items() if variable in os.environ}
    return Versions(parts.hostname or "", parts.path, replace(access, credentials=given))


def open_service(url: str, access: Access) -> tuple["Service", str]:
    """Return the library's view of a bucket below a prefix, and its URL, which holds no secrets.

    Raises:
        StoreUnavailable: as `open_bucket`.
    """
    parts = urlsplit(url)
    location = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    options = {"endpoint": access.endpoint, "region": access.region}
    if parts.scheme == "s3":
        options["checksum_algorithm"] = "sha256"
    limit = timedelta(seconds=access.timeout_s)
    client: ClientConfig = {"timeout": limit, "connect_timeout": min(limit, timedelta(seconds=5))}
    if access.endpoint.startswith("http://"):
        client["allow_http"] = True
    retry: RetryConfig = {
        "max_retries": _RETRIES,
        "backoff": {"init_backoff": _FIRST_PAUSE, "max_backoff": _LONGEST_PAUSE, "base": 2},
        "retry_timeout": limit,
    }
    with translated_service(f"open {location}"):
        given = {name: value for name, value in options.items() if value}
        service = from_url(location, client_options=client, retry_config=retry, **given)  # type: ignore[call-overload]
    return service, location


class ObjectStore:
    """Blobs as objects of a service."""

    at_once = REQUESTS_AT_ONCE

    def __init__(
        self, service: "Service", location: str, *, spool: Path | None = None, versions: Versions | None = None
    ) -> None:
        self._service, self._location, self._spool, self._versions = service, location, spool, versions

    @property
    def location(self) -> str:
        """The URL, which holds no secrets."""
        return self._location

    def stage(self) -> "StagedObject":
        """Begin to write; nothing is sent before the commit."""
        return StagedObject(self._service, self._spool)

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return up to `length` bytes from `offset`."""
        path = blob_path(name)
        if length == 0:
            self.size(name)
            return b""
        with self._asking(f"read {name}"):
            try:
                return obstore.get(self._service, path, options=_range(offset, length)).bytes().to_bytes()
            except BaseError as exc:
                if _NO_SUCH_RANGE.search(str(exc)) and offset >= self.size(name):
                    return b""
                raise

    def size(self, name: str) -> int:
        """Return the stored size in bytes."""
        path = blob_path(name)
        with self._asking(f"look up {name}"):
            return obstore.head(self._service, path)["size"]

    def names(self) -> Iterator[str]:
        """Yield the name of every blob, a page of the listing at a time."""
        yield from (listed.name for listed in self._listed(_ROOT))

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield every blob of 16 folders: services list by whole folders alone."""
        for digit in "0123456789abcdef":
            yield from self._listed(f"{_ROOT}/{prefix}{digit}")

    def delete(self, name: str) -> None:
        """Remove a blob if it is there, all of its versions where the bucket keeps some.

        Raises:
            BlobLocked: the bucket has Object Lock, and refuses it for now.
        """
        path = blob_path(name)
        if self._versions is not None and self._versions.are_kept():
            self._versions.delete(path)
            return
        with translated_service(f"delete {name}"), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._service, path)

    def free_bytes(self) -> int | None:
        """Return None: a bucket knows no bound."""
        return None

    def total_bytes(self) -> int | None:
        """Return None: a bucket knows no bound."""
        return None

    def _listed(self, folder: str) -> Iterator[Listed]:
        pages = obstore.list(self._service, folder)
        while True:
            with translated_service("list the store"):
                page = next(pages, None)
            if page is None:
                return
            for meta in page:
                name = meta["path"].rpartition("/")[2]
                if is_name(name):
                    yield Listed(name, meta["size"], meta["last_modified"].timestamp())

    @contextlib.contextmanager
    def _asking(self, doing: str) -> Iterator[None]:
        """Translate errors; that something is missing is believed only of a bucket that is there."""
        with translated_service(doing):
            try:
                yield
            except FileNotFoundError as exc:
                next(obstore.list(self._service, f"{_ROOT}/none"), None)
                raise BlobNotFound(f"{_reason(exc)}: cannot {doing}") from exc


class StagedObject:
    """Bytes on their way into a bucket."""

    def __init__(self, service: "Service", spool: Path | None) -> None:
        self._service, self._spool = service, spool
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._ended = False

    def write(self, data: Buffer) -> None:
        """Append a copy of the bytes, in memory or in a nameless file."""
        try:
            with translated_service("spool what is written"):
                if self._file is None and len(self._memory) + memoryview(data).nbytes <= MEMORY_BYTES:
                    self._memory += data
                    return
                if self._file is None:
                    self._file = tempfile.TemporaryFile(dir=self._spool)  # noqa: SIM115 - closed by `discard`
                    self._file.write(self._memory)
                    self._memory = bytearray()
                self._file.write(data)
        except StorageError:
            self.discard()
            raise

    def flush(self) -> None:
        """Do nothing: the bytes cannot be sent before their name is known."""

    def commit(self, name: str) -> None:
        """Send the bytes, and wait until the service has them; what was there is replaced at once."""
        path = blob_path(name)
        if self._ended:
            raise ValueError("what was written has been committed or discarded")
        try:
            with translated_service(f"store {name}"):
                if self._file is None:
                    obstore.put(self._service, path, bytes(self._memory), use_multipart=False)
                else:
                    self._file.seek(0)
                    obstore.put(self._service, path, self._file, chunk_size=PART_BYTES, max_concurrency=_PARTS_AT_ONCE)
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget the bytes; a file without a name goes with its descriptor."""
        self._ended = True
        file, self._file = self._file, None
        self._memory = bytearray()
        if file is not None:
            with contextlib.suppress(OSError):  # what could not be written is not wanted any more
                file.close()


def blob_path(name: str) -> str:
    """Return where a blob lies below the prefix of the store."""
    check_name(name)
    return f"{_ROOT}/{name[:3]}/{name}"


def _range(offset: int, length: int | None) -> "GetOptions":
    if length is not None:
        return {"range": (offset, offset + length)}
    return {"range": {"offset": offset}} if offset else {}


@contextlib.contextmanager
def translated_service(doing: str) -> Iterator[None]:
    """Turn what the library or the spool file raises into an error of ours.

    Raises:
        NoSpace, StoreUnavailable: says what could not be done, and the gist of why.
    """
    try:
        yield
    except _FAILED as exc:
        reason = f"{_reason(exc)}: cannot {doing}"  # the name of a blob alone is longer than an Error Comment
        raise (NoSpace if _is_full(exc) else StoreUnavailable)(reason) from exc


def _is_full(exc: Exception) -> bool:
    full_disk = isinstance(exc, OSError) and exc.errno is not None and exc.errno in DISK_FULL
    return full_disk or _STORE_FULL.search(str(exc)) is not None


def _reason(exc: Exception) -> str:
    """Return the gist of an error: the library's text holds the whole request, over many lines."""
    text = str(exc).partition("\n\nDebug source")[0]
    status, code = _STATUS.search(text), _CODE.search(text)
    if status is not None:
        return f"{status[1]}{f', {code[1]}' if code else ''}"
    return " ".join(text.rpartition(" - ")[2].split())[:_REASON_LENGTH]
