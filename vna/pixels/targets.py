"""Which transfer syntaxes an instance can be given in, best first: a table, decided without looking at pixels.

As stored is better than all of these. Then the uncompressed ones, which every peer understands; then the losslessly
compressed ones, for a peer that takes nothing else; of those, the ones that are small, fast and widely read come first.
JPEG 2000 and HTJ2K that may be lossy come last, carrying a lossless stream (PS3.5 10.6, 10.18 leave that to the
sender): nothing is ever compressed with loss here. Not so JPEG XL, whose streams do not show that they are lossless.
"""

from typing import Final

from vna.dicom.encoding import DEFLATED_UID, EXPLICIT_BE_UID, EXPLICIT_LE_UID, IMPLICIT_LE_UID
from vna.dicom.recode import SOURCES
from vna.pixels.codecs import COMPRESSIONS, JPEG_BASELINE_UID, JPEG_XL_RECOMPRESSION_UID

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
