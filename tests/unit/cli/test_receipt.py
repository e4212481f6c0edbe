"""`vna receipt`, and what `vna status` says of commitments."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from conformance.check_receipt import check_signature
from conformance.phantoms import ct_slice, data_set_bytes
from storage_backends import MemoryContent
from vna import settings
from vna.archive import Arrived, CommitmentRequested
from vna.cli import main
from vna.model import InstanceUID, Source
from vna.node import open_archive

Run = Callable[..., tuple[int, str, str]]
STUDY = ct_slice(size=16).StudyInstanceUID


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command on a data folder of its own, which holds an instance and owes a commitment."""
    monkeypatch.setenv("VNA_DATA_DIR", str(tmp_path / "data"))
    with closing(open_archive(settings.load())) as archive:
        ds = ct_slice(number=1, size=16)
        arrived = Arrived(MemoryContent(data_set_bytes(ds)), str(ds.file_meta.TransferSyntaxUID))
        archive.session(Source("PACS"), "test").store(arrived)
        asked = ((ds.SOPClassUID, InstanceUID(ds.SOPInstanceUID)),)
        archive.commitments.ask(CommitmentRequested("2.25.1", "PACS", "PACS", "VNA", asked), "test")

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        return int(ended.value.code or 0), *capsys.readouterr()

    return run


def test_a_receipt_is_printed_or_written_and_the_key_is_that_of_status(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("receipt", STUDY)
    written = run("receipt", STUDY, "--out", str(tmp_path / "receipt.json"))
    public_key = json.loads(run("status", "--json")[1])["journal"]["public_key"]

    assert (code, written[:2]) == (0, (0, ""))
    for text in (out, (tmp_path / "receipt.json").read_text()):
        check_signature(json.loads(text), public_key)


def test_an_unknown_study_is_a_problem(run: Run) -> None:
    code, out, told = run("receipt", "1.2.3")

    assert (code, out) == (1, "")
    assert "nothing is held of study 1.2.3" in told


def test_a_file_that_cannot_be_written_is_a_problem(run: Run, tmp_path: Path) -> None:
    code, _, told = run("receipt", STUDY, "--out", str(tmp_path / "nowhere" / "receipt.json"))

    assert code == 1
    assert "cannot be written" in told


def test_status_tells_how_many_commitments_are_owed(run: Run) -> None:
    assert json.loads(run("status", "--json")[1])["commitments"] == 1
    assert "1 commitment not answered yet" in run("status")[1]
