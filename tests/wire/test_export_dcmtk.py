"""What is exported for media is read by DCMTK's programs: every file, and the DICOMDIR that names them."""

import re
import subprocess
from pathlib import Path

import pytest

import dcmtk
from conformance import oddities, phantoms
from filesets import phantom_files, write
from vna.cli import main

pytestmark = dcmtk.needs_dcmtk


def _dcmtk(name: str, *arguments: str | Path, within: Path) -> "subprocess.CompletedProcess[str]":
    program = dcmtk.program(name)
    assert program is not None
    return subprocess.run(
        [program, *map(str, arguments)], cwd=within, capture_output=True, text=True, timeout=60, errors="replace"
    )


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with phantoms of every kind and a report, exported with their DICOMDIR."""
    folder = tmp_path_factory.mktemp("medium")
    report = {"report.dcm": phantoms.part10(oddities.structured_report())}
    write(folder / "in", {**phantom_files(), **report})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VNA_DATA_DIR", str(folder / "data"))
        for arguments in (["import", "--workers", "1", str(folder / "in")], ["export", "--all", "--dicomdir", "--to"]):
            extra = [str(folder / "cd")] if arguments[0] == "export" else []
            with pytest.raises(SystemExit) as ended:
                main([*arguments, *extra])
            assert not ended.value.code
    return folder / "cd"


def test_every_file_is_one_by_dcmftest(medium: Path) -> None:
    files = [path for path in (medium / "DICOM").rglob("*") if path.is_file()]

    answer = _dcmtk("dcmftest", *files, within=medium)

    assert answer.returncode == 0
    assert answer.stdout.count("yes: ") == len(files) == len(phantom_files()) + 1


def test_dcmdump_reads_the_dicomdir_and_resolves_its_offsets(medium: Path) -> None:
    answer = _dcmtk("dcmdump", "DICOMDIR", within=medium)

    assert (answer.returncode, answer.stderr) == (0, "")
    named = re.findall(r'refFileID="([^"]+)"', answer.stdout)
    assert len(named) == len(phantom_files()) + 1
    assert all(medium.joinpath(*name.split("\\")).is_file() for name in named)


def test_dcmmkdir_finds_every_instance_in_it(medium: Path, tmp_path: Path) -> None:
    (tmp_path / "DICOM").symlink_to(medium / "DICOM")
    (tmp_path / "DICOMDIR").write_bytes((medium / "DICOMDIR").read_bytes())

    answer = _dcmtk("dcmmkdir", "-v", "-Nxc", "+I", "+A", "+id", ".", "+r", "DICOM", within=tmp_path)

    assert answer.returncode == 0, answer.stderr
    assert "appending to DICOMDIR" in answer.stderr
    assert answer.stderr.count("directory record for this SOP instance already exists") >= 10
