"""Bytes under names, stored compressed and checked; knows nothing of DICOM, SQL or HTTP.

Outsiders use what is listed here. `storage_backends.contract` is the suite that a new backend must pass.
"""

from storage_backends.access import Access
from storage_backends.asking import answers
from storage_backends.backend import PREFIXES, Backend, Listed, Staged
from storage_backends.blobs import MAIN, BlobStore
from storage_backends.codec import CODECS, Codec
from storage_backends.content import Buffer, Content, FileContent, MemoryContent
from storage_backends.documents import Documents, FilesystemDocuments, MemoryDocuments
from storage_backends.errors import (
    BlobDamaged,
    BlobLocked,
    BlobNotFound,
    FrameNotFound,
    NoSpace,
    StorageError,
    StoreUnavailable,
)
from storage_backends.filesystem import Filesystem
from storage_backends.frame_table import FragmentedFrames, FrameTable, RegularFrames, Span
from storage_backends.late import Late
from storage_backends.memory import Memory
from storage_backends.object_documents import ObjectDocuments, open_bucket_documents
from storage_backends.object_lock import LockedBucket, ObjectLock, open_locked_bucket
from storage_backends.object_store import ObjectStore, open_bucket
from storage_backends.planar import PixelShape
from storage_backends.recent import Recent
from storage_backends.refs import BlobRef, EncodedBlob
from storage_backends.versions import Protection

__all__ = [
    "CODECS",
    "MAIN",
    "PREFIXES",
    "Access",
    "Backend",
    "BlobDamaged",
    "BlobLocked",
    "BlobNotFound",
    "BlobRef",
    "BlobStore",
    "Buffer",
    "Codec",
    "Content",
    "Documents",
    "EncodedBlob",
    "FileContent",
    "Filesystem",
    "FilesystemDocuments",
    "FragmentedFrames",
    "FrameNotFound",
    "FrameTable",
    "Late",
    "Listed",
    "LockedBucket",
    "Memory",
    "MemoryContent",
    "MemoryDocuments",
    "NoSpace",
    "ObjectDocuments",
    "ObjectLock",
    "ObjectStore",
    "PixelShape",
    "Protection",
    "Recent",
    "RegularFrames",
    "Span",
    "Staged",
    "StorageError",
    "StoreUnavailable",
    "answers",
    "open_bucket",
    "open_bucket_documents",
    "open_locked_bucket",
]
