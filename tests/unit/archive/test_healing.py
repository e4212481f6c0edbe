"""Damage in one store is found, recorded once, and healed out of another, or by the next identical receive."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from conformance import phantoms
from databases import index_url, postgresql_server
from replicated import DAMAGES, Away, Replicated, altered, missing
from storage_backends import Backend, BlobNotFound, Filesystem, Memory, Recent, StoreUnavailable
from storage_backends.contract import put
from vna.archive import DataSet
from vna.errors import Damaged, OutOfResources
from vna.events import BlobDamaged, BlobHealed, BlobPlace
from vna.model import Outcome

__all__ = ["index_url", "postgresql_server"]

SOUND = {("", "present"): 3, ("second", "present"): 3}
NAMED = {"": "main", "second": "second"}
OTHER = {"": "second", "second": "main"}


@pytest.fixture
def main() -> Away:
    return Away()


@pytest.fixture
def second() -> Away:
    return Away()


@pytest.fixture
def replicated(tmp_path: Path, main: Away, second: Away) -> Iterator[Replicated]:
    opened = Replicated(f"sqlite:///{tmp_path / 'index.sqlite'}", tmp_path, main, {"second": second})
    yield opened
    opened.close()


@pytest.fixture
def on_every_database(tmp_path: Path, index_url: str, main: Away, second: Away) -> Iterator[Replicated]:
    opened = Replicated(index_url, tmp_path, main, {"second": second})
    yield opened
    opened.close()


@pytest.mark.parametrize("store", ["", "second"], ids=["main", "replica"])
@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.__name__ for damage in DAMAGES])
def test_what_the_scrub_finds_is_healed_out_of_the_other_store(
    replicated: Replicated, damage: Callable[[Backend, str], None], store: str
) -> None:
    replicated.store(1, 2, 3)
    name = replicated.names()[1]
    right = replicated.backend(store).read(name)
    damage(replicated.backend(store), name)

    replicated.scrub(store)

    place = BlobPlace(name[:64], "dns", store)
    problem = "missing" if damage is missing else "altered"
    assert replicated.events(BlobDamaged, BlobHealed) == [BlobDamaged(place, problem), BlobHealed(place, OTHER[store])]
    assert replicated.backend(store).read(name) == right
    assert replicated.rows() == SOUND


def test_frames_of_what_is_remembered_are_told_apart_by_another_store_when_the_file_is_gone(
    replicated: Replicated, main: Away
) -> None:
    with closing(Recent(2**20)) as recent:
        replicated.blobs.remember_in(recent)
        key = replicated.sending.store(phantoms.jpeg_multiframe()).key
        (held,) = replicated.archive.versions(key)
        first = [frame.data for frame in replicated.archive.frames(held, [1, 2])]
        main.delete(replicated.names()[0])

        again = [frame.data for frame in replicated.archive.frames(held, [1, 2])]

    assert again == first


def test_what_has_just_come_is_given_out_of_memory_and_its_damage_is_found_nevertheless(
    replicated: Replicated, main: Away, second: Away
) -> None:
    instance = phantoms.ct_slice(number=1, size=16)
    with closing(Recent(2**20)) as recent:
        replicated.blobs.remember_in(recent)
        key = replicated.sending.store(instance).key
        (held,) = replicated.archive.versions(key)
        for backend in (main, second):
            altered(backend, replicated.names()[0])

        ((_, given),) = replicated.archive.retrieve([held], lambda one: one.transfer_syntax)
        assert isinstance(given, DataSet)
        assert b"".join(given.chunks) == phantoms.data_set_bytes(instance)
        replicated.scrub()

    assert len(replicated.events(BlobDamaged)) == len(OTHER)


@pytest.mark.parametrize("store", ["", "second"], ids=["main", "replica"])
def test_files_are_healed_as_well(tmp_path: Path, store: str) -> None:
    stores = Filesystem(tmp_path / "main"), Filesystem(tmp_path / "second")
    replicated = Replicated(f"sqlite:///{tmp_path / 'index.sqlite'}", tmp_path, stores[0], {"second": stores[1]})
    replicated.store(1, 2, 3)
    whole = {name: replicated.backend(store).read(name) for name in replicated.names()}
    for damage, name in zip(DAMAGES, whole, strict=True):
        damage(replicated.backend(store), name)

    replicated.scrub(store)

    assert {name: replicated.backend(store).read(name) for name in whole} == whole
    assert replicated.rows() == SOUND
    replicated.close()


def test_damage_in_all_stores_is_recorded_once_and_healed_by_an_identical_receive(
    on_every_database: Replicated,
) -> None:
    replicated = on_every_database
    replicated.store(1, 2, 3)
    stored = replicated.store(2)[0]
    name = _file_of(replicated, 2)
    for store in ("", "second"):
        altered(replicated.backend(store), name)
    for store in ("", "second", "", "second"):
        replicated.scrub(store)
    assert replicated.rows() == {**dict.fromkeys(SOUND, 2), ("", "bad"): 1, ("second", "bad"): 1}
    assert [event.place.store for event in replicated.events(BlobDamaged, BlobHealed)] == ["", "second"]
    with pytest.raises(Damaged):
        replicated.sending.bytes_of(stored.key)

    again = replicated.store(2)[0]

    assert again.outcome is Outcome.ALREADY_STORED
    assert replicated.rows() == SOUND
    healed = replicated.events(BlobHealed)
    assert healed == [BlobHealed(BlobPlace(name[:64], "dns", store), "receive") for store in ("", "second")]
    for store in ("", "second"):
        replicated.scrub(store)
    assert len(replicated.events(BlobDamaged)) == 2


def test_a_damaged_copy_never_takes_the_place_of_a_damaged_blob(replicated: Replicated) -> None:
    replicated.store(1, 2, 3)
    name = replicated.names()[0]
    missing(replicated.backend(""), name)
    altered(replicated.backend("second"), name)

    replicated.scrub()

    assert name not in replicated.names()
    assert replicated.rows() == {("", "present"): 2, ("", "bad"): 1, ("second", "present"): 2, ("second", "bad"): 1}


def test_a_file_that_was_put_back_is_right_again(replicated: Replicated, second: Away) -> None:
    replicated.store(1, 2, 3)
    name = replicated.names()[0]
    right = replicated.backend("").read(name)
    altered(replicated.backend(""), name)
    second.is_away = True
    replicated.scrub()
    put(replicated.backend(""), name, right)

    replicated.scrub()

    assert replicated.events(BlobHealed) == [BlobHealed(BlobPlace(name[:64], "dns"), "main")]
    assert replicated.rows() == SOUND


def test_what_is_right_at_the_second_look_is_not_damaged(tmp_path: Path) -> None:
    main = Stutters()
    replicated = Replicated(f"sqlite:///{tmp_path / 'index.sqlite'}", tmp_path, main, {})
    replicated.store(1)
    main.wrong_once = True

    replicated.scrub()

    assert not main.wrong_once
    assert replicated.events(BlobDamaged, BlobHealed) == []
    replicated.close()


def test_a_store_that_does_not_answer_is_not_damaged(replicated: Replicated, main: Away) -> None:
    replicated.store(1, 2, 3)
    main.is_away = True

    with pytest.raises(OutOfResources, match="away"):
        replicated.scrub()

    assert replicated.rows() == SOUND


@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.__name__ for damage in DAMAGES])
def test_a_retrieval_is_answered_out_of_a_replica_and_the_blob_healed(
    replicated: Replicated, damage: Callable[[Backend, str], None]
) -> None:
    replicated.store(1, 2, 3)
    instances = [replicated.archive.versions(stored.key)[0] for stored in replicated.store(1, 2, 3)]
    damage(replicated.backend(""), _file_of(replicated, 2))

    got = [(held, b"".join(found.chunks)) for held, found in replicated.archive.retrieve(instances, _as_stored)]

    sent = [phantoms.data_set_bytes(phantoms.ct_slice(number=number, size=16)) for number in (1, 2, 3)]
    assert [data for _, data in got] == sent
    assert len(replicated.events(BlobDamaged)) == len(replicated.events(BlobHealed)) == 1
    assert replicated.rows() == SOUND


def test_a_stream_begins_at_a_replica(replicated: Replicated) -> None:
    stored = replicated.store(1)[0]
    missing(replicated.backend(""), replicated.names()[0])

    assert replicated.sending.bytes_of(stored.key) == phantoms.data_set_bytes(phantoms.ct_slice(number=1, size=16))


def test_a_store_that_cannot_be_written_is_read_past(tmp_path: Path) -> None:
    main = ReadOnly()
    replicated = Replicated(f"sqlite:///{tmp_path / 'index.sqlite'}", tmp_path, main, {"second": Memory()})
    stored = replicated.store(1)[0]
    missing(main, replicated.names()[0])
    main.is_read_only = True

    assert replicated.sending.bytes_of(stored.key) == phantoms.data_set_bytes(phantoms.ct_slice(number=1, size=16))

    assert replicated.rows() == {("", "bad"): 1, ("second", "present"): 1}
    replicated.close()


def test_a_header_that_is_a_blob_is_rescued_too(replicated: Replicated) -> None:
    ds = phantoms.ct_slice(size=16)
    block = ds.private_block(0x0029, "PHANTOM", create=True)
    for number in range(3):
        block.add_new(number, "OB", bytes([number]) * 200_000)
    stored = replicated.sending.store(ds)
    for name in replicated.names():
        missing(replicated.backend(""), name)

    assert replicated.sending.bytes_of(stored.key) == phantoms.data_set_bytes(ds)


def test_verifying_tells_of_damage_that_is_healed_by_it(replicated: Replicated) -> None:
    replicated.store(1, 2, 3)
    altered(replicated.backend(""), replicated.names()[0])

    first = [finding.problem for finding in replicated.archive.verify() if finding.problem]
    second = [finding.problem for finding in replicated.archive.verify() if finding.problem]

    assert len(first) == 1
    assert first[0].endswith("; now healed out of another store")
    assert second == []


def test_the_log_names_digest_and_store_and_nobody(replicated: Replicated, caplog: pytest.LogCaptureFixture) -> None:
    replicated.store(1, 2, 3)
    name = replicated.names()[0]
    altered(replicated.backend("second"), name)

    with caplog.at_level(logging.INFO, logger="vna.archive.healing"):
        replicated.scrub("second")

    assert [record.getMessage() for record in caplog.records] == [
        f"blob damaged digest={name[:64]} store=second problem=altered",
        f"blob healed digest={name[:64]} store=second source=main",
    ]


class Stutters(Memory):
    """A store that gives wrong bytes once."""

    wrong_once = False

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        data = super().read(name, offset, length)
        if self.wrong_once:
            self.wrong_once = False
            return data[:-1]
        return data


class ReadOnly(Memory):
    """A store that can be made read-only."""

    is_read_only = False

    def stage(self):
        if self.is_read_only:
            raise StoreUnavailable("cannot begin to write: Read-only file system")
        return super().stage()


def _as_stored(held):
    return held.transfer_syntax


def _file_of(replicated: Replicated, number: int) -> str:
    """Return the name of the one file of a slice that is held."""
    key = phantoms.ct_slice(number=number, size=16)
    version = next(
        held for held in replicated.index.reader.every_version() if held.key.instance == str(key.SOPInstanceUID)
    )
    (blob,) = replicated.index.reader.stored_forms([version.version_id])[0].blobs.values()
    try:
        replicated.backend("").size(f"{blob.digest}.{blob.codec}")
    except BlobNotFound:
        raise AssertionError("it is lost already") from None
    return f"{blob.digest}.{blob.codec}"
