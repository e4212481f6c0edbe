"""Processes made in advance: they take jobs, end without one, and are forked only by who has no threads.

The tests have threads, so each lets a process of its own do what is tested.
"""

import subprocess
import sys
from pathlib import Path

from filesets import small_files, write

_LET_WORK_S = 60

_ENDING = """
from vna.transfer.standby import Standby

with Standby(3) as standby:
    waiting = [each.process for each in standby._waiting]
    assert all(process.is_alive() for process in waiting)
print([process.exitcode for process in waiting])
"""

_THREADED = """
import threading
from vna.transfer.standby import Standby

go = threading.Event()
threading.Thread(target=go.wait).start()
with Standby(3) as standby:
    print(len(standby._waiting))
go.set()
"""

_IMPORTING = """
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from storage_backends import BlobStore, Filesystem
from vna.archive import Archive, Room, Spool
from vna.index import open_index
from vna.model import Source
from vna.transfer import Importer, Job, Standby

folder, files = map(Path, sys.argv[1:])

def open_archive(folder):
    blobs = BlobStore(Filesystem(folder / "blobs"))
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    return Archive(open_index(f"sqlite:///{folder / 'index.sqlite'}"), blobs, Spool(folder / "spool"), room)

def loads_nothing():
    "A process that is spawned finds no such function in the main module, which is no file."

if __name__ == "__main__":
    with Standby(2) as standby:
        open_archive(folder).close()
        job = Job(partial(open_archive, folder), loads_nothing, Source("import"), "test", threads=2, dry_run=False)
        verdicts = list(Importer(job, workers=2, standby=standby).run([files]))
        print(sorted(Counter(each.fate.value for each in verdicts).items()), len(standby._waiting))
"""


def _printed(script: str, *arguments: str) -> str:
    answer = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=_LET_WORK_S, check=False
    )
    assert answer.stderr == ""
    return answer.stdout.strip()


def test_those_without_a_job_end_when_nobody_waits_for_them() -> None:
    assert _printed(_ENDING) == "[0, 0, 0]"


def test_none_is_forked_beside_threads() -> None:
    assert _printed(_THREADED) == "0"


def test_forked_processes_do_an_import(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    files = write(tmp_path / "in", small_files(60))

    assert _printed(_IMPORTING, str(tmp_path / "a"), str(files)) == "[('stored', 60)] 0"
