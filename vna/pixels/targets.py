"""Which transfer syntaxes an instance can be given in, best first: a table, and what a header says against it.

As stored is better than all of these. Then the uncompressed ones, which every peer understands; then the losslessly
compressed ones, for a peer that takes nothing else; of those, the ones that are small, fast and widely read come first.
JPEG 2000 and HTJ2K that may be lossy come last, carrying a lossless stream (PS3.5 10.6, 10.18 leave that to the
sender): nothing is ever compressed with loss here. Not so JPEG XL, whose streams do not show that they are lossless.
"""

from typing import Final

from vna.dicom.encoding import (
    DEFLATED_UID,
    DOUBLE_FLOAT_PIXEL_DATA,
    EXPLICIT_BE_UID,
    EXPLICIT_LE_UID,
    FLOAT_PIXEL_DATA,
    IMPLICIT_LE_UID,
    PIXEL_DATA,
)
from vna.dicom.recode import SOURCES
from vna.dicom.values import Bulk, StoredDataSet, Value, inflated, read_some
from vna.errors import CannotConvert
from vna.pixels.attributes import IMAGE_TAGS, image_of
from vna.pixels.codecs import COMPRESSIONS, JPEG_BASELINE_UID, JPEG_XL_RECOMPRESSION_UID
from vna.pixels.encodable import obstacle

FLOATING: Final = (FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA)
NEVER_FLOATING: Final = "floating point pixel data is never compressed"

UNCOMPRESSED: Final = (EXPLICIT_LE_UID, IMPLICIT_LE_UID, DEFLATED_UID, EXPLICIT_BE_UID)

_J: Final = "1.2.840.10008.1.2.4."

LOSSLESS: Final = (
    _J + "80",  # JPEG-LS Lossless
    _J + "70",  # JPEG Lossless, first-order prediction
    _J + "90",  # JPEG 2000 Lossless
    _J + "201",  # HTJ2K Lossless
    _J + "202",  # HTJ2K Lossless RPCL
    "1.2.840.10008.1.2.5",  # RLE Lossless
    _J + "57",  # JPEG Lossless, of which first-order prediction is one
    _J + "110",  # JPEG XL Lossless
    "1.2.840.10008.1.2.8.1",  # Deflated Image Frame
)
"""What frames can be compressed in, by the syntaxes that are nothing but lossless."""

_MAYBE_LOSSLESS: Final = (
    _J + "91",  # JPEG 2000
    _J + "203",  # HTJ2K
)

RECOMPRESSIONS: Final = {
    JPEG_XL_RECOMPRESSION_UID: JPEG_BASELINE_UID,
    JPEG_BASELINE_UID: JPEG_XL_RECOMPRESSION_UID,
}
"""Between these the JPEG stream itself is kept, bit for bit (PS3.5 8.2.15)."""


def targets_of(transfer_syntax: str) -> tuple[str, ...]:
    """Return what instances stored in a transfer syntax can be converted to, best first; nothing if they cannot be."""
    if transfer_syntax not in SOURCES and transfer_syntax not in COMPRESSIONS:
        return ()
    recompressed = RECOMPRESSIONS.get(transfer_syntax)
    last = (recompressed,) if recompressed else ()
    return tuple(uid for uid in (*UNCOMPRESSED, *LOSSLESS, *_MAYBE_LOSSLESS, *last) if uid != transfer_syntax)


def obstacle_of(stored: StoredDataSet, transfer_syntax: str) -> str:
    """Return why a data set cannot be given in a transfer syntax by what its header says, empty if nothing says so."""
    if transfer_syntax not in targets_of(stored.transfer_syntax):
        return f"{stored.transfer_syntax} cannot be given as {transfer_syntax}"
    if transfer_syntax not in COMPRESSIONS:
        return ""
    values: dict[int, bytes] = {}
    for token in read_some(inflated(stored), (*IMAGE_TAGS, PIXEL_DATA, *FLOATING)):
        if not isinstance(token, Value | Bulk):
            continue
        if token.tag in FLOATING:
            return NEVER_FLOATING
        if token.tag == PIXEL_DATA:
            return "" if token.fragments else _native_obstacle(values, transfer_syntax)
        if isinstance(token, Value):
            values[token.tag] = token.data
    return ""


def _native_obstacle(values: dict[int, bytes], transfer_syntax: str) -> str:
    try:
        return obstacle(image_of(values), transfer_syntax)
    except CannotConvert as exc:
        return str(exc)
