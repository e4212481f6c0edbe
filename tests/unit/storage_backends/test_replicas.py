"""A store with replicas: written at once, copied file by file, and opened when they are there."""

from pathlib import Path

import pytest

from storage_backends import (
    MAIN,
    BlobDamaged,
    BlobNotFound,
    BlobRef,
    BlobStore,
    Codec,
    Filesystem,
    Late,
    Memory,
    MemoryContent,
    NoSpace,
    PixelShape,
    StoreUnavailable,
    copying,
)
from storage_backends.contract import put
from storage_backends.mirror import MirroredStaged

CONTENT = MemoryContent(bytes(range(256)) * 512)
SHAPE = PixelShape(256, 256, 1, 2)


def test_what_is_stored_is_in_all_stores_byte_for_byte() -> None:
    main, second, third = Memory(), Memory(), Memory()
    blobs = BlobStore(main, replicas={"second": BlobStore(second), "third": BlobStore(third)}, mirrored=True)

    ref = blobs.put(CONTENT)

    assert main.read(ref.name) == second.read(ref.name) == third.read(ref.name)
    assert blobs.written_at == (MAIN, "second", "third")
    assert blobs.at("third").get(ref) == blobs.at(MAIN).get(ref) == CONTENT.buffer()
    blobs.close()


def test_replicas_that_are_not_mirrored_are_left_alone() -> None:
    second = Memory()
    blobs = BlobStore(Memory(), replicas={"second": BlobStore(second)})

    blobs.put(CONTENT)

    assert list(second.names()) == []
    assert blobs.written_at == (MAIN,)
    blobs.close()


@pytest.mark.parametrize("step", ["write", "flush", "commit"])
def test_what_a_failing_replica_leaves_half_written_is_discarded_in_all(tmp_path: Path, step: str) -> None:
    main, failing, name = Filesystem(tmp_path), Fails(step, NoSpace), f"{'0a' * 32}.raw"
    staged = MirroredStaged(main, {"failing": failing})

    def store() -> None:
        staged.write(b"half")
        staged.flush()
        staged.commit(name)

    with pytest.raises(StoreUnavailable, match="replica failing"):
        store()

    assert list((tmp_path / "staging").iterdir()) == []


@pytest.mark.parametrize("step", ["stage", "write", "flush", "commit"])
@pytest.mark.parametrize("error", [NoSpace, StoreUnavailable])
def test_a_replica_that_fails_at_any_step_keeps_everything_out_of_the_store(step: str, error: type) -> None:
    main = Memory()
    blobs = BlobStore(main, replicas={"second": BlobStore(Fails(step, error))}, mirrored=True)

    with pytest.raises(StoreUnavailable, match="replica second: at this step"):
        blobs.put(CONTENT) if step != "flush" else blobs.encode(CONTENT).flush()

    assert list(main.names()) == []
    blobs.close()


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("in_memory", [True, False], ids=["in-memory", "spooled"])
def test_a_file_is_copied_as_it_is(
    codec: Codec, in_memory: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "IN_MEMORY_BYTES", 1 << 30 if in_memory else 16)
    source, target = BlobStore(Memory(), codec=codec), BlobStore(Memory())
    ref = source.put(CONTENT, shape=SHAPE)

    target.copy_from(source, ref, spool=tmp_path)

    assert target.backend.read(ref.name) == source.backend.read(ref.name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("codec", list(Codec))
def test_no_copy_of_a_damaged_file_takes_the_place_of_a_sound_one(codec: Codec) -> None:
    source, target = BlobStore(Memory(), codec=codec), BlobStore(Memory(), codec=codec)
    ref = source.put(CONTENT)
    target.put(CONTENT)
    sound = target.backend.read(ref.name)
    data = bytearray(source.backend.read(ref.name))
    data[len(data) // 2] ^= 1
    put(source.backend, ref.name, data)

    with pytest.raises(BlobDamaged):
        target.copy_from(source, ref)

    assert target.backend.read(ref.name) == sound


def test_what_the_source_does_not_have_is_not_copied() -> None:
    source, target = BlobStore(Memory()), BlobStore(Memory())

    with pytest.raises(BlobNotFound):
        target.copy_from(source, BlobRef("0a" * 32, Codec.DENSE, 1, 1))

    assert list(target.backend.names()) == []


def test_a_copy_is_read_back() -> None:
    source, target = BlobStore(Memory()), BlobStore(Forgets())
    ref = source.put(CONTENT)

    with pytest.raises(BlobNotFound):
        target.copy_from(source, ref)


def test_a_folder_that_is_away_is_opened_when_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "replica").write_bytes(b"")
    late = Late("a folder", lambda: Filesystem(tmp_path / "replica"))
    with pytest.raises(StoreUnavailable):
        late.stage()
    (tmp_path / "replica").unlink()

    put(late, "0a" * 32 + ".raw", b"x")

    assert list(late.names()) == ["0a" * 32 + ".raw"]
    assert isinstance(late.backend, Filesystem)


class Fails(Memory):
    """A store that fails at one step of writing."""

    def __init__(self, step: str, error: type) -> None:
        super().__init__()
        self._step, self._error = step, error

    def stage(self):
        if self._step == "stage":
            raise self._error("at this step")
        staged = super().stage()

        def fail(*_arguments: object) -> None:
            raise self._error("at this step")

        setattr(staged, self._step, fail)
        return staged


class Forgets(Memory):
    """A store that acknowledges what it does not keep."""

    def stage(self):
        return Memory().stage()
