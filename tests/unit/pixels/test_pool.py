"""What becomes of codecs that crash, hang or take too much: one frame is lost, and nothing else."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import phantoms
from vna.errors import CannotConvert
from vna.pixels.conversion import Task
from vna.pixels.image import Image
from vna.pixels.pool import CodecPool, Limits

GREY = Image(8, 8, 1, 8, 8, 7, signed=False, photometric="MONOCHROME2", by_plane=False)
DECODING = Task("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.1", GREY)
JPEG = phantoms.grey_jpeg("frame")


@pytest.fixture
def pool() -> Iterator[CodecPool]:
    opened = CodecPool(Limits(processes=2, frame_s=20, memory_bytes=2**30))
    yield opened
    opened.close()


def ended(pid: int) -> bool:
    """Wait for a process to end, at most 10 s."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


def test_no_process_is_started_before_there_is_something_to_do(pool: CodecPool) -> None:
    assert pool.pids == []


def test_a_process_is_used_again(pool: CodecPool) -> None:
    for _ in range(3):
        with pool.process() as process:
            assert process.convert(JPEG, DECODING).frame == b"\x80" * 64

    assert len(pool.pids) == 1


def test_a_process_killed_in_the_middle_of_a_frame_fails_that_frame_alone(pool: CodecPool) -> None:
    """The process is stopped first, so that the kill is sure to find it at its work."""
    with pool.process() as process:
        process.convert(JPEG, DECODING)
        os.kill(process.pid, signal.SIGSTOP)
        killer = threading.Timer(0.05, os.kill, (process.pid, signal.SIGKILL))
        killer.start()
        with pytest.raises(CannotConvert, match="crashed on a frame: SIGKILL"):
            process.convert(JPEG, DECODING)
        killer.join()

    with pool.process() as process:
        assert process.convert(JPEG, DECODING).frame == b"\x80" * 64


def test_a_process_that_died_while_idle_is_replaced(pool: CodecPool) -> None:
    with pool.process() as process:
        process.convert(JPEG, DECODING)
    os.kill(process.pid, signal.SIGKILL)
    assert ended(process.pid)

    with pool.process() as another:
        assert another.convert(JPEG, DECODING).frame == b"\x80" * 64

    assert pool.pids == [another.pid]
    assert another.pid != process.pid


def test_a_codec_that_hangs_is_ended_when_its_time_is_up() -> None:
    pool = CodecPool(Limits(processes=1, frame_s=1))
    with pool.process() as process:
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(CannotConvert, match="nothing for 1 s"):
            process.convert(JPEG, DECODING)
        assert not process.is_alive
    pool.close()


def test_a_broken_stream_is_a_reason_and_the_process_goes_on(pool: CodecPool) -> None:
    with pool.process() as process:
        for stream in (b"", b"\xff\xd8", b"no stream", JPEG[:-2], JPEG[: len(JPEG) // 2], JPEG[2:]):
            with pytest.raises(CannotConvert, match="JPEG"):
                process.convert(stream, DECODING)
        assert process.convert(JPEG, DECODING).frame == b"\x80" * 64

    assert pool.pids == [process.pid]


def test_a_header_that_asks_for_more_memory_than_allowed_is_refused(pool: CodecPool) -> None:
    """65,000 x 65,000 pixels in 150 bytes, and the attributes agree."""
    huge = JPEG.replace(b"\xff\xc0\x00\x0b\x08\0\x08\0\x08", b"\xff\xc0\x00\x0b\x08\xfd\xe8\xfd\xe8")
    image = Image(65000, 65000, 1, 8, 8, 7, signed=False, photometric="MONOCHROME2", by_plane=False)
    with pool.process() as process, pytest.raises(CannotConvert):
        process.convert(huge, Task(DECODING.source, DECODING.target, image))


def test_closing_ends_the_processes(pool: CodecPool) -> None:
    with pool.process() as first, pool.process() as second:
        pids = [first.pid, second.pid]

    pool.close()

    assert [ended(pid) for pid in pids] == [True, True]


STARTER = """
import sys
from conformance.phantoms import grey_jpeg
from vna.pixels.conversion import Task
from vna.pixels.image import Image
from vna.pixels.pool import CodecProcess, Limits
image = Image(8, 8, 1, 8, 8, 7, signed=False, photometric="MONOCHROME2", by_plane=False)
process = CodecProcess(Limits())
process.convert(grey_jpeg("frame"), Task("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.1", image))
print(process.pid, flush=True)
sys.stdin.read()
"""


def test_processes_end_with_the_one_that_started_them() -> None:
    """Even one that stands still, which no closed socket can tell."""
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", STARTER]
    parent = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    os.kill(pid, signal.SIGSTOP)

    parent.kill()
    parent.communicate()

    assert ended(pid)


def test_a_thread_that_ends_does_not_take_its_process_with_it(pool: CodecPool) -> None:
    """The kernel sends a parent's death to its children when the thread that started them ends."""

    def convert() -> None:
        with pool.process() as process:
            process.convert(JPEG, DECODING)

    thread = threading.Thread(target=convert)
    thread.start()
    thread.join()

    with pool.process() as process:
        assert process.convert(JPEG, DECODING).frame == b"\x80" * 64
    assert len(pool.pids) == 1
