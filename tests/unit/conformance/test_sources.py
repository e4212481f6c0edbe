"""Sources divide their instances among processes and lose none."""

from pathlib import Path

import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset

from conformance import oddities, phantoms
from conformance.sources import BigMultiframe, CtSlices, Part10Files, SmallStudies, read_part10


@pytest.mark.parametrize("n", [0, 1, 7, 8])
def test_shares_are_the_whole(n: int) -> None:
    shares = [one.sop_instance_uid for part in range(4) for one in SmallStudies(n, first=5).share(part, 4)]

    assert shares == [one.sop_instance_uid for one in SmallStudies(n, first=5).share(0, 1)]
    assert len(shares) == n


def test_ct_slices_begin_where_told() -> None:
    (only,) = CtSlices(1, first=3).share(0, 1)

    assert only.sop_instance_uid == phantoms.uid("corpus", 0, 1, 3)


def test_files_are_read_as_they_stand(tmp_path: Path) -> None:
    ds = phantoms.jpeg_multiframe()
    (tmp_path / "a").write_bytes(phantoms.part10(ds))
    (tmp_path / "b").write_bytes(phantoms.part10(phantoms.us_multiframe()))

    shares = [list(Part10Files(tmp_path).share(part, 2)) for part in range(2)]

    assert shares[0] == [oddities.encoded(ds)]
    assert [one.sop_class_uid for one in shares[1]] == [phantoms.us_multiframe().SOPClassUID]
    assert len(list(Part10Files(tmp_path, limit=1).share(0, 1))) == 1


def test_a_wrong_group_length_does_not_matter() -> None:
    data = bytearray(phantoms.part10(phantoms.ct_slice(size=16)))
    data[140:144] = b"\x01\0\0\0"

    assert read_part10(bytes(data)) == oddities.encoded(phantoms.ct_slice(size=16))


@pytest.mark.parametrize("data", [b"", b"\0" * 132, b"\0" * 128 + b"DICM"])
def test_what_is_no_part_10_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a Part 10|lacks \(0002,0002\), \(0002,0003\), \(0002,0010\)"):
        read_part10(data)


def test_a_big_object_is_one_valid_data_set() -> None:
    big = BigMultiframe(1_000_000, 2)

    ds = read_dataset(DicomBytesIO(b"".join(big.parts())), is_implicit_VR=False, is_little_endian=True)

    assert (ds.NumberOfFrames, ds.Rows, ds.Columns) == (big.frames, 512, 512) == (2, 512, 512)
    assert len(ds.PixelData) == 2 * 512 * 512 * 2
    assert (ds.SOPInstanceUID, ds.SOPClassUID) == (big.sop_instance_uid, big.sop_class_uid)
