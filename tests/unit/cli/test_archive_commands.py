"""The commands that open the archive: peers, verify and status, beside no running node."""

import json
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from administering import Run, store_all
from conformance.phantoms import ct_slice


def test_a_peer_is_added_listed_changed_and_removed(run: Run) -> None:
    assert run("peers", "add", "CT1", "192.0.2.1", "104", "--issuer", "A")[0] == 0
    assert run("peers", "add", "CT1", "192.0.2.2", "105", "--warn-on-conflict")[0] == 0

    code, out, _ = run("peers", "list", "--json")

    assert code == 0
    (peer,) = json.loads(out)
    assert (peer["ae_title"], peer["host"], peer["port"]) == ("CT1", "192.0.2.2", 105)
    assert (peer["issuer"], peer["warn_on_conflict"]) == ("", True)
    assert "192.0.2.2:105  warn-on-conflict=yes" in run("peers", "list")[1]
    assert run("peers", "remove", "CT1")[0] == 0
    assert json.loads(run("peers", "list", "--json")[1]) == []


def test_a_peer_that_is_not_registered_cannot_be_removed_or_tested(run: Run) -> None:
    run("peers", "add", "OTHER", "192.0.2.1", "104")
    for command in ("remove", "test"):
        code, _, told = run("peers", command, "CT1")

        assert code == 1
        assert "CT1" in told


@pytest.mark.parametrize(
    "arguments",
    [("LONGER THAN SIXTEEN", "host", "104"), ("A\\B", "host", "104"), ("A", "a host", "104"), ("A", "host", "0")],
)
def test_what_cannot_be_a_peer_is_a_usage_error(run: Run, arguments: tuple[str, ...]) -> None:
    code, _, told = run("peers", "add", *arguments)

    assert code == 2
    assert "Invalid value" in told


def test_a_peer_that_is_not_there_is_told_with_the_reason(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    run("peers", "add", "GONE", "127.0.0.1", port)

    code, _, told = run("peers", "test", "GONE", "--timeout", "2")

    assert code == 3
    assert "C-ECHO to GONE failed" in told
    assert "refused" in told.lower()


def test_a_peer_that_says_nothing_is_told_as_such(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        run("peers", "add", "MUTE", "127.0.0.1", str(server.getsockname()[1]))

        code, _, told = run("peers", "test", "MUTE", "--timeout", "0.3")

    assert code == 3
    assert "C-ECHO to MUTE failed" in told


def test_status_of_a_folder_that_was_never_served(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("status", "--json")

    assert code == 3
    assert json.loads(out)["running"] is False
    assert json.loads(out)["holds"] is None
    assert not (tmp_path / "data").exists()


def test_status_counts_what_is_held_when_no_node_runs(run: Run) -> None:
    store_all([ct_slice()])

    code, out, _ = run("status", "--json")

    holds = json.loads(out)["holds"]
    assert code == 3
    assert (holds["patients"], holds["studies"], holds["series"], holds["instances"]) == (1, 1, 1, 1)
    assert holds["stored_bytes"] < holds["received_bytes"]
    (today,) = json.loads(out)["today"]
    assert (today["source"], today["arrived"]) == ("CT1", 1)
    text = run("status")[1]
    for told in ("not running", "1 patient, 1 study, 1 series, 1 instance", "CT1", "no telling"):
        assert told in text


def test_looking_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    store_all([])
    before = {path.name for path in (tmp_path / "data").iterdir()}

    run("status")

    assert {path.name for path in (tmp_path / "data").iterdir()} == before


def test_verify_finds_nothing_wrong_with_what_is_whole(run: Run) -> None:
    store_all([ct_slice()])

    code, out, _ = run("verify")

    assert code == 0
    assert "1 version of instances checked, 0 with a problem" in out


def test_verify_finds_a_damaged_file(run: Run, tmp_path: Path) -> None:
    store_all([ct_slice()])
    (blob,) = [path for path in (tmp_path / "data" / "blobs").rglob("*.*") if path.is_file()]
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(content)

    code, out, _ = run("verify", "--json")

    assert code == 1
    found = json.loads(out)
    assert found["checked"] == 1
    assert found["problems"][0]["problem"]
    assert found["problems"][0]["study"]


@pytest.mark.parametrize(
    "command",
    [
        ("verify",),
        ("peers", "list"),
        ("export", "--all", "--to", "out"),
        ("rejected",),
        ("receipt", "1.2.3"),
        ("lifecycle", "run"),
    ],
    ids=" ".join,
)
def test_no_archive_is_made_where_there_is_none(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("VNA_DATA_DIR", str(tmp_path / "mistyped"))

    code, _, told = run(*command)

    assert (code, told) == (1, f"vna: there is no data folder {tmp_path / 'mistyped'}\n")
    assert not (tmp_path / "mistyped").exists()


@pytest.mark.parametrize(
    ("charset", "code"), [("latin1", 2), ("ISO_IR 9", 2), ("ISO_IR 100", 0), (r"\ISO 2022 IR 149", 0), ("GB18030", 0)]
)
def test_a_peer_has_a_character_set_that_there_is(run: Run, charset: str, code: int) -> None:
    assert run("peers", "add", "CT1", "192.0.2.1", "104", "--charset", charset)[0] == code


def test_verify_of_an_unknown_study_is_a_problem(run: Run) -> None:
    store_all([])  # makes the archive

    code, _, told = run("verify", "1.2.3")

    assert code == 1
    assert "1.2.3" in told


def test_status_tells_how_the_stores_stand(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNA_STORE__REPLICAS", f"second={(tmp_path / 'second').as_uri()}")
    store_all([ct_slice()])
    monkeypatch.setenv("VNA_STORE__REPLICAS", "")

    told = json.loads(run("status", "--json")[1])

    assert [(store["store"], store["present"], store["bad"]) for store in told["stores"]] == [
        ("main", 1, 0),
        ("second", 1, 0),
    ]
    assert told["stores"][0]["last_round_ended"] is None
    text = run("status")[1]
    assert f"store main ({tmp_path / 'data' / 'blobs'}): 1 file right; never read again in full" in text
    assert "store second (NOT IN THE SETTINGS): 1 file right" in text


def test_status_tells_that_nothing_runs_where_the_index_cannot_be_opened_either(run: Run, tmp_path: Path) -> None:
    store_all([])
    with closing(sqlite3.connect(tmp_path / "data" / "index.sqlite")) as index, index:
        index.execute("UPDATE alembic_version SET version_num = '9999'")

    code, _, told = run("status")

    assert code == 3
    assert "does not run" in told
    assert "9999" in told
