"""Arriving bytes: in memory, in a file, and within the node's budget."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vna.archive import InFlight, Spool, Watermark, spool
from vna.errors import OutOfResources


@pytest.fixture
def spool_folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def received(place: Spool, parts: list[bytes]) -> bytes:
    incoming = place.incoming()
    for part in parts:
        incoming.write(part)
    content = incoming.finish()
    data = bytes(content.read(0, content.size))
    incoming.discard()
    return data


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 3_000_000), max_size=6))
def test_what_was_written_is_what_is_read(spool_folder: Path, sizes: list[int]) -> None:
    parts = [bytes([n + 1]) * size for n, size in enumerate(sizes)]

    assert received(Spool(spool_folder), parts) == b"".join(parts)


def test_a_large_data_set_goes_to_a_file_without_a_name(spool_folder: Path) -> None:
    place = Spool(spool_folder)
    incoming = place.incoming()

    incoming.write(bytes(spool.MEMORY_LIMIT_BYTES + 1))

    assert incoming.finish().size == spool.MEMORY_LIMIT_BYTES + 1
    assert list(spool_folder.iterdir()) == []
    incoming.discard()


def test_beyond_the_budget_data_sets_go_to_files(spool_folder: Path) -> None:
    place = Spool(spool_folder, budget_bytes=2**20)
    first, second = place.incoming(), place.incoming()

    for incoming in (first, second):
        incoming.write(b"abc")

    assert [bytes(i.finish().read(0, 3)) for i in (first, second)] == [b"abc", b"abc"]
    assert type(first.finish()) is not type(second.finish())
    for incoming in (first, second):
        incoming.discard()


def test_memory_given_back_is_there_again(spool_folder: Path) -> None:
    place = Spool(spool_folder, budget_bytes=9 * 2**20)

    for _ in range(50):
        assert received(place, [bytes(2**20), bytes(3 * 2**20)]) == bytes(4 * 2**20)
        assert received(place, [b"small"]) == b"small"

    assert place._in_flight <= 2**20


def test_a_source_gets_no_more_than_its_share_and_gives_it_back(spool_folder: Path) -> None:
    place = Spool(spool_folder, in_flight=InFlight(8 << 20, most_of_source=3 << 20))
    first, second, other, nobody = (place.incoming(source) for source in ("A", "A", "B", None))
    first.write(bytes(2 << 20))

    with pytest.raises(OutOfResources, match="of this peer"):
        second.write(bytes((1 << 20) + 1))
    other.write(bytes(3 << 20))
    nobody.write(bytes(20 << 20))
    first.discard()
    first.discard()
    second.write(bytes(3 << 20))
    for each in (second, other, nobody):
        each.discard()


def test_a_disk_that_is_nearly_full_is_not_filled_by_what_arrives(spool_folder: Path) -> None:
    place = Spool(spool_folder, watermark=Watermark(percent=100, bytes=2**62))
    incoming = place.incoming()
    incoming.write(bytes(spool.MEMORY_LIMIT_BYTES))

    with pytest.raises(OutOfResources, match="spool below its free-space watermark"):
        incoming.write(b"x")
    incoming.discard()
