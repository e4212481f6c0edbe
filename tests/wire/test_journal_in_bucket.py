"""The journal of an archive in PostgreSQL and a bucket: sealed, verified, rebuilt, compared at the start of a node."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from conformance.node_process import NodeProcess
from conformance.phantoms import ct_slice, data_set_bytes
from databases import new_database
from rebuilding import rows_of
from s3_server import new_bucket, store_settings
from storage_backends import MemoryContent
from vna import settings
from vna.archive import Arrived
from vna.cli import main
from vna.model import Source
from vna.node import open_archive, open_documents

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    postgresql_server: str,
    s3: str,
) -> Run:
    """Run one command on an archive of its own; returns exit code, output and errors."""
    monkeypatch.setenv("VNA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("VNA_INDEX__URL", new_database(postgresql_server))
    for name, value in store_settings(s3, new_bucket(s3)).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        return int(ended.value.code or 0), *capsys.readouterr()

    return run


def store(*numbers: int) -> None:
    with closing(open_archive(settings.load())) as archive:
        session = archive.session(Source("PACS"), "test")
        for number in numbers:
            ds = ct_slice(study=number // 10, number=number, size=16)
            session.store(Arrived(MemoryContent(data_set_bytes(ds)), str(ds.file_meta.TransferSyntaxUID)))


def test_what_is_sealed_is_verified_told_and_rebuilt_into_another_database(
    run: Run, postgresql_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(10, 11, 20)
    assert run("journal", "seal", "--sign")[0] == 0
    store(21, 30)
    old, onto = settings.load().index.url, new_database(postgresql_server)

    code, out, _ = run("journal", "verify", "--json")
    assert (code, json.loads(out)["mark"]["position"], json.loads(out)["signed_heads"]) == (0, 3, 1)
    told = json.loads(run("status", "--json")[1])["journal"]
    assert (told["position"], told["sealed"], told["lag"]) == (5, 3, 2)
    code, out, _ = run("rebuild", "--into", onto, "--tail", "--json")
    told = json.loads(out)
    assert (code, told["position"], told["sealed"], told["behind"]) == (0, 5, 3, 0)
    assert rows_of(onto) == rows_of(old)

    (segment,) = [name for name in open_documents(settings.load()).names("journal/") if name.endswith(".zst")]
    open_documents(settings.load()).delete(segment)
    code, out, _ = run("journal", "verify")
    assert (code, "sealed up to 3 before" in out or "its end is missing" in out) == (1, True)


@pytest.mark.long
@pytest.mark.usefixtures("run")
def test_a_node_catches_up_and_seals_at_its_end_and_refuses_another_history(
    tmp_path: Path, postgresql_server: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(10, 11, 20)
    run("journal", "seal")
    before = rows_of(settings.load().index.url)
    monkeypatch.setenv("VNA_INDEX__URL", new_database(postgresql_server))

    with NodeProcess(tmp_path) as node:
        node.start()
        assert rows_of(settings.load().index.url) == before
        store(30)
        assert node.stop() == 0
    code, out, _ = run("journal", "verify", "--json")
    assert (code, json.loads(out)["mark"]["position"], json.loads(out)["leftovers"]) == (0, 4, [])

    monkeypatch.setenv("VNA_INDEX__URL", new_database(postgresql_server))
    store(1, 2, 3, 4, 5)
    refused = NodeProcess(tmp_path).vna("serve")
    assert (refused.returncode, "two histories" in refused.stderr) == (1, True)
