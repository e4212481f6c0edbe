import os
from pathlib import Path

import pytest

from vna.archive import Derived, document_name

NAMES = [document_name((number,)) for number in range(20)]


def kept(folder: Path) -> set[str]:
    """Return the names of what lies in a folder."""
    return {path.name for path in folder.iterdir()}


def never() -> bytes:
    raise AssertionError("made again")


def test_a_document_is_made_once_whoever_asks(tmp_path: Path) -> None:
    Derived(tmp_path / "derived", 10_000).document(NAMES[0], lambda: b"made")

    assert Derived(tmp_path / "derived", 10_000).document(NAMES[0], never) == b"made"
    assert Derived(tmp_path / "derived", 10_000).document(NAMES[1], lambda: b"other") == b"other"


def test_names_follow_from_all_their_parts() -> None:
    assert len({document_name(parts) for parts in [(1, 2), (12,), (1, 2, ""), ("1", "2")]}) == 3


@pytest.mark.parametrize("content", [b"", b"torn", bytes(32), bytes(40)])
def test_what_was_torn_is_made_again(tmp_path: Path, content: bytes) -> None:
    derived = Derived(tmp_path, 10_000)
    derived.document(NAMES[0], lambda: b"first")
    (tmp_path / NAMES[0]).write_bytes(content)

    assert derived.document(NAMES[0], lambda: b"again") == b"again"
    assert derived.document(NAMES[0], never) == b"again"


def test_what_was_not_used_longest_goes_first(tmp_path: Path) -> None:
    derived, size = Derived(tmp_path, 10_000), 1000 - 32
    for age, name in enumerate(NAMES[:10]):
        derived.document(name, lambda: bytes(size))
        os.utime(tmp_path / name, (10_000 - age, 10_000 - age))
    derived.document(NAMES[9], never)  # used last, though it is the oldest

    for name in NAMES[10:12]:
        derived.document(name, lambda: bytes(size))

    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000
    assert {NAMES[9], NAMES[10], NAMES[11]} <= kept(tmp_path)
    assert NAMES[8] not in kept(tmp_path)


def test_nothing_is_kept_that_is_too_large_or_while_there_is_no_room(tmp_path: Path) -> None:
    assert Derived(tmp_path, 0).document(NAMES[0], lambda: b"x") == b"x"
    assert Derived(tmp_path, 800).document(NAMES[0], lambda: bytes(100)) == bytes(100)
    assert Derived(tmp_path, 10_000, has_room=lambda: False).document(NAMES[0], lambda: b"x") == b"x"

    assert kept(tmp_path) == set()


def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "derived").write_bytes(b"a file where the folder should be")

    assert Derived(tmp_path / "derived", 10_000).document(NAMES[0], lambda: b"made") == b"made"
    assert "not kept" in caplog.text
