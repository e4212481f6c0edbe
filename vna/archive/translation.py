"""The one place where errors of the store become errors of the archive."""

from collections.abc import Iterator
from contextlib import contextmanager

from storage_backends import BlobDamaged, BlobNotFound, NoSpace, StorageError
from vna.errors import Damaged, OutOfResources


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn what the store raises inside the block into a `VnaError` with the right DICOM status.

    Raises:
        OutOfResources: the store is full, read-only or unreachable.
        Damaged: stored bytes are missing or do not give their digest.
    """
    try:
        yield
    except NoSpace as exc:
        raise OutOfResources("the store is full; free space or add a tier") from exc
    except (BlobDamaged, BlobNotFound) as exc:
        raise Damaged(f"stored bytes are damaged or missing: {exc}") from exc
    except StorageError as exc:
        raise OutOfResources(f"the store cannot be used: {exc}") from exc
    except OSError as exc:
        raise OutOfResources(f"the spool cannot be written: {exc.strerror}") from exc
