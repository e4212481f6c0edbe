"""The store and its replicas, opened as the settings say."""

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from storage_backends import MAIN, Filesystem, Late, MemoryContent, StoreUnavailable
from vna.errors import StartRefused
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
