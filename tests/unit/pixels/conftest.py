"""A transcoder for the tests of one module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from vna.archive import Spool
from vna.pixels.transcode import Transcoder


@pytest.fixture(scope="module")
def transcoder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transcoder]:
    """A transcoder with codec processes of its own."""
    folder: Path = tmp_path_factory.mktemp("spool")
    opened = Transcoder(Spool(folder).incoming)
    yield opened
    opened.close()
