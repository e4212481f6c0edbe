"""What may be a data set is read into memory of our own, told from what is none, and never expanded without end."""

import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import phantoms
from conformance.corpus import small_studies
from filesets import as_file, small_files, tar_of, write, zip_of
from storage_backends import MemoryContent
from vna.archive import Spool
from vna.errors import CannotUnderstand
from vna.media import MEDIA_STORAGE_DIRECTORY
from vna.transfer.reading import CannotRead, IsDirectory, NotDicom, NotOpened, Reader, judge, limited, read_into
from vna.transfer.units import TarMember, WholeFile, ZipMember

(INSTANCE,) = small_studies(1)
FILE = as_file(INSTANCE)


@pytest.fixture
def reader(spool: Spool) -> Iterator[Reader]:
    made = Reader(spool.incoming)
    yield made
    made.close()


def _whole(folder: Path, name: str, data: bytes) -> WholeFile:
    return WholeFile(str(write(folder, {name: data}) / name), len(data), 0)


@pytest.mark.parametrize(
    ("data", "head"),
    [(FILE, len(FILE) - len(INSTANCE.data)), (FILE[132:], len(FILE) - 132 - len(INSTANCE.data)), (INSTANCE.data, 0)],
    ids=["Part 10", "without preamble", "data set alone"],
)
def test_a_data_set_is_told_from_what_stands_before_it(tmp_path: Path, reader: Reader, data: bytes, head: int) -> None:
    with reader.open(_whole(tmp_path, "x", data)) as candidate:
        assert bytes(candidate.content.buffer()) == INSTANCE.data
        assert candidate.head == data[:head]
        assert candidate.transfer_syntax == INSTANCE.transfer_syntax


def test_a_file_larger_than_memory_for_it_goes_through_a_spool_file(tmp_path: Path, reader: Reader) -> None:
    data = FILE + b"\0" * 9_000_000

    with reader.open(_whole(tmp_path, "x", data)) as candidate:
        assert bytes(candidate.head + candidate.content.buffer()) == data


def test_members_of_containers_are_read_where_they_lie(tmp_path: Path, reader: Reader) -> None:
    files = small_files(3)
    packed = _whole(tmp_path, "x.zip", zip_of(files))
    plain = _whole(tmp_path, "x.tar", b"?" * 100 + files["00001.dcm"] + b"?" * 100)
    in_zip = ZipMember(packed.path, 0, 0, 2, "00002.dcm")
    in_tar = TarMember(plain.path, len(files["00001.dcm"]), 0, 100, "00001.dcm")

    for unit, name in ((in_zip, "00002.dcm"), (in_tar, "00001.dcm")):
        with reader.open(unit) as candidate:
            assert candidate.head + bytes(candidate.content.buffer()) == files[name]


@pytest.mark.parametrize(
    "data",
    [b"", b"some text", b"\x89PNG\r\n\x1a\n" + b"\0" * 200, b"\x08\0\x77\x77" + b"\0" * 20],
    ids=["empty", "text", "PNG", "begins with group 8"],
)
def test_what_is_none_is_told(tmp_path: Path, reader: Reader, data: bytes) -> None:
    with pytest.raises(NotDicom), reader.open(_whole(tmp_path, "x", data)):
        pass


@pytest.mark.parametrize(
    "data", [zip_of({"x": FILE}), tar_of({"x": FILE}), gzip.compress(FILE)], ids=["zip", "tar", "gz"]
)
def test_what_is_packed_inside_something_packed_is_told_to_be_unpacked(
    tmp_path: Path, reader: Reader, data: bytes
) -> None:
    told = "inside another: unpack the outer one first"
    with pytest.raises(NotOpened, match=told), reader.open(_whole(tmp_path, "x", data)):
        pass
    with pytest.raises(NotDicom), reader.open(_whole(tmp_path, "Report.DOCX", data)):
        pass


@pytest.mark.parametrize("data", [b"", FILE[:100], b"text"], ids=["empty", "cut off", "text"])
def test_what_is_called_a_dicom_file_and_is_none_is_damaged(tmp_path: Path, reader: Reader, data: bytes) -> None:
    with pytest.raises(CannotUnderstand, match="called a DICOM file"), reader.open(_whole(tmp_path, "a.DCM", data)):
        pass


def test_a_dicomdir_is_no_instance() -> None:
    head = phantoms.part10_head(MEDIA_STORAGE_DIRECTORY, "1.2.3", "1.2.840.10008.1.2.1")

    with pytest.raises(IsDirectory):
        judge(MemoryContent(head + b"\x04\0\x30\x11CS\0\0"))


def test_a_transfer_syntax_that_is_none_is_damage() -> None:
    with pytest.raises(CannotUnderstand, match="0002,0010"):
        judge(MemoryContent(phantoms.part10_head("1.2", "1.2", "1.2.7").replace(b"1.2.7", b"1.2.x") + INSTANCE.data))


def test_a_file_that_is_gone_cannot_be_read(tmp_path: Path, reader: Reader) -> None:
    with pytest.raises(CannotRead, match="No such file"), reader.open(WholeFile(str(tmp_path / "gone"), 1, 0)):
        pass


def test_a_damaged_member_is_damage(tmp_path: Path, reader: Reader) -> None:
    data = bytearray(zip_of({"a.dcm": FILE}, compression=zipfile.ZIP_STORED))
    data[data.index(INSTANCE.data) + 40] ^= 1
    unit = ZipMember(_whole(tmp_path, "x.zip", bytes(data)).path, len(FILE), 0, 0, "a.dcm")

    with pytest.raises(CannotUnderstand, match="CRC"), reader.open(unit):
        pass


def test_a_tar_that_ends_early_is_damage(tmp_path: Path, reader: Reader) -> None:
    unit = TarMember(_whole(tmp_path, "x.tar", FILE).path, len(FILE) + 1, 0, 0, "a")

    with pytest.raises(CannotUnderstand, match="1 bytes early"), reader.open(unit):
        pass


def test_what_does_not_begin_like_a_data_set_is_not_read_to_its_end(spool: Spool) -> None:
    asked = 0

    def pieces() -> Iterator[memoryview]:
        nonlocal asked
        while True:
            asked += 1
            yield memoryview(b"no data set" * 100)

    incoming = spool.incoming()
    with pytest.raises(NotDicom):
        read_into(incoming, pieces(), "bomb")
    incoming.discard()

    assert asked == 1


def test_a_bomb_that_looks_like_a_data_set_is_stopped() -> None:
    piece = memoryview(bytes(2**20))

    passed: list[int] = []
    with pytest.raises(ValueError, match="1000 times"):
        passed.extend(map(len, limited((piece for _ in range(10_000)), 1000)))

    assert sum(passed) <= 256 * 2**20


def test_a_zip_bomb_that_looks_like_a_data_set_is_damage(
    tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vna.transfer.reading._EXPANDED_FREELY", 2**20)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made, made.open("a", "w") as member:
        member.write(FILE)
        for _ in range(8):
            member.write(bytes(2**20))
    unit = ZipMember(_whole(tmp_path, "x.zip", out.getvalue()).path, 1000, 0, 0, "a")

    with pytest.raises(CannotUnderstand, match="1000 times"), reader.open(unit):
        pass
