"""A bucket through the backend: where objects lie, what is spooled, and what each kind of refusal becomes."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import obstore
import pytest
from obstore.store import MemoryStore

import s3_server
from faulty_service import Answer, Fault, FaultyService, faulty_service
from storage_backends import Access, BlobNotFound, NoSpace, ObjectStore, StorageError, StoreUnavailable, open_bucket
from storage_backends.object_store import MEMORY_BYTES

NAME = "ab" * 32 + ".dns"
TIMEOUT_S = 0.3


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def store(memory: MemoryStore, tmp_path: Path) -> ObjectStore:
    return ObjectStore(memory, "memory", spool=tmp_path)


@pytest.fixture
def service() -> Iterator[FaultyService]:
    """A service that answers as each test says, and forwards to nobody."""
    with faulty_service("http://127.0.0.1:9") as service:
        yield service


@pytest.fixture
def remote(service: FaultyService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    for name, value in s3_server.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return open_bucket("s3://bucket/prefix", Access(endpoint=service.endpoint, timeout_s=TIMEOUT_S, spool=tmp_path))


def put(store: ObjectStore, data: bytes) -> None:
    staged = store.stage()
    staged.write(data)
    staged.commit(NAME)


def test_a_blob_lies_where_the_drawing_says(store: ObjectStore, memory: MemoryStore) -> None:
    put(store, b"x")

    assert [meta["path"] for meta in obstore.list(memory).collect()] == [f"blobs/aba/{NAME}"]


def test_objects_of_others_are_not_listed(store: ObjectStore, memory: MemoryStore) -> None:
    put(store, b"x")
    for path in ("outside", f"blobs/aba/{NAME}.tmp", "blobs/readme"):
        obstore.put(memory, path, b"y")

    assert list(store.names()) == [NAME]


def test_a_damaged_object_is_healed_by_storing_it_again(store: ObjectStore, memory: MemoryStore) -> None:
    put(store, b"whole")
    obstore.put(memory, f"blobs/aba/{NAME}", b"wh0le")

    put(store, b"whole")

    assert store.read(NAME) == b"whole"


@pytest.mark.parametrize("size", [MEMORY_BYTES, MEMORY_BYTES + 1, 2 * MEMORY_BYTES + 5], ids=["fits", "over", "parts"])
def test_what_does_not_fit_in_memory_is_spooled_without_a_name(store: ObjectStore, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    staged = store.stage()
    for start in range(0, size, 3_000_000):
        staged.write(data[start : start + 3_000_000])

    assert any(tmp_path in file.parents for file in open_files()) == (size > MEMORY_BYTES)
    assert list(tmp_path.iterdir()) == []
    staged.commit(NAME)
    assert store.read(NAME) == data
    assert store.read(NAME, size - 10, 20) == data[-10:]


def open_files() -> list[Path]:
    """Return what this process has open; some of it may be closed meanwhile."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(entry.readlink())
    return found


def test_after_a_write_that_failed_nothing_can_be_committed(tmp_path: Path) -> None:
    staged = ObjectStore(MemoryStore(), "memory", spool=tmp_path / "absent").stage()

    with pytest.raises(StoreUnavailable, match="cannot spool what is written"):
        staged.write(bytes(MEMORY_BYTES + 1))
    with pytest.raises(ValueError, match="committed or discarded"):
        staged.commit(NAME)


def test_a_full_disk_under_the_spool_is_no_space(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("storage_backends.object_store.tempfile.TemporaryFile", full)

    with pytest.raises(NoSpace, match="No space left"):
        store.stage().write(bytes(MEMORY_BYTES + 1))


@pytest.mark.parametrize(
    ("answer", "expected", "told"),
    [
        (Answer(500), StoreUnavailable, "500 Internal Server Error"),
        (Answer(503, b"<Error><Code>SlowDown</Code></Error>"), StoreUnavailable, "503 Service Unavailable, SlowDown"),
        (Answer(403, b"<Error><Code>AccessDenied</Code></Error>"), StoreUnavailable, "403 Forbidden, AccessDenied"),
        (Answer(404, b"<Error><Code>NoSuchBucket</Code></Error>"), StoreUnavailable, "404 Not Found"),
        (Answer(507), NoSpace, "507 Insufficient Storage"),
        (Answer(400, b"<Error><Code>QuotaExceeded</Code></Error>"), NoSpace, "400 Bad Request, QuotaExceeded"),
        (Fault.CUT, StoreUnavailable, "error"),
        (Fault.SILENCE, StoreUnavailable, "error"),
    ],
    ids=["500", "slow-down", "forbidden", "no-bucket", "full", "quota", "cut", "silent"],
)
def test_a_refusal_is_translated_within_its_time(
    service: FaultyService, remote: ObjectStore, answer: Answer | Fault, expected: type[StorageError], told: str
) -> None:
    started = time.monotonic()
    with service.faults(lambda _method, _number: answer), pytest.raises(expected, match=told) as refused:
        put(remote, b"x")

    assert time.monotonic() - started < 2 * TIMEOUT_S + 2
    assert "test-secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("answer", [Answer(500), Answer(403), Fault.CUT], ids=["500", "403", "cut"])
def test_no_answer_is_not_a_missing_blob(service: FaultyService, remote: ObjectStore, answer: Answer | Fault) -> None:
    with service.faults(lambda _method, _number: answer):
        for ask in (remote.read, remote.size, remote.delete, lambda _: next(remote.names())):
            with pytest.raises(StoreUnavailable):
                ask(NAME)


def test_in_a_bucket_that_is_gone_nothing_is_said_to_be_missing(service: FaultyService, remote: ObjectStore) -> None:
    with service.faults(lambda _method, _number: Answer(404)):
        for ask in (remote.read, remote.size):
            with pytest.raises(StoreUnavailable):
                ask(NAME)


def test_what_a_bucket_that_answers_does_not_have_is_missing(service: FaultyService, remote: ObjectStore) -> None:
    empty = Answer(200, b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")

    with service.faults(lambda _method, number: empty if number % 2 else Answer(404)):
        for ask in (remote.read, remote.size):
            with pytest.raises(BlobNotFound):
                ask(NAME)


def test_a_passing_fault_is_tried_again(service: FaultyService, remote: ObjectStore) -> None:
    with service.faults(lambda _method, number: Answer(200) if number else Answer(500)):
        put(remote, b"x")

    assert service.seen == ["PUT", "PUT"]


@pytest.mark.parametrize("url", ["gs://bucket/prefix", "az://container/prefix"], ids=["gs", "az"])
def test_an_option_the_service_does_not_have_is_refused(url: str) -> None:
    with pytest.raises(StoreUnavailable, match=f"cannot open {url}"):
        open_bucket(url, Access(region="mars"))
