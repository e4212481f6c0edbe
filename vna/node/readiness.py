"""Whether the node can take what is sent to it: each check gives a reason when it cannot."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from storage_backends import MAIN, Backend, BlobNotFound, BlobStore, StorageError
from vna.archive import Archive
from vna.console import Check

_NEVER_STORED = f"{'0' * 64}.raw"


def readiness_checks(archive: Archive, store: BlobStore) -> Mapping[str, Check]:
    """Return the checks of the index and the store by name, and of every replica that takes part in a receive."""
    checks: dict[str, Check] = {
        "index": lambda: _index_answers(archive),
        "store": lambda: _store_takes_more(archive, store.backend),
    }
    for name in store.written_at:
        if name != MAIN:
            checks[f"replica {name}"] = partial(_replica_takes_more, store.at(name).backend)
    return checks


def journal_problem(not_sealed: float) -> str | None:
    """Say that the journal is not sealed because that would make an alteration good; None where it is."""
    if not not_sealed:
        return None
    return "the index does not hold the journal as it was committed: it is not sealed; the log and `vna fsck` say where"


def try_store(backend: Backend) -> None:
    """See whether the store answers: a folder lets a file be made, an object store says what it does not have.

    Raises:
        StorageError: it does not.
    """
    backend.stage().discard()
    with suppress(BlobNotFound):
        backend.size(_NEVER_STORED)


def _index_answers(archive: Archive) -> str | None:
    archive.peers()
    return archive.history_problem()


def _replica_takes_more(backend: Backend) -> str | None:
    try:
        try_store(backend)
    except StorageError as exc:
        return f"the replica at {backend.location} cannot be used: {exc}"
    return None


def _store_takes_more(archive: Archive, backend: Backend) -> str | None:
    try:
        try_store(backend)
    except StorageError as exc:
        return f"the store at {backend.location} cannot be used: {exc}"
    return archive.shortage()
