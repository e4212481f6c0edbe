"""The smallest collection, made once for all tests of the package, whichever processes run them."""

import fcntl
import os
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from sample_collection import make_collection

_MADE = "made"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the collection; of the test processes of a run the first one makes it, the others wait."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return _make(tmp_path_factory.mktemp("samples"))
    of_the_run = tmp_path_factory.getbasetemp().parent
    shared = of_the_run / "samples"
    with (of_the_run / "samples.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (of_the_run / _MADE).exists():
            shared.mkdir()
            _make(shared)
            (of_the_run / _MADE).touch()
    return shared


@pytest.fixture(scope="session")
def files(folder: Path) -> dict[str, Dataset]:
    """Every data set of the collection, by its path below the folder."""
    return {str(path.relative_to(folder)): dcmread(path) for path in sorted(folder.rglob("*.dcm"))}


def _make(folder: Path) -> Path:
    make_collection(folder)
    return folder
