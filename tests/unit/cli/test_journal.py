"""`vna journal`, `vna rebuild` and what `vna status` says of the journal."""

import json
import os
import shutil
from pathlib import Path

import pytest

from administering import Run, store_all
from conformance.phantoms import ct_slice
from rebuilding import rows_of

SEGMENT = "blobs/journal/000000000001.cbor.zst"


@pytest.fixture
def archive(run: Run) -> None:
    """Three instances, stored and sealed and signed."""
    store(1, 2, 3)
    assert run("journal", "seal", "--sign")[0] == 0


def store(*numbers: int) -> None:
    store_all((ct_slice(number=number, size=16) for number in numbers), "PACS")


@pytest.mark.usefixtures("archive")
def test_a_sound_journal_is_verified_without_the_index(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data" / "index.sqlite").unlink()

    code, out, _ = run("journal", "verify", "--json")

    told = json.loads(out)
    assert (code, told["sound"], told["mark"]["position"]) == (0, True, 3)
    assert (told["segments"], told["payloads"], told["signed_heads"]) == (1, 3, 1)
    assert not (tmp_path / "data" / "index.sqlite").exists()
    assert "sound up to position 3" in run("journal", "verify")[1]


@pytest.mark.usefixtures("archive")
def test_a_damaged_journal_is_told_with_exit_code_1(run: Run, tmp_path: Path) -> None:
    segment = tmp_path / "data" / SEGMENT
    segment.write_bytes(segment.read_bytes()[:-1])

    code, out, _ = run("journal", "verify")

    assert code == 1
    assert out.startswith("position 1: journal/000000000001.cbor.zst: the segment cannot be read")


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("index_is_there", [True, False], ids=["index", "store-alone"])
def test_a_journal_that_was_deleted_is_missed(run: Run, tmp_path: Path, index_is_there: bool) -> None:
    shutil.rmtree(tmp_path / "data" / "blobs" / "journal")
    shutil.rmtree(tmp_path / "data" / "blobs" / "payloads")
    if not index_is_there:
        (tmp_path / "data" / "index.sqlite").unlink()

    code, out, _ = run("journal", "verify")

    assert code == 1
    assert out.startswith("position 1: journal/: it ends here, and was sealed up to 3 before")


def test_a_journal_without_its_last_segment_and_its_signed_head_is_missed(run: Run, tmp_path: Path) -> None:
    store(1)
    run("journal", "seal")
    store(2)
    run("journal", "seal", "--sign")
    (tmp_path / "data" / "blobs" / "journal" / "000000000002.cbor.zst").unlink()
    shutil.rmtree(tmp_path / "data" / "blobs" / "journal" / "heads")

    code, out, _ = run("journal", "verify")

    assert code == 1
    assert out.startswith("position 2: journal/: it ends here, and was sealed up to 2 before")


@pytest.mark.parametrize("stored", [True, False], ids=["something", "nothing"])
def test_where_nothing_is_sealed_the_index_says_whether_there_should_be_a_journal(run: Run, stored: bool) -> None:
    store(*([1] if stored else []))

    code, out, _ = run("journal", "verify")

    assert code == int(stored)
    assert ("no journal here: nothing is sealed of the 1 events" in out) == stored


def test_where_there_is_nothing_at_all_no_journal_is_said_to_be_sound(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("journal", "verify")

    assert (code, "no journal here" in out) == (1, True)
    assert not (tmp_path / "data").exists()


@pytest.mark.usefixtures("archive")
def test_status_tells_position_sealed_position_and_lag(run: Run) -> None:
    store(4)

    told = json.loads(run("status", "--json")[1])["journal"]

    assert (told["position"], told["sealed"], told["lag"], len(told["public_key"])) == (4, 3, 1, 64)
    assert "journal position 4, sealed up to 3, 1 in the index alone" in run("status")[1]


@pytest.mark.usefixtures("archive")
def test_the_tail_is_lines_of_json_without_patient_data(run: Run) -> None:
    code, out, _ = run("journal", "tail", "--since", "1")

    first, second = map(json.loads, out.splitlines())
    assert code == 0
    assert (first["position"], first["kind"], second["position"]) == (2, "instance-stored", 3)
    assert first["event"]["study"] == ct_slice(size=16).StudyInstanceUID
    assert "PHANTOM" not in out
    assert "recipe" not in first["event"]


@pytest.mark.usefixtures("archive")
def test_an_index_is_rebuilt_up_to_what_is_sealed_and_with_the_tail_to_the_end(run: Run, tmp_path: Path) -> None:
    store(4)
    onto, old = f"sqlite:///{tmp_path / 'new.sqlite'}", f"sqlite:///{tmp_path / 'data' / 'index.sqlite'}"

    told = run("rebuild", "--into", onto)[1]
    assert told.splitlines() == [
        "Rebuilt up to position 3; the journal is sealed up to 3.",
        "1 event after that in the old index alone: --tail adds what is there.",
    ]
    code, out, _ = run("rebuild", "--into", onto, "--tail", "--json")

    positions = {"position": 4, "began": 3, "sealed": 3, "behind": 0}
    assert (code, json.loads(out)) == (0, {**positions, "lost": None, "eliminated_elsewhere": 0})
    assert rows_of(onto) == rows_of(old)
    assert run("rebuild", "--into", onto)[1].startswith("Nothing was entered: it holds what happened up to position 4")


@pytest.mark.usefixtures("archive")
def test_a_new_index_is_for_nobody_else_to_read(run: Run, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        run("rebuild", "--into", f"sqlite:///{tmp_path / 'new.sqlite'}")
    finally:
        os.umask(before)

    assert (tmp_path / "new.sqlite").stat().st_mode & 0o007 == 0


@pytest.mark.usefixtures("archive")
def test_the_index_of_the_node_is_not_rebuilt_into(run: Run, tmp_path: Path) -> None:
    code, _, told = run("rebuild", "--into", f"sqlite:///{tmp_path}/data/../data/index.sqlite")

    assert (code, "is the index of the node itself" in told) == (1, True)


def test_a_rebuild_from_a_journal_that_lost_its_end_says_so(run: Run, tmp_path: Path) -> None:
    for number in (1, 2):
        store(number)
        run("journal", "seal")
    (tmp_path / "data" / "blobs" / "journal" / "000000000002.cbor.zst").unlink()

    code, out, _ = run("rebuild", "--into", f"sqlite:///{tmp_path / 'new.sqlite'}")

    assert code == 1
    assert "Rebuilt up to position 1; the journal is sealed up to 1." in out
    assert "The journal lost its end: it ends here, and was sealed up to 2 before" in out


@pytest.mark.usefixtures("archive")
def test_a_key_that_nothing_is_signed_with_proves_nothing(run: Run, tmp_path: Path) -> None:
    assert "signed up to 3" in run("journal", "verify")[1]
    shutil.rmtree(tmp_path / "data" / "blobs" / "journal" / "heads")

    assert run("journal", "verify")[0] == 0
    assert "none of it signed" in run("journal", "verify")[1]
    code, out, _ = run("journal", "verify", "--public-key", "ab" * 32)

    assert (code, "nothing is signed" in out) == (1, True)


@pytest.mark.usefixtures("archive")
def test_a_database_of_another_history_is_refused(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNA_DATA_DIR", str(tmp_path / "other"))
    store(1)
    monkeypatch.setenv("VNA_DATA_DIR", str(tmp_path / "data"))

    code, _, told = run("rebuild", "--into", f"sqlite:///{tmp_path / 'other' / 'index.sqlite'}")

    assert code == 1
    assert "two histories" in told


def test_what_is_no_database_is_a_usage_error(run: Run) -> None:
    assert run("rebuild", "--into", "somewhere")[0] == 2
