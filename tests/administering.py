"""The command line as an administrator types it, on an archive that the settings of this process name."""

from collections.abc import Callable, Iterable
from contextlib import closing

import pytest
from pydicom.dataset import Dataset

from conformance.phantoms import data_set_bytes
from storage_backends import MemoryContent
from vna import settings
from vna.archive import Arrived, Stored
from vna.cli import main
from vna.model import Source
from vna.node import open_archive

Run = Callable[..., tuple[int, str, str]]
"""Runs one command; returns its exit code, and what it printed on both streams."""


def runner(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs commands in this process."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        return int(ended.value.code or 0), *capsys.readouterr()

    return run


def store_all(data_sets: Iterable[Dataset], source: str = "CT1") -> list[Stored]:
    """Store data sets, each in its own transfer syntax, over one association of a source."""
    with closing(open_archive(settings.load())) as archive:
        session = archive.session(Source(source), "test")
        return [
            session.store(Arrived(MemoryContent(data_set_bytes(ds)), str(ds.file_meta.TransferSyntaxUID)))
            for ds in data_sets
        ]
