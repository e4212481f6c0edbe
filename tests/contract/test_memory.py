"""The store in memory keeps the contract."""

import pytest

from storage_backends import Backend, Memory
from storage_backends.contract import BackendContract


class TestMemory(BackendContract):
    @pytest.fixture
    def backend(self) -> Backend:
        return Memory()
