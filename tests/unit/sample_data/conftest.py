"""The smallest collection, made once for all tests of the package."""

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from sample_data.make import make


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the collection."""
    folder = tmp_path_factory.mktemp("samples")
    for _ in make(folder, size="tiny"):
        pass
    return folder


@pytest.fixture(scope="session")
def files(folder: Path) -> dict[str, Dataset]:
    """Every data set of the collection, by its path below the folder."""
    return {str(path.relative_to(folder)): dcmread(path) for path in sorted(folder.rglob("*.dcm"))}
