"""The store and its replicas, opened as the settings say."""

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from storage_backends import (
    MAIN,
    Codec,
    Filesystem,
    Late,
    LockedBucket,
    MemoryContent,
    ObjectLock,
    StoreUnavailable,
)
from vna.errors import OutOfResources, StartRefused
from vna.events import BlobEntry, BlobsEntered
from vna.index import EventEntry, open_index
from vna.node.parts import clear_staging, index_url, open_archive, open_store, refuse_unmounted_store
from vna.node.readiness import readiness_checks
from vna.settings import IndexSettings, Settings, StoreSettings

CONTENT = MemoryContent(b"content")


def _settings(folder: Path, **store: object) -> Settings:
    replicas = (f"second={(folder / 'second').as_uri()}",)
    return Settings(data_dir=folder / "data", store=StoreSettings(replicas=replicas, **store))


@pytest.mark.parametrize(("policy", "written_at"), [("with-receive", (MAIN, "second")), ("behind", (MAIN,))])
def test_the_policy_says_where_a_receive_writes(tmp_path: Path, policy: str, written_at: tuple[str, ...]) -> None:
    store = open_store(_settings(tmp_path, replicate=policy))

    ref = store.put(CONTENT)

    assert store.written_at == written_at
    assert store.at("second").exists(ref) == ("second" in written_at)
    store.close()


def test_a_node_starts_while_a_replica_is_away_and_says_that_it_takes_nothing(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    (tmp_path / "second").write_bytes(b"no folder")

    clear_staging(settings)
    archive, store = open_archive(settings), open_store(settings)
    checks = readiness_checks(archive, store)

    assert checks["store"]() is None
    assert "cannot be used" in (checks["replica second"]() or "")
    (tmp_path / "second").unlink()
    assert checks["replica second"]() is None
    store.close()
    archive.close()


def test_a_replica_behind_is_no_reason_to_take_nothing(tmp_path: Path) -> None:
    settings = _settings(tmp_path, replicate="behind")
    archive, store = open_archive(settings), open_store(settings)

    assert list(readiness_checks(archive, store)) == ["index", "store"]
    store.close()
    archive.close()


def test_what_was_left_half_written_in_a_replica_is_cleared(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    store = open_store(settings)
    replica = store.at("second").backend
    assert isinstance(replica, Late)
    assert isinstance(replica.backend, Filesystem)
    staged = replica.stage()
    staged.write(b"half")

    clear_staging(settings)

    assert list((tmp_path / "second" / "staging").iterdir()) == []
    staged.discard()
    store.close()


def test_an_empty_store_that_is_known_to_hold_files_is_not_opened(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    settings.data_dir.mkdir()
    refuse_unmounted_store(settings)
    store = open_store(settings)
    ref = store.put(CONTENT)
    _enter(settings, BlobEntry(ref.digest, ref.codec, ref.plain_size, ref.stored_size))
    refuse_unmounted_store(settings)
    store.close()

    shutil.rmtree(tmp_path / "data" / "blobs")

    with pytest.raises(StartRefused, match="is empty, though files are known to lie there; is its disk mounted"):
        refuse_unmounted_store(settings)
    (tmp_path / "data" / "blobs").mkdir()
    for opens in (open_store, open_archive, clear_staging):
        with pytest.raises(StartRefused, match="is its disk mounted"):
            opens(settings)
    assert list((tmp_path / "data" / "blobs").iterdir()) == []
    (tmp_path / "data" / "blobs" / "000").mkdir(parents=True)
    refuse_unmounted_store(settings)


def test_an_empty_replica_that_is_known_to_hold_files_counts_as_away(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    store = open_store(settings)
    ref = store.put(CONTENT)
    entry = BlobEntry(ref.digest, ref.codec, ref.plain_size, ref.stored_size)
    _enter(settings, entry, replace(entry, store="second"))
    store.close()
    shutil.rmtree(tmp_path / "second")

    again = open_store(settings)

    with pytest.raises(StoreUnavailable, match="is its disk mounted"):
        again.put(MemoryContent(b"more"))
    assert not (tmp_path / "second").exists()
    again.close()


def _enter(settings: Settings, *blobs: BlobEntry) -> None:
    with closing(open_index(index_url(settings))) as index:
        for blob in blobs:
            index.committer.submit(EventEntry(index.committer.next_sequence(), "", "", BlobsEntered((blob,))))


def test_an_extra_attribute_that_cannot_be_had_stops_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    settings = Settings(data_dir=folder, index=IndexSettings(extra_attributes=("ExposureTime", "PixelData")))

    with pytest.raises(StartRefused, match=r"index\.extra_attributes: PixelData: its VR is OB"):
        open_archive(settings)
    assert not folder.exists()


def _with_tiers(folder: Path, *options: str, **store: object) -> Settings:
    tiers = tuple(f"{name}={(folder / name).as_uri()}{options[number]}" for number, name in enumerate(("cold", "deep")))
    return Settings(data_dir=folder / "data", store=StoreSettings(tiers=tiers, **store))


def test_a_tier_has_its_own_codec_and_is_opened_when_it_is_used(tmp_path: Path) -> None:
    store = open_store(_with_tiers(tmp_path, ";codec=smallest", ";codec=raw"))
    assert not (tmp_path / "cold").exists()

    ref = store.put(CONTENT)
    written = store.at("cold").reencode(ref, store)

    assert [store.at(name).codec for name in ("", "cold", "deep")] == [Codec.DENSE, Codec.SMALLEST, Codec.RAW]
    assert store.at("cold").get(written) == b"content"
    assert list(store.tiers) == ["cold", "deep"]
    assert not (tmp_path / "deep").exists()
    store.close()


def test_a_bucket_with_object_lock_is_opened_as_such(tmp_path: Path) -> None:
    tiers = ("vault=s3://bucket/x;lock=compliance;lock-days=9;endpoint=http://127.0.0.1:9;region=here",)
    settings = Settings(data_dir=tmp_path, store=StoreSettings(tiers=tiers))

    with closing(open_store(settings)) as store:
        backend = store.at("vault").backend

    assert isinstance(backend, LockedBucket)
    assert backend.lock == ObjectLock("compliance", 9)
    assert backend.location == "s3://bucket/x"


def test_each_tier_has_a_watermark_that_stops_what_is_brought_there(tmp_path: Path) -> None:
    full = f";min-free-percent=100;min-free-bytes={2**60}"
    settings = _with_tiers(tmp_path, full, ";min-free-bytes=0")
    archive = open_archive(settings)

    with pytest.raises(OutOfResources, match="tier cold below its free-space watermark"):
        archive._room.at("cold").check()
    archive._room.at("deep").check()
    archive._room.check()

    assert archive._room.at("") is archive._room
    archive.close()


def test_a_tier_that_is_away_takes_nothing_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "cold").write_bytes(b"no folder")
    settings = _with_tiers(tmp_path, "", "")

    clear_staging(settings)
    archive, store = open_archive(settings), open_store(settings)

    assert "open the store" in (archive._room.at("cold").shortage() or "")
    with pytest.raises(StoreUnavailable):
        store.at("cold").put(CONTENT)
    (tmp_path / "cold").unlink()
    store.at("cold").put(CONTENT)
    store.close()
    archive.close()


def test_what_a_dead_node_left_half_written_in_a_tier_is_removed(tmp_path: Path) -> None:
    settings = _with_tiers(tmp_path, "", "")
    staged = Filesystem(tmp_path / "cold").stage()
    staged.write(b"half")

    clear_staging(settings)

    assert list((tmp_path / "cold" / "staging").iterdir()) == []
    staged.discard()
