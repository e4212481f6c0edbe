"""The store in a folder keeps the contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage_backends import Backend, Filesystem
from storage_backends.contract import NAMES, BackendContract


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one place for all tests, because making 4,096 folders takes longer than each of them."""
    return tmp_path_factory.mktemp("blobs")


class TestFilesystem(BackendContract):
    @pytest.fixture
    def backend(self, root: Path) -> Iterator[Backend]:
        store = Filesystem(root)
        yield store
        for name in NAMES:
            store.delete(name)
