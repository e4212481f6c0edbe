"""Content in memory and in a file look the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage_backends import Content, FileContent, MemoryContent

DATA = bytes(range(200))


@pytest.fixture(params=["memory", "file"])
def content(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Content]:
    if request.param == "memory":
        yield MemoryContent(DATA)
        return
    path = tmp_path / "spool"
    path.write_bytes(DATA)
    with path.open("rb") as file:
        yield FileContent(file.fileno(), len(DATA))


def test_any_part_of_a_part_can_be_read(content: Content) -> None:
    part = content.part(50, 100).part(10, 20)

    assert part.size == 20
    assert bytes(part.read(5, 10)) == DATA[65:75]


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, 201), (200, 1), (5, -1)])
def test_a_range_outside_is_refused(content: Content, offset: int, length: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        content.read(offset, length)
    with pytest.raises(ValueError, match="outside"):
        content.part(offset, length)


def test_a_file_shorter_than_promised_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    path.write_bytes(DATA)

    with path.open("rb") as file, pytest.raises(EOFError, match="10 bytes early"):
        FileContent(file.fileno(), 210).read(0, 210)
