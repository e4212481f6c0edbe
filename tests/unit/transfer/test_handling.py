"""A unit is read and taken, and whatever is wrong with it is a verdict, never an end of the import."""

import gzip
import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from conformance import phantoms
from conformance.corpus import small_studies
from filesets import as_file, small_files, tar_of, write
from sending import Sending
from storage_backends import MemoryContent
from vna.archive import Archive, Arrived, Spool, Stored
from vna.errors import OutOfResources, RejectedBefore
from vna.model import Outcome, Source
from vna.transfer.handling import Handler, Report
from vna.transfer.reading import Candidate
from vna.transfer.taking import Storing, Trying
from vna.transfer.units import Fate, Kind, TarStream, Unit, WholeFile, fate_of

FILES = small_files(5)


class Refusing:
    """An archive that takes nothing."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def take(self, candidates: Sequence[Candidate]) -> list[Fate | Exception]:
        """Refuse."""
        return [self._error for _ in candidates]


@pytest.fixture
def handler(archive: Archive) -> Handler:
    return Handler(archive.incoming, Storing(archive.session(Source("import"), "test")), threads=2)


def _reports(handler: Handler, unit: Unit) -> list[Report]:
    with closing(handler.reader()) as reader:
        return list(handler.handle([(1, unit)], reader))


def _fates(handler: Handler, unit: Unit) -> list[Fate]:
    return [report.verdict.fate for report in _reports(handler, unit) if report.verdict]


def _file(folder: Path, data: bytes, name: str = "x") -> WholeFile:
    return WholeFile(str(write(folder, {name: data}) / name), len(data), 0)


def _stream(folder: Path, data: bytes, kind: Kind = Kind.GZIP) -> TarStream:
    return TarStream(_file(folder, data).path, len(data), 0, kind)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_of_the_archive_is_a_fate(outcome: Outcome) -> None:
    assert fate_of(outcome) == outcome.value


def test_a_file_is_stored_with_its_head_and_the_second_time_it_is_there(
    archive: Archive, handler: Handler, tmp_path: Path
) -> None:
    (instance,) = small_studies(1)
    data = as_file(instance)

    assert _fates(handler, _file(tmp_path, data)) == [Fate.STORED]
    assert _fates(handler, _file(tmp_path, data)) == [Fate.ALREADY_STORED]

    (study,) = _all(archive)
    assert archive.part10_head(study) + b"".join(archive.open(study).chunks) == data


@pytest.mark.parametrize(
    ("data", "fate"),
    [
        (b"text", Fate.NOT_DICOM),
        (FILES["00000.dcm"][:400], Fate.DAMAGED),
        (phantoms.part10_head("1.2", "1.2", "1.2.840.10008.1.2.1"), Fate.DAMAGED),
    ],
    ids=["not DICOM", "truncated", "head alone"],
)
def test_what_is_wrong_with_a_file_is_its_verdict(handler: Handler, tmp_path: Path, data: bytes, fate: Fate) -> None:
    (report,) = _reports(handler, _file(tmp_path, data))

    assert report.verdict
    assert (report.finished, report.verdict.fate) == (True, fate)
    assert report.verdict.reason
    assert report.verdict.progress == len(data)


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (OutOfResources("full"), Fate.REFUSED),
        (RejectedBefore("rejected"), Fate.REJECTED),
        (ZeroDivisionError("a bug"), Fate.FAILED),
    ],
    ids=["full", "rejected", "bug"],
)
def test_what_the_archive_says_is_the_verdict(spool: Spool, tmp_path: Path, error: Exception, fate: Fate) -> None:
    handler = Handler(spool.incoming, Refusing(error), threads=2)

    assert _fates(handler, _file(tmp_path, FILES["00000.dcm"])) == [fate]
    assert fate in _fates(handler, _stream(tmp_path, tar_of(FILES, mode="w:gz")))


@pytest.mark.parametrize(("mode", "kind"), [("gz", Kind.GZIP), ("bz2", Kind.BZIP2), ("xz", Kind.XZ)], ids=str)
def test_the_members_of_a_compressed_tar_are_stored(handler: Handler, tmp_path: Path, mode: str, kind: Kind) -> None:
    data = tar_of({**FILES, "notes.txt": b"text"}, mode=f"w:{mode}")

    *members, last = _reports(handler, _stream(tmp_path, data, kind))

    assert last == Report(1, None)
    verdicts = [report.verdict for report in members if report.verdict]
    assert [verdict.fate for verdict in verdicts] == [Fate.STORED] * 5 + [Fate.NOT_DICOM]
    assert verdicts[0].label.endswith("x:00000.dcm")
    assert not any(report.finished for report in members)


def test_a_compressed_tar_that_breaks_off_gives_what_lies_before(handler: Handler, tmp_path: Path) -> None:
    plain = tar_of(phantoms_and(FILES))
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="w") as packing:
        packing.write(plain)
    data = out.getvalue()

    fates = _fates(handler, _stream(tmp_path, data[: len(data) * 2 // 3]))

    assert fates[0] is Fate.STORED
    assert fates[-1] is Fate.DAMAGED


def phantoms_and(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return files with some of a size that takes more than one buffer."""
    return {**files, **{f"ct{n}.dcm": phantoms.part10(phantoms.ct_slice(study=90 + n, size=128)) for n in range(4)}}


def test_a_refusal_ends_a_compressed_tar(spool: Spool, tmp_path: Path) -> None:
    handler = Handler(spool.incoming, Refusing(OutOfResources("full")), threads=1)

    fates = _fates(handler, _stream(tmp_path, tar_of(small_files(40), mode="w:gz")))

    assert 1 <= len(fates) <= 3


def test_a_trial_tells_what_is_new_and_stores_nothing(archive: Archive, tmp_path: Path) -> None:
    handler = Handler(archive.incoming, Trying(archive, Source("import")), threads=1)
    unit = _file(tmp_path, FILES["00000.dcm"])
    before = archive.journal_mark()

    assert _fates(handler, unit) == [Fate.STORED]
    assert archive.journal_mark() == before

    _store(archive, unit)
    assert _fates(handler, unit) == [Fate.ALREADY_STORED]


def test_a_trial_tells_what_differs(archive: Archive, tmp_path: Path) -> None:
    ds = phantoms.ct_slice(size=16)
    Sending(archive).store(ds)
    ds.PatientComments = "another word"

    handler = Handler(archive.incoming, Trying(archive, Source("import")), threads=1)

    assert _fates(handler, _file(tmp_path, phantoms.part10(ds))) == [Fate.DIFFERS]


def test_units_that_wait_are_stored_with_one_commit_each_with_its_own_verdict(archive: Archive, tmp_path: Path) -> None:
    session, calls = archive.session(Source("import"), "test"), []

    class Watched:
        def store_all(self, arrived: Sequence[Arrived]) -> list[Stored | Exception]:
            calls.append(len(arrived))
            return session.store_all(arrived)

    handler = Handler(archive.incoming, Storing(Watched()), threads=1)  # type: ignore[arg-type]
    good = [_file(tmp_path, FILES[f"{n:05}.dcm"], f"{n}") for n in range(3)]
    stream = _stream(tmp_path / "s", gzip.compress(tar_of({"4": FILES["00004.dcm"]})))
    batch: list[Unit] = [
        good[0],
        _file(tmp_path, b"notes", "n"),
        good[1],
        _file(tmp_path, FILES["00003.dcm"][:-9], "d"),
    ]
    batch += [stream, good[2]]

    with closing(handler.reader()) as reader:
        reports = list(handler.handle(list(enumerate(batch)), reader))

    fates = {report.number: report.verdict.fate for report in reports if report.verdict}
    assert fates == {
        **dict.fromkeys((0, 2, 4, 5), Fate.STORED),
        1: Fate.NOT_DICOM,
        3: Fate.DAMAGED,
    }
    assert sorted(report.number for report in reports if report.finished) == list(range(6))
    assert calls == [4, 1]  # what was cut short is found out when it is scanned, beside the others


def test_a_fault_where_several_are_taken_is_the_verdict_on_each(archive: Archive, tmp_path: Path) -> None:
    class Faulty:
        def take(self, candidates: Sequence[Candidate]) -> list[Fate | Exception]:
            raise ZeroDivisionError

    handler = Handler(archive.incoming, Faulty(), threads=1)
    batch = [(number, _file(tmp_path, FILES[f"{number:05}.dcm"], f"{number}")) for number in range(2)]

    with closing(handler.reader()) as reader:
        verdicts = [report.verdict for report in handler.handle(batch, reader)]

    assert [(each.fate, each.reason) for each in verdicts if each] == [
        (Fate.FAILED, "an error of this program: ZeroDivisionError")
    ] * 2


def test_what_may_be_tried_again_is_tried_again(archive: Archive, tmp_path: Path) -> None:
    class Failing:
        def __init__(self) -> None:
            self.calls = 0

        def store_all(self, arrived: Sequence[Arrived]) -> list[Stored | Exception]:
            self.calls += 1
            if self.calls == 1:
                return [OutOfResources("what was half written is gone")]
            return archive.session(Source("x"), "test").store_all(arrived)

    session = Failing()
    handler = Handler(archive.incoming, Storing(session), threads=1)  # type: ignore[arg-type]

    assert _fates(handler, _file(tmp_path, FILES["00000.dcm"])) == [Fate.STORED]
    assert session.calls == 2


def _store(archive: Archive, unit: WholeFile) -> None:
    (instance,) = small_studies(1)
    session = archive.session(Source("import"), "test")
    session.store(Arrived(MemoryContent(instance.data), instance.transfer_syntax))


def _all(archive: Archive) -> Iterator:
    return (finding.held for finding in archive.verify())
