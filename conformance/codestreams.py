"""Small images in compressed transfer syntaxes, as streams made once and kept: no codec is needed to send them.

Each is an 8 x 8 grey image of 8 bits. The wedge has the value 9 y + 17 x at row y and column x; mid-grey is 128.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    SecondaryCaptureImageStorage,
)

from conformance.phantoms import describe_pixels, grey_jpeg, new_instance

_WEDGE_JPEG_2000 = bytes.fromhex(
    "ff4fff51002900000000000800000008000000000000000000000008000000080000000000000000"
    "0001070101ff52000c00000001000004040001ff5c00044040ff6400250001437265617465642062"
    "79204f70656e4a5045472076657273696f6e20322e352e34ff90000a0000000000490001ff93df81"
    "c0122b66fc8c4d1351514bdf8c7c34319c637d29de30c8896507ca2d00ab8e539bfda8c6e8f9b590"
    "a268f133bd1975cc881691384359905a4fffd9"
)
"""JPEG 2000, reversible 5/3 wavelet (ITU-T T.800)."""

_WEDGE_JPEG_LS = bytes.fromhex(
    "ffd8fff7000b080008000801011100ffda000801010000000080280500afbadb218310e62901bbb3"
    "33288adb6d9db6da46492491555522aaaeffd9"
)
"""JPEG-LS, lossless (ITU-T T.87)."""

_GREY_JPEG_LOSSLESS = bytes.fromhex(
    "ffd8ffc3000b080008000801011100ffc40014000100000000000000000000000000000000ffda00080101000100000000000000000000ffd9"
)
"""JPEG process 14, first-order prediction (ITU-T T.81): each difference is the single code 0."""

_STREAMS: Mapping[str, bytes] = MappingProxyType(
    {
        JPEGBaseline8Bit: grey_jpeg("check"),
        JPEGLosslessSV1: _GREY_JPEG_LOSSLESS,
        JPEGLSLossless: _WEDGE_JPEG_LS,
        JPEG2000Lossless: _WEDGE_JPEG_2000,
        JPEG2000: _WEDGE_JPEG_2000,
    }
)

SYNTAXES: tuple[str, ...] = tuple(_STREAMS)
"""The transfer syntaxes `compressed_image` knows."""


def compressed_image(transfer_syntax: str, *, study: int) -> Dataset:
    """Return a secondary capture in one of `SYNTAXES`: one fragment, a basic offset table (PS3.5 A.4)."""
    ds = new_instance(SecondaryCaptureImageStorage, "OT", study=study, number=1)
    ds.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    ds.ConversionType = "WSD"
    describe_pixels(ds, np.zeros((8, 8), np.uint8), stored_bits=8)
    ds.LossyImageCompression = "01" if transfer_syntax == JPEGBaseline8Bit else "00"
    ds.PixelData = encapsulate([_STREAMS[transfer_syntax]])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return ds
