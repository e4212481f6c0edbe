"""What a data set may not hold although it can be read: parts of a file, pixels in a form not agreed on, too much.

Asked of what arrives, not of what is held: nothing that was taken once is refused when it is read again.
"""

from typing import Final

from vna.dicom.encoding import DEFLATED_UID, ENCAPSULATED_UNCOMPRESSED_UID, PIXEL_DATA, tag_text
from vna.dicom.scan import Scan
from vna.dicom.supported import TRANSFER_SYNTAXES, SyntaxGroup
from vna.errors import CannotUnderstand

MAX_HEADER: Final = 64 * 2**20
"""Bytes of a data set that are no bulk: they are handled in memory. Ten thousand frames with groups have 20 MB."""

_FILE_META: Final = range(0x00020000, 0x00030000)
_NATIVE: Final = frozenset(uid for uid, group in TRANSFER_SYNTAXES.items() if group is SyntaxGroup.UNCOMPRESSED) - {
    ENCAPSULATED_UNCOMPRESSED_UID
} | {DEFLATED_UID}
"""Transfer syntaxes in which Pixel Data has a length and no fragments (PS3.5 8.2, A.1 to A.5)."""


def check_admissible(scan: Scan) -> None:
    """Refuse a data set that nobody could use as what it says it is.

    Raises:
        CannotUnderstand: it holds elements of group 0002, which stand in files before the data set and nowhere
            else (PS3.10 7.1), so that a file made of it would have two heads; or encapsulated Pixel Data in a
            transfer syntax that has none (PS3.5 A.1, A.2), so that nobody could tell how it is compressed; or more
            than `MAX_HEADER` beside its bulk values.
    """
    header = len(scan.buffer) - sum(value.length for value in scan.bulk)
    if header > MAX_HEADER:
        raise CannotUnderstand(f"{header >> 20} MiB beside bulk values, {MAX_HEADER >> 20} MiB is the limit")
    first = min(scan.elements, default=0)
    if first in _FILE_META:
        raise CannotUnderstand(f"{tag_text(first)} is File Meta Information and does not belong into a data set")
    pixels = scan.elements.get(PIXEL_DATA)
    if pixels is not None and pixels.undefined and scan.transfer_syntax in _NATIVE:
        raise CannotUnderstand("encapsulated Pixel Data in a transfer syntax that is not compressed")
