"""Whether the node can take what is sent to it: each check gives a reason when it cannot."""

from collections.abc import Mapping

from storage_backends import Filesystem, StorageError
from vna.archive import Archive
from vna.console import Check


def readiness_checks(archive: Archive, backend: Filesystem) -> Mapping[str, Check]:
    """Return the checks of the index and the store by name."""
    return {"index": lambda: _index_answers(archive), "store": lambda: _store_takes_more(archive, backend)}


def _index_answers(archive: Archive) -> None:
    archive.peers()


def _store_takes_more(archive: Archive, backend: Filesystem) -> str | None:
    try:
        backend.stage().discard()
    except StorageError as exc:
        return f"the store at {backend.location} cannot be written: {exc}"
    return archive.shortage()
