import struct

import pytest

from vna.dicom import admissible
from vna.dicom.admissible import check_admissible
from vna.dicom.encoding import DEFLATED_UID, EXPLICIT_BE_UID, EXPLICIT_LE_UID, IMPLICIT_LE_UID
from vna.dicom.scan import scan
from vna.errors import CannotUnderstand

JPEG, ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.1.98"
NAME = b"\x10\x00\x10\x00PN\x04\x00A^B "
META = b"\x02\x00\x10\x00UI\x04\x001.2\0"
PIXELS = b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff"
ITEMS = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x02\0\0\0ab\xfe\xff\xdd\xe0\0\0\0\0"


@pytest.mark.parametrize("data", [META + NAME, NAME + META])
def test_file_meta_information_is_no_part_of_a_data_set(data: bytes) -> None:
    """PS3.10 7.1; a file made of it would have two heads."""
    with pytest.raises(CannotUnderstand, match=r"\(0002,0010\) is File Meta Information"):
        check_admissible(scan(data, EXPLICIT_LE_UID))


@pytest.mark.parametrize("syntax", [EXPLICIT_LE_UID, IMPLICIT_LE_UID])
def test_encapsulated_pixels_need_a_syntax_that_has_them(syntax: str) -> None:
    """PS3.5 A.1 and A.2: Pixel Data is native there."""
    with pytest.raises(CannotUnderstand, match="encapsulated Pixel Data"):
        check_admissible(scan(NAME + PIXELS + ITEMS, syntax))


@pytest.mark.parametrize("syntax", [JPEG, ENCAPSULATED_UNCOMPRESSED, "1.2.3.4"])
def test_encapsulated_pixels_are_fine_where_they_belong(syntax: str) -> None:
    check_admissible(scan(NAME + PIXELS + ITEMS, syntax))


def test_native_and_empty_data_sets_are_fine() -> None:
    native = struct.pack(">HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 2) + b"ab"

    check_admissible(scan(native, EXPLICIT_BE_UID))
    check_admissible(scan(b"", EXPLICIT_LE_UID))
    check_admissible(scan(b"\x03\x00", DEFLATED_UID))


def test_what_is_no_bulk_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admissible, "MAX_HEADER", 3000)
    private = b"\x11\x00\x01\x10OB\x00\x00" + struct.pack("<I", 2000) + bytes(2000)
    bulk = b"\x11\x00\x02\x10OB\x00\x00" + struct.pack("<I", 300_000) + bytes(300_000)

    check_admissible(scan(private + bulk, EXPLICIT_LE_UID))
    with pytest.raises(CannotUnderstand, match="beside bulk values"):
        check_admissible(scan(private + private, EXPLICIT_LE_UID))
