"""Which library decodes and encodes which compression, and why; which transfer syntax is which compression.

Chosen by decoding every compressed file of pydicom's, pylibjpeg's and fo-dicom's test data with each candidate
(imagecodecs, pylibjpeg with its plug-ins, GDCM, pyjpegls) and comparing the samples; times are of a 512 x 512 CT slice.

| compression    | decoder                   | encoder             | why  |
|----------------|---------------------------|---------------------|------|
| JPEG           | imagecodecs libjpeg-turbo | the same            | 1    |
| JPEG-LS        | imagecodecs CharLS        | pyjpegls CharLS     | 2    |
| JPEG 2000      | imagecodecs OpenJPEG      | the same            | 3    |
| HTJ2K          | imagecodecs OpenJPEG      | imagecodecs OpenJPH | 4    |
| JPEG XL        | imagecodecs libjxl        | the same            | 5    |
| RLE            | pylibjpeg-rle             | the same            | 6    |
| deflated frame | zlib                      | the same            | 7    |

1. The only one that decodes all samples: 12 bits too, where GDCM cannot and pylibjpeg failed on two of three; lossless
   of 2 to 16 bits, in 3 ms against 8 of jpegsof3. It fills up what is cut short, so `streams` looks for the end.
2. All agree but GDCM, which refuses 6 and 7 bits. pyjpegls takes Bits Stored as precision, imagecodecs does not.
3. All agree. Bits Stored, signed samples and the colour transform can be asked for.
4. imagecodecs' OpenJPH does not clip lossy samples: 657 were wrong in one image, against OpenJPH's own program.
   OpenJPEG reads HTJ2K and does not write it.
5. libjxl is the reference, and gives the JPEG stream of a recompression back bit for bit.
6. The same as pydicom's own decoder, a hundred times faster.
7. Raw deflate of one frame (PS3.5 A.4.13).

pylibjpeg-libjpeg is under the GPL, and GDCM is what brings servers down that decode in their own process.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

_J: Final = "1.2.840.10008.1.2.4."


class Compression(Enum):
    """How the frames of a transfer syntax are compressed."""

    JPEG = "JPEG"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    HTJ2K = "HTJ2K"
    JPEG_XL = "JPEG XL"
    RLE = "RLE"
    DEFLATED = "deflate"


JPEG_BASELINE_UID: Final = _J + "50"
JPEG_XL_RECOMPRESSION_UID: Final = _J + "111"
HTJ2K_RPCL_UID: Final = _J + "202"

COMPRESSIONS: Final[Mapping[str, Compression]] = MappingProxyType(
    {
        **dict.fromkeys((_J + process for process in ("50", "51", "53", "55", "57", "70")), Compression.JPEG),
        **dict.fromkeys((_J + "80", _J + "81"), Compression.JPEG_LS),
        **dict.fromkeys((_J + "90", _J + "91"), Compression.JPEG_2000),
        **dict.fromkeys((_J + "201", _J + "202", _J + "203"), Compression.HTJ2K),
        **dict.fromkeys((_J + "110", _J + "111", _J + "112"), Compression.JPEG_XL),
        "1.2.840.10008.1.2.5": Compression.RLE,
        "1.2.840.10008.1.2.8.1": Compression.DEFLATED,
    }
)
"""The transfer syntaxes whose frames can be decoded. Hierarchical and arithmetic JPEG are retired, and no library
reads them; multi-component JPEG 2000 Part 2 (92, 93) nobody writes; video and references (JPIP) have no frames here."""

ALWAYS_LOSSY: Final = frozenset(_J + process for process in ("50", "51", "53", "55", "111"))
"""Their pixels have been through a lossy compression, whatever the attributes say."""

MAYBE_LOSSY: Final = frozenset(_J + process for process in ("81", "91", "203", "112"))
"""Lossless streams occur here too."""

LOSSY_METHODS: Final[Mapping[Compression, str]] = MappingProxyType(
    {
        Compression.JPEG: "ISO_10918_1",
        Compression.JPEG_LS: "ISO_14495_1",
        Compression.JPEG_2000: "ISO_15444_1",
        Compression.HTJ2K: "ISO_15444_15",
        Compression.JPEG_XL: "ISO_18181_1",
    }
)
"""Defined Terms of Lossy Image Compression Method (0028,2114), PS3.3 C.7.6.1.1.5.1."""


def lossy_method(transfer_syntax: str) -> str:
    """Return the Defined Term for what a lossy transfer syntax did to the pixels; of a recompressed JPEG, JPEG."""
    if transfer_syntax == JPEG_XL_RECOMPRESSION_UID:
        return LOSSY_METHODS[Compression.JPEG]
    return LOSSY_METHODS[COMPRESSIONS[transfer_syntax]]
