"""Media types of compressed images, and the transfer syntaxes they are kept and given in (PS3.18 table 8.7.3-5)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_J: Final = "1.2.840.10008.1.2.4."

IMAGE_SYNTAXES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "image/jpeg": (_J + "70", _J + "50", _J + "51", _J + "57"),
        "image/jls": (_J + "80", _J + "81"),
        "image/jp2": (_J + "90", _J + "91"),
        "image/jpx": (_J + "92", _J + "93"),
        "image/jphc": (_J + "201", _J + "202", _J + "203"),
        "image/jxl": (_J + "110", _J + "111", _J + "112"),
        "image/dicom-rle": ("1.2.840.10008.1.2.5",),
    }
)
"""By media type; the default syntax of each stands first."""

OLDER_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "image/x-jls": "image/jls",
        "image/x-dicom-rle": "image/dicom-rle",
        "image/dicom+rle": "image/dicom-rle",
        "image/dicom+jpeg": "image/jpeg",
        "image/dicom+jp2": "image/jp2",
    }
)
"""Names of older editions that clients still send, and those of today."""
