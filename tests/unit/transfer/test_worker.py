"""What one thread of an import takes at a time."""

import multiprocessing

import pytest

from vna.archive import Archive
from vna.model import Source
from vna.transfer.handling import Handler
from vna.transfer.taking import Storing
from vna.transfer.units import WholeFile
from vna.transfer.worker import _Threads


@pytest.fixture
def threads(archive: Archive) -> _Threads:
    handler = Handler(archive.incoming, Storing(archive.session(Source("import"), "test")), threads=1)
    return _Threads(1, handler, multiprocessing.Pipe()[0])


def _taken(threads: _Threads, *sizes: int) -> list[int]:
    """Let units of these sizes wait, with the word that no more come; return how many are taken each time."""
    for number, size in enumerate(sizes):
        threads._units.put((number, WholeFile("x", size, 0)))
    threads._units.put(None)
    taken = []
    while batch := threads._next():
        taken.append(len(batch))
    return taken


def test_what_waits_is_taken_together_up_to_a_number(threads: _Threads) -> None:
    assert _taken(threads, *[1000] * 19) == [8, 8, 3]


def test_what_is_large_is_taken_alone(threads: _Threads) -> None:
    assert _taken(threads, 5 << 20, 5 << 20, 1000, 5 << 20, 1000) == [1, 1, 2, 1]


def test_nothing_is_taken_at_the_end(threads: _Threads) -> None:
    assert _taken(threads) == []
