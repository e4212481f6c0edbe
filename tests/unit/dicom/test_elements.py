import pytest

from vna.dicom import elements
from vna.dicom.encoding import EXPLICIT_LE_UID, PIXEL_DATA
from vna.dicom.scan import scan
from vna.errors import CannotUnderstand

JPEG = "1.2.840.10008.1.2.4.50"
PIXELS = b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff"
SEQUENCE = b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff"
EMPTY_ITEM = b"\xfe\xff\x00\xe0\x00\x00\x00\x00"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
OPEN_ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
ITEM_END = b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"


@pytest.mark.parametrize("end", [SEQUENCE_END, b""])
def test_fragments_are_counted(monkeypatch: pytest.MonkeyPatch, end: bytes) -> None:
    """Millions of empty ones in a few megabytes would take gigabytes to list."""
    monkeypatch.setattr(elements, "MAX_FRAGMENTS", 10)

    assert scan(PIXELS + EMPTY_ITEM * 11 + end, JPEG).elements[PIXEL_DATA].length == 88
    with pytest.raises(CannotUnderstand, match="more than 10 fragments"):
        scan(PIXELS + EMPTY_ITEM * 12 + end, JPEG)


def test_what_is_in_a_sequence_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "MAX_TOKENS", 20)
    item = OPEN_ITEM + ITEM_END

    assert scan(SEQUENCE + item * 9 + SEQUENCE_END, EXPLICIT_LE_UID).elements
    with pytest.raises(CannotUnderstand, match="more than 20 elements"):
        scan(SEQUENCE + item * 10 + SEQUENCE_END, EXPLICIT_LE_UID)


def test_fragments_are_no_items_of_a_sequence() -> None:
    found = scan(PIXELS + EMPTY_ITEM * 2 + SEQUENCE_END, JPEG)

    assert found.items(PIXEL_DATA) == []
    assert found.elements[PIXEL_DATA].vr == "OB"
