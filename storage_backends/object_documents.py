"""Documents in a bucket, beside the blobs: S3 and what speaks like it, Azure Blob Storage, Google Cloud Storage.

    <prefix>/journal/..., <prefix>/payloads/...     the documents
    <prefix>/blobs/...                              not ours: storage_backends.object_store

A document is sent with the condition that its name is free (If-None-Match: *), and appears whole or not at all.
Services that do not know the condition ignore it and overwrite; so before the first document a process makes, it
tries the condition on a name of its own, and makes none where it does not hold.

Each document carries who sent it. An answer may be lost, or be an error although the document was made; the request
is then sent again, and refused because of itself: the name tells that it was this writer's own.
"""

import secrets
import threading
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import AlreadyExistsError

from storage_backends.access import Access
from storage_backends.documents import check_document_name, is_document_name
from storage_backends.errors import BlobNotFound, StoreUnavailable
from storage_backends.object_store import open_service, open_versions, translated_service
from storage_backends.versions import Versions

if TYPE_CHECKING:  # a name that exists in the library's type stubs only
    from obstore.store import ObjectStore as Service

_WRITER: Final = "writer"
"""The attribute that says who sent a document; a name that every service takes."""
_TRIAL: Final = "journal/trial"
_PAGE: Final = 1000


class ObjectDocuments:
    """Documents as objects of a service."""

    def __init__(self, service: "Service", location: str, versions: Versions | None = None) -> None:
        self._service, self._location, self._versions = service, location, versions
        self._lock = threading.Lock()
        self._was_tried = False

    def create_exclusively(self, name: str, data: bytes) -> bool:
        """Send a document unless its name is taken.

        Raises:
            NoSpace: nothing was made.
            StoreUnavailable: nothing is known to have been made; or the service does not keep names apart.
        """
        check_document_name(name)
        self.try_exclusiveness()
        return self._create(name, data)

    def try_exclusiveness(self) -> None:
        """See whether the service gives a name once; a process asks it once.

        Raises:
            StoreUnavailable: it does not, or does not answer.
        """
        with self._lock:
            if self._was_tried:
                return
            name = f"{_TRIAL}/{secrets.token_hex(16)}"
            made = self._create(name, b"first")
            again = self._create(name, b"second")
            self._delete(name)
            if again or not made:
                raise StoreUnavailable(
                    f"{self._location}: the service overwrites in spite of If-None-Match; no journal can be kept there"
                )
            self._was_tried = True

    def read(self, name: str) -> bytes:
        """Return the content of an object."""
        check_document_name(name)
        with translated_service(f"read {name}"):
            try:
                return obstore.get(self._service, name).bytes().to_bytes()
            except FileNotFoundError as exc:
                next(obstore.list(self._service, _TRIAL), None)  # believed only of a bucket that is there
                raise BlobNotFound(f"no document {name} in {self._location}") from exc

    def names(self, prefix: str = "", *, after: str = "") -> list[str]:
        """Return the names that begin with a prefix, in order; those up to `after` are not asked for."""
        folder, start = prefix.rpartition("/")[0], max(prefix, after)
        found: list[str] = []
        with translated_service(f"list {prefix or 'the documents'}"):
            for page in obstore.list(self._service, folder or None, offset=start or None, chunk_size=_PAGE):
                found += [meta["path"] for meta in page]
        return sorted(name for name in found if name.startswith(prefix) and name > after and is_document_name(name))

    def delete(self, name: str) -> None:
        """Remove an object if it is there, all of its versions where the bucket keeps some.

        Raises:
            BlobLocked: the bucket has Object Lock, and refuses it for now.
        """
        check_document_name(name)
        if self._versions is not None and self._versions.are_kept():
            self._versions.delete(name)
            return
        self._delete(name)

    def _delete(self, name: str) -> None:
        with translated_service(f"delete {name}"):
            try:
                obstore.delete(self._service, name)
            except FileNotFoundError:
                return

    def _create(self, name: str, data: bytes) -> bool:
        writer = secrets.token_hex(16)
        with translated_service(f"create {name}"):
            try:
                obstore.put(self._service, name, data, mode="create", attributes={_WRITER: writer})
            except AlreadyExistsError:
                return self._is_of(name, writer)
        return True

    def _is_of(self, name: str, writer: str) -> bool:
        try:
            return obstore.get(self._service, name).attributes.get(_WRITER) == writer
        except FileNotFoundError:  # it stood there, and was deleted since
            return False


def open_bucket_documents(url: str, access: Access) -> ObjectDocuments:
    """Open the documents in a bucket, by the URL and the access of its blobs; the bucket is not asked yet.

    Raises:
        StoreUnavailable: something is missing that the service needs, or it has no such option.
    """
    return ObjectDocuments(*open_service(url, access), open_versions(url, access))
