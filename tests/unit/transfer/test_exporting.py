"""What is held comes out as files: the same bytes, each instance once, in the version asked for."""

from collections import Counter
from pathlib import Path

import pytest

from conformance import phantoms
from filesets import contents
from sending import MODALITY, OTHER_PACS, Sending
from vna.archive import Archive, Statement
from vna.dicom.part10 import OURS, find_data_set
from vna.errors import Damaged, OutOfResources
from vna.model import RejectionReason, Scope
from vna.transfer import DEFAULT_LAYOUT, Exported, Exporter, FolderTarget, Layout, Selection, parse_keys
from vna.transfer.part10_files import Part10File
from vna.transfer.selection import selected


@pytest.fixture
def sending(archive: Archive) -> Sending:
    return Sending(archive)


def _export(archive: Archive, to: Path, *keys: tuple[str, str], versions: bool = False, layout: str = DEFAULT_LAYOUT):
    exporter = Exporter(archive, FolderTarget(to), Layout(layout))
    return list(exporter.run(Selection(parse_keys(keys), versions)))


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_came_over_the_network_gets_a_head_of_ours(archive: Archive, sending: Sending, tmp_path: Path) -> None:
    ds = phantoms.ct_slice(size=16)
    sending.store(ds)

    (exported,) = _export(archive, tmp_path / "out")

    data = (tmp_path / "out" / exported.path).read_bytes()
    head = find_data_set(data)
    assert data[head.length :] == phantoms.data_set_bytes(ds)
    assert (head.sop_class_uid, head.sop_instance_uid) == (ds.SOPClassUID, ds.SOPInstanceUID)
    assert OURS.class_uid.encode() in data[: head.length]


def test_keys_of_every_level_choose(archive: Archive, sending: Sending, tmp_path: Path) -> None:
    for study in (1, 2):
        for series in (1, 2):
            for number in (1, 2):
                sending.store(phantoms.ct_slice(study=study, series=series, number=number, size=8))
    one = phantoms.ct_slice(study=1, size=8)

    counts = [
        len(list(_export(archive, tmp_path / str(n), *keys)))
        for n, keys in enumerate(
            [
                (),
                (("StudyInstanceUID", one.StudyInstanceUID),),
                (("PatientID", one.PatientID),),
                (("Modality", "CT"), ("InstanceNumber", "2")),
                (("SeriesInstanceUID", one.SeriesInstanceUID),),
                (("StudyInstanceUID", one.StudyInstanceUID), ("InstanceNumber", "1")),
                (("PatientName", "*"), ("StudyDate", "19000101-20991231")),
                (("Modality", "MR"),),
            ]
        )
    ]

    assert counts[0] == 8
    assert counts[1] == 4
    assert counts[3] == 4
    assert counts[4] == 2
    assert counts[5] == 2
    assert counts[6:] == [8, 0]


@pytest.mark.parametrize("limited", [True, False], ids=["limited", "rejected"])
@pytest.mark.parametrize(("level", "left"), [(1, 0), (2, 1), (3, 2)], ids=["study", "series", "instance"])
def test_what_is_limited_or_rejected_is_not_exported(
    archive: Archive, sending: Sending, limited: bool, level: int, left: int
) -> None:
    slices = [phantoms.ct_slice(series=series, number=number, size=8) for series, number in ((1, 1), (1, 2), (2, 1))]
    for ds in slices:
        sending.store(ds)
    hidden, said = slices[0], Statement("anne", "asked for")
    scope = Scope(*(hidden.StudyInstanceUID, hidden.SeriesInstanceUID, hidden.SOPInstanceUID)[:level])
    if limited:
        archive.limitations.place(scope, said)
    else:
        archive.rejections.reject(scope, RejectionReason.QUALITY, said)

    chosen = [
        [each.held.key for study in selected(archive, Selection({}, versions), ()) for each in study]
        for versions in (False, True)
    ]

    assert [len(keys) for keys in chosen] == [left, left]
    assert not any(scope.covers(key) for keys in chosen for key in keys)


def test_several_values_of_one_key_mean_any(archive: Archive, sending: Sending) -> None:
    studies = [phantoms.ct_slice(study=study, size=8) for study in (1, 2, 3)]
    for ds in studies:
        sending.store(ds)
    keys = parse_keys([("StudyInstanceUID", ds.StudyInstanceUID) for ds in studies[:2]])

    assert len(list(selected(archive, Selection(keys), ()))) == 2


@pytest.mark.parametrize(
    "key", [("NoSuch", "x"), ("StudyDate", "yesterday"), ("RequestAttributesSequence", "x")], ids=lambda key: key[0]
)
def test_what_is_no_key_is_refused(key: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=key[0]):
        parse_keys([key])


def test_all_versions_lie_beside_each_other(archive: Archive, sending: Sending, tmp_path: Path) -> None:
    ds = phantoms.ct_slice(size=8)
    expected = set()
    for comment, source in (("first", MODALITY), ("corrected", MODALITY), ("of another", OTHER_PACS)):
        ds.PatientComments = comment
        sending.store(ds, source=source, part10_head=phantoms.part10(ds)[: -len(phantoms.data_set_bytes(ds))])
        expected |= {phantoms.part10(ds)}

    _export(archive, tmp_path / "served")
    _export(archive, tmp_path / "all", versions=True)

    uid = ds.SOPInstanceUID
    assert _names(tmp_path / "served") == [f"{uid}.dcm"]
    assert _names(tmp_path / "all") == [f"{uid}.dcm", f"{uid}.v1.dcm", f"{uid}.v3.dcm"]
    assert {path.read_bytes() for path in (tmp_path / "all").rglob("*.dcm")} == expected


def test_the_second_time_everything_is_kept(archive: Archive, sending: Sending, tmp_path: Path) -> None:
    for ds in phantoms.every_image().values():
        sending.store(ds)
    first = _export(archive, tmp_path)
    before = contents(tmp_path)
    (tmp_path / first[0].path).write_bytes((tmp_path / first[0].path).read_bytes()[:-1])
    (tmp_path / first[1].path).unlink()

    again = _export(archive, tmp_path)

    assert Counter(file.fate for file in again) == {Exported.KEPT: len(first) - 2, Exported.WRITTEN: 2}
    assert contents(tmp_path) == before


class _Spoilt(FolderTarget):
    """A folder on which writing fails in some way."""

    error: Exception = Damaged("spoilt")

    def put(self, path: str, file: Part10File, chunks) -> bytes:
        raise self.error


@pytest.mark.parametrize(("error", "all_tried"), [(Damaged("x"), True), (OutOfResources("full"), False)], ids=str)
def test_one_file_may_fail_alone_but_a_full_disk_ends_it(
    archive: Archive, sending: Sending, tmp_path: Path, error: Exception, all_tried: bool
) -> None:
    for number in range(30):
        sending.store(phantoms.ct_slice(number=number, size=8))
    target = _Spoilt(tmp_path)
    target.error = error
    exporter = Exporter(archive, target, Layout(DEFAULT_LAYOUT))

    files = list(exporter.run(Selection({})))

    assert {file.fate for file in files} == {Exported.FAILED}
    assert (len(files) == 30) is all_tried
    assert exporter.was_stopped is not all_tried


def test_of_nothing_nothing_is_written(archive: Archive, tmp_path: Path) -> None:
    exporter = Exporter(archive, FolderTarget(tmp_path / "out"), Layout("media"), dicomdir=True)

    assert list(exporter.run(Selection({}))) == []
    assert not (tmp_path / "out").exists()
