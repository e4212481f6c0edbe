"""`vna receipt`, and what `vna status` says of commitments."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from administering import Run, store_all
from conformance.check_receipt import check_signature
from conformance.phantoms import ct_slice
from vna import settings
from vna.archive import CommitmentRequested
from vna.model import InstanceUID
from vna.node import open_archive

STUDY = ct_slice(size=16).StudyInstanceUID


@pytest.fixture(autouse=True)
def _held(run: Run) -> None:
    """The archive holds an instance and owes a commitment."""
    ds = ct_slice(number=1, size=16)
    store_all([ds], "PACS")
    with closing(open_archive(settings.load())) as archive:
        asked = ((ds.SOPClassUID, InstanceUID(ds.SOPInstanceUID)),)
        archive.commitments.ask(CommitmentRequested("2.25.1", "PACS", "PACS", "VNA", asked), "test")


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
