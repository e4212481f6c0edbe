"""The commands `vna import` and `vna export`, from file to file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from conformance import phantoms
from filesets import Ran, Run, contents, digests, phantom_files, small_files, tar_of, write, zip_of
from shared_samples import SAMPLES, needs_samples
from vna import cli
from vna.cli import main
from vna.cli.import_ import worthwhile_workers
from vna.transfer.dicomdir import read_dicomdir


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command on a data folder of its own; imports in this process, if nothing else is said."""
    monkeypatch.setenv("VNA_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: str | Path) -> Ran:
        if arguments[0] == "import" and len(arguments) > 1 and "--workers" not in arguments:
            arguments = (*arguments, "--workers", "1")
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        return Ran(int(ended.value.code or 0), *capsys.readouterr())

    return run


def _holds(run: Run) -> dict[str, int]:
    """What the archive holds, its position in the journal too."""
    return {name: count for name, count in run("status", "--json").told["holds"].items() if name != "free_bytes"}


def _listing(folder: Path) -> list[tuple[str, int, int]]:
    def entries() -> Iterator[tuple[str, int, int]]:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield str(path), path.stat().st_size, path.stat().st_mtime_ns

    return list(entries())


def test_files_of_every_kind_and_from_every_container_come_back_bit_for_bit(run: Run, tmp_path: Path) -> None:
    loose, zipped, plain, packed = phantom_files(), small_files(3), small_files(3, first=10), small_files(3, first=20)
    containers = {"a.zip": zip_of(zipped), "b/c.tar": tar_of(plain), "d.tgz": tar_of(packed, mode="w:gz")}
    folder = write(tmp_path / "in", {**loose, **containers})

    imported = run("import", folder, "--json", "--workers", "2")
    exported = run("export", "--all", "--to", tmp_path / "out", "--json")

    total = len(loose) + 9
    assert (imported.code, imported.told["counts"]["stored"], imported.told["problems"]) == (0, total, 0)
    assert (exported.code, exported.told["counts"]["written"]) == (0, total)
    assert contents(tmp_path / "out") == digests({**loose, **zipped, **plain, **packed})


def test_the_second_run_passes_over_what_the_first_has_done(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", small_files(5))
    run("import", folder)

    second, again = run("import", folder), run("import", "--again", folder, "--json")

    assert "5 done by an earlier import" in second.out
    assert again.told["counts"]["already-stored"] == 5


def test_what_is_wrong_is_told_line_by_line(run: Run, tmp_path: Path) -> None:
    files = small_files(2)
    broken = {"broken.dcm": files["00001.dcm"][:300], "letter.txt": b"Dear", "a\nb.dcm": b""}
    folder = write(tmp_path / "in", {"00000.dcm": files["00000.dcm"], **broken})

    ran = run("import", folder)

    assert ran.code == 1
    lines = sorted(ran.err.splitlines())
    assert len(lines) == 3
    assert lines[0].startswith("vna: damaged: ")
    assert r"a\nb.dcm: called a DICOM file, but it is empty" in lines[0]
    assert "broken.dcm: truncated" in lines[1]
    assert lines[2].startswith(f"vna: not DICOM: {folder / 'letter.txt'}: ")
    assert "1 stored" in ran.out
    assert "2 damaged" in ran.out


def test_what_is_not_dicom_alone_is_no_failure(run: Run, tmp_path: Path) -> None:
    assert run("import", write(tmp_path / "in", {"letter.txt": b"Dear"})).code == 0


def test_a_trial_reads_everything_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "in", {**small_files(3), "broken.dcm": b"?", "t.tgz": tar_of(small_files(2), mode="w:gz")}
    )

    first = run("import", "--dry-run", folder, "--json")
    assert not (tmp_path / "data").exists()
    run("import", folder / "00000.dcm")
    before = _listing(tmp_path / "data"), _holds(run)
    second = run("import", "--dry-run", folder, "--json")

    assert (first.code, first.told["counts"]["stored"], first.told["counts"]["damaged"]) == (1, 3, 1)
    assert first.told["counts"]["already-stored"] == 2
    assert (second.told["counts"]["stored"], second.told["counts"]["already-stored"]) == (2, 3)
    assert (_listing(tmp_path / "data"), _holds(run)) == before


def test_content_is_a_peers_when_it_is_named_as_source(run: Run, tmp_path: Path) -> None:
    ds = phantoms.ct_slice(size=8)
    run("peers", "add", "PACS_A", "192.0.2.1", "104", "--issuer", "HOSPITAL A")

    fates = []
    for comment, source in (("one", "PACS_A"), ("two", "PACS_A"), ("three", "PACS_B")):
        ds.PatientComments = comment
        folder = write(tmp_path / comment, {"x.dcm": phantoms.part10(ds)})
        told = run("import", folder, "--source", source, "--json").told
        fates += [fate for fate, count in told["counts"].items() if count]

    assert fates == ["stored", "new-version", "aside"]


def test_a_file_set_goes_out_with_a_dicomdir_and_comes_back_by_it(run: Run, tmp_path: Path) -> None:
    files = phantom_files()
    run("import", write(tmp_path / "in", files))

    exported = run("export", "--all", "--dicomdir", "--to", tmp_path / "cd")
    write(tmp_path / "cd", {"autorun.inf": b"not listed"})
    trial = run("import", "--dry-run", tmp_path / "cd" / "DICOMDIR", "--json")

    assert exported.code == 0
    assert contents(tmp_path / "cd") >= digests(files)
    counts = {fate: count for fate, count in trial.told["counts"].items() if count}
    assert counts == {"already-stored": len(files), "dicomdir": 1}


def test_an_export_into_a_zip_can_be_imported(run: Run, tmp_path: Path) -> None:
    files = small_files(4)
    run("import", write(tmp_path / "in", files))

    exported = run("export", "--all", "--zip", tmp_path / "x.zip", "--json")
    again = run("export", "--all", "--zip", tmp_path / "x.zip")
    trial = run("import", "--dry-run", tmp_path / "x.zip", "--json")

    assert (exported.code, exported.told["counts"]["written"]) == (0, 4)
    assert (again.code, "exists" in again.err) == (1, True)
    assert trial.told["counts"]["already-stored"] == 4


def test_a_second_export_into_a_file_set_is_listed_beside_the_first(run: Run, tmp_path: Path) -> None:
    files = small_files(6)
    run("import", write(tmp_path / "in", files))
    first, second = (f"IPP0000000{number}" for number in (0, 1))

    for patient in (first, second, first):
        assert run("export", "--patient", patient, "--dicomdir", "--to", tmp_path / "cd").code == 0

    listed = list(read_dicomdir(tmp_path / "cd" / "DICOMDIR"))
    assert len(listed) == len(set(listed)) == 6
    counts = run("import", tmp_path / "cd" / "DICOMDIR", "--json", "--again").told["counts"]
    assert {name: count for name, count in counts.items() if count} == {"already-stored": 6, "dicomdir": 1}
    read = dcmread(tmp_path / "cd" / "DICOMDIR")
    assert sum(record.DirectoryRecordType == "PATIENT" for record in read.DirectoryRecordSequence) == 2


@pytest.mark.parametrize("damage", [b"", b"no DICOMDIR at all"])
def test_a_dicomdir_of_others_is_not_replaced(run: Run, tmp_path: Path, damage: bytes) -> None:
    run("import", write(tmp_path / "in", small_files(1)))
    run("export", "--all", "--dicomdir", "--to", tmp_path / "cd")
    file = tmp_path / "cd" / "DICOMDIR"
    data = damage or file.read_bytes().replace(b"DICOM\\P", b"IMAGE\\P")
    file.write_bytes(data)
    before = _listing(tmp_path / "cd")
    run("import", write(tmp_path / "more", small_files(1, first=10)))

    ran = run("export", "--all", "--dicomdir", "--to", tmp_path / "cd")

    assert (ran.code, "DICOMDIR would be replaced" in ran.err, "another folder" in ran.err) == (1, True, True)
    assert _listing(tmp_path / "cd") == before


def test_a_patient_is_of_one_issuer_and_their_id_no_pattern(run: Run, tmp_path: Path) -> None:
    one, other, star = (phantoms.ct_slice(study=number, size=16) for number in (1, 2, 3))
    for ds, patient, issuer in ((one, "P1", "A"), (other, "P1", "B"), (star, "P*", "A")):
        ds.PatientID, ds.IssuerOfPatientID = patient, issuer
        ds.save_as(tmp_path / f"{ds.StudyInstanceUID}.dcm", enforce_file_format=True)
        run("import", tmp_path / f"{ds.StudyInstanceUID}.dcm")

    def exported(*arguments: str) -> tuple[int, set[str]]:
        out = tmp_path / "-".join(arguments).replace("*", "star")
        ran = run("export", *arguments, "--layout", "{StudyInstanceUID}.dcm", "--to", out)
        return ran.code, {path.stem for path in out.glob("*.dcm")}

    assert exported("--patient", "P1") == (1, set())
    assert exported("--patient", "P1", "--issuer", "B") == (0, {other.StudyInstanceUID})
    assert exported("--patient", "P*") == (0, {star.StudyInstanceUID})
    assert exported("--patient", "P1", "--issuer", "A", "--patient", "P*") == (
        0,
        {one.StudyInstanceUID, star.StudyInstanceUID},
    )
    assert exported("--patient", "P1", "--issuer", "A", "--query", "StudyInstanceUID=1.2.3") == (1, set())
    assert "known of several issuers, say which: A, B" in run("export", "--patient", "P1", "--to", tmp_path / "x").err


@pytest.mark.parametrize(
    "arguments", [("import", ""), ("export", "--all", "--to", ""), ("export", "--all", "--zip", "")]
)
def test_an_empty_path_is_not_this_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)

    ran = run(*arguments)

    assert (ran.code, "an empty path" in ran.err) == (2, True)


def test_ctrl_c_while_commands_load_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_loaded", interrupted)
    with pytest.raises(SystemExit) as ended:
        main(["status"])

    assert ended.value.code == 130


def test_a_trial_knows_what_it_has_seen(run: Run, tmp_path: Path) -> None:
    files = small_files(3)
    folder = write(tmp_path / "in", {**files, "again.zip": zip_of(files)})

    trial = run("import", "--dry-run", folder, "--json", "--workers", "4").told["counts"]
    real = run("import", folder, "--json").told["counts"]

    assert trial == real
    assert (trial["stored"], trial["already-stored"]) == (3, 3)


def test_a_trial_knows_what_would_not_be_taken(run: Run, tmp_path: Path) -> None:
    files = {f"{number}.dcm": phantoms.part10(phantoms.ct_slice(study=number, size=16)) for number in (1, 2)}
    folder = write(tmp_path / "in", files)
    run("import", folder)
    study = phantoms.ct_slice(study=1, size=16).StudyInstanceUID
    assert run("reject", "--study", study, "--reason", "quality", "--comment", "blurred", "--yes").code == 0

    trial = run("import", "--dry-run", folder, "--json").told["counts"]
    real = run("import", "--again", folder, "--json").told["counts"]

    assert trial == real
    assert (trial["rejected"], trial["already-stored"]) == (1, 1)


def test_archives_inside_archives_are_named_again_and_again(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", {"outer.zip": zip_of({"inner.zip": zip_of(small_files(1))})})

    for _ in range(2):
        ran = run("import", folder, "--json")
        assert (ran.code, ran.told["problems"], "unpack the outer one first" in ran.err) == (1, 1, True)


def test_a_layout_and_keys_are_given_on_the_command_line(run: Run, tmp_path: Path) -> None:
    run("import", write(tmp_path / "in", small_files(6)))

    ran = run(
        *("export", "--patient", "IPP00000001", "--query", "AccessionNumber=ACC*", "--to", tmp_path / "out"),
        *("--layout", "{PatientID}/{AccessionNumber}.dcm"),
    )

    assert ran.code == 0
    names = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.dcm"))
    assert names == [f"IPP00000001/ACC{number:09d}.dcm" for number in (3, 4, 5)]


def test_a_lost_blob_is_a_failure_of_its_instance(run: Run, tmp_path: Path) -> None:
    run("import", write(tmp_path / "in", phantom_files()))
    (lost, *_others) = sorted(path for path in (tmp_path / "data" / "blobs").rglob("*.*") if path.is_file())
    lost.unlink()

    ran = run("export", "--all", "--to", tmp_path / "out", "--json")

    assert ran.code == 1
    assert len(ran.told["failed"]) == 1
    assert ran.told["failed"][0]["reason"] in ran.err
    assert ran.told["counts"]["written"] == len(phantom_files()) - 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("import",),
        ("import", "no-such-file"),
        ("import", ".", "--source", "A\\B"),
        ("export", "--all"),
        ("export", "--to", "x"),
        ("export", "--all", "--study", "1.2", "--to", "x"),
        ("export", "--all", "--to", "x", "--zip", "y"),
        ("export", "--study", "not a uid", "--to", "x"),
        ("export", "--query", "Modality", "--to", "x"),
        ("export", "--query", "NoSuch=1", "--to", "x"),
        ("export", "--all", "--to", "x", "--layout", "{NoSuch}"),
        ("export", "--all", "--to", "x", "--layout", "{PatientID}", "--dicomdir"),
        ("export", "--all", "--to", "x", "--dicomdir", "--versions"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_a_usage_error(run: Run, arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)

    assert ran.code == 2
    assert ran.err


def test_an_export_of_what_is_not_held_is_a_problem(run: Run, tmp_path: Path) -> None:
    run("import", write(tmp_path / "in", small_files(1)))

    ran = run("export", "--study", "1.2.3", "--to", tmp_path / "out")

    assert (ran.code, "nothing that is held fits" in ran.err) == (1, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["import", "export"])
def test_help_tells_the_exit_codes(run: Run, command: str) -> None:
    ran = run(command, "--help")

    assert (ran.code, "Exit code" in ran.out) == (0, True)


@needs_samples
def test_samples_come_back_bit_for_bit(run: Run, tmp_path: Path) -> None:
    folder = SAMPLES / "pydicom"

    imported = run("import", folder, "--json").told
    exported = run("export", "--all", "--versions", "--to", tmp_path / "out", "--json").told

    kept = sum(imported["counts"][fate] for fate in ("stored", "new-version", "rendition", "aside"))
    assert kept > 100
    assert exported["counts"]["written"] == kept
    assert len(contents(tmp_path / "out") - contents(folder)) <= 4  # came without any head, and got one


def test_little_is_imported_by_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(4)))
    many, large = tmp_path / "many", tmp_path / "large"
    many.mkdir()
    for number in range(300):
        (many / str(number)).touch()
    with large.open("wb") as sparse:
        sparse.truncate(150_000_000)

    assert [worthwhile_workers([many]), worthwhile_workers([large])] == [1, 1]
    assert [worthwhile_workers([many, large]), worthwhile_workers([large, large])] == [4, 4]
