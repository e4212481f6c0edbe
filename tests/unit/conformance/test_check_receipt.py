"""Signed receipts as an auditor checks them: by the script, which knows nothing of the archive."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import check_receipt, phantoms
from conformance.phantoms import data_set_bytes
from journals import PACS, SealedArchive
from storage_backends import MemoryContent, MemoryDocuments
from vna.archive import Arrived, Spool, write_receipt
from vna.errors import Damaged, NotFound
from vna.journal import SigningKey, make_key
from vna.model import StudyUID

SCRIPT = Path(check_receipt.__file__)
SLICES = [phantoms.ct_slice(number=number, size=16) for number in (1, 2)]
STUDY = StudyUID(SLICES[0].StudyInstanceUID)


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return make_key(tmp_path / "keys" / "key.pem")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[SealedArchive]:
    """An archive that holds two slices of a study."""
    archive = SealedArchive(f"sqlite:///{tmp_path / 'index.sqlite'}", Spool(tmp_path / "spool"), MemoryDocuments())
    archive.store(1, 2)
    yield archive
    archive.close()


@pytest.fixture
def receipt(archive: SealedArchive, key: SigningKey) -> str:
    return write_receipt(STUDY, archive.archive.verify(STUDY), archive.sealer, key)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The two slices as files, as pydicom writes them, and one that is none."""
    folder = tmp_path / "files"
    folder.mkdir()
    for number, ds in enumerate(SLICES):
        ds.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    (folder / "notes.txt").write_text("nothing")
    return folder


def check(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script on a receipt, away from the project."""
    (folder / "receipt.json").write_text(text)
    command = [sys.executable, "-I", str(SCRIPT), "receipt.json", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def altered(value: object) -> object:
    """Return another value of the same kind."""
    match value:
        case str():
            return ("0" if value[0] != "0" else "1") + value[1:]
        case int():
            return value + 1
        case dict():
            return {**value, "more": 1}
        case list():
            return value[:-1]
    raise TypeError


def test_a_receipt_and_the_files_are_what_was_signed(
    receipt: str, key: SigningKey, files: Path, tmp_path: Path
) -> None:
    done = check(tmp_path, receipt, key.public, str(files))

    assert (done.returncode, done.stderr) == (0, "")
    assert f"signed: study {STUDY}, instances: 2" in done.stdout
    assert "2 of them are here" in done.stdout


def test_what_is_not_served_need_not_be_there(
    archive: SealedArchive, key: SigningKey, files: Path, tmp_path: Path
) -> None:
    corrected = phantoms.ct_slice(number=1, size=16)
    corrected.SeriesDescription = "CORRECTED"
    archive.archive.session(PACS, "test").store(
        Arrived(MemoryContent(data_set_bytes(corrected)), str(corrected.file_meta.TransferSyntaxUID))
    )
    corrected.save_as(files / "0.dcm", enforce_file_format=True)

    text = write_receipt(STUDY, archive.archive.verify(STUDY), archive.sealer, key)
    done = check(tmp_path, text, key.public, str(files))

    assert [each["state"] for each in json.loads(text)["instances"]] == ["superseded", "served", "served"]
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 of them are here" in done.stdout


def test_a_file_that_was_altered_is_named(receipt: str, key: SigningKey, files: Path, tmp_path: Path) -> None:
    data = bytearray((files / "1.dcm").read_bytes())
    data[-1] ^= 1
    (files / "1.dcm").write_bytes(data)

    done = check(tmp_path, receipt, key.public, str(files))

    assert done.returncode == 1
    assert done.stderr.split("\n")[1:] == [SLICES[1].SOPInstanceUID, ""]


def test_a_receipt_altered_in_any_field_fails(receipt: str, key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = json.loads(receipt)
    check_receipt.check_signature(whole, key.public)
    cases = [{**whole, name: altered(value)} for name, value in whole.items()]
    cases += [{**whole, "sealed": {**whole["sealed"], n: altered(v)}} for n, v in whole["sealed"].items()]
    first, *others = whole["instances"]
    cases += [{**whole, "instances": [{**first, n: altered(v)}, *others]} for n, v in first.items()]
    cases += [{n: v for n, v in whole.items() if n != left_out} for left_out in whole]
    cases.append({**whole, "note": "added"})

    for case in cases:
        with pytest.raises(SystemExit, match="FALSE"):
            check_receipt.check_signature(case, key.public)

    assert len(cases) == 9 + 2 + 9 + 9 + 1


@pytest.mark.parametrize("field", ["study", "time", "signature"])
def test_the_script_says_false_and_fails(receipt: str, key: SigningKey, tmp_path: Path, field: str) -> None:
    whole = json.loads(receipt)

    done = check(tmp_path, json.dumps({**whole, field: altered(whole[field])}), key.public)

    assert (done.returncode, done.stdout) == (1, "")
    assert "FALSE" in done.stderr


def test_another_key_did_not_sign_it(receipt: str, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other" / "key.pem")

    assert check(tmp_path, receipt, other.public).returncode == 1


def test_the_receipt_names_what_the_journal_has_sealed(receipt: str, archive: SealedArchive) -> None:
    told = json.loads(receipt)
    mark = archive.journal.mark()

    assert told["sealed"] == {"position": mark.position, "hash": mark.chain_hash.hex()}
    assert told["archive"] == archive.sealer.archive()
    assert [each["position"] for each in told["instances"]] == [1, 2]
    assert [each["size"] for each in told["instances"]] == [len(phantoms.data_set_bytes(ds)) for ds in SLICES]


def test_of_an_unknown_study_there_is_no_receipt(archive: SealedArchive, key: SigningKey) -> None:
    with pytest.raises(NotFound):
        write_receipt(StudyUID("1.2.3"), archive.archive.verify("1.2.3"), archive.sealer, key)


def test_of_a_damaged_study_there_is_no_receipt(archive: SealedArchive, key: SigningKey) -> None:
    backend = archive.blobs.backend
    backend.delete(next(iter(backend.names())))

    with pytest.raises(Damaged, match="no receipt"):
        write_receipt(STUDY, archive.archive.verify(STUDY), archive.sealer, key)


def test_the_script_is_short_and_needs_nothing_of_the_project() -> None:
    text = SCRIPT.read_text()
    nodes = list(ast.walk(ast.parse(text)))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}

    assert len(text.splitlines()) <= 50
    assert {module.split(".")[0] for module in modules} <= {*sys.stdlib_module_names, "cryptography"}
