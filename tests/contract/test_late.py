"""A store that is opened late keeps the contract."""

import pytest

from storage_backends import Backend, Late, Memory
from storage_backends.contract import BackendContract


class TestLate(BackendContract):
    @pytest.fixture
    def backend(self) -> Backend:
        return Late("memory", Memory)
