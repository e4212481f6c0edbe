"""File-sets on interchange media (PS3.10 8): names of files, the DICOMDIR that lists them, ZIP files of them."""

from vna.media.directory import MEDIA_STORAGE_DIRECTORY, MediaDirectory
from vna.media.names import PATIENT_KEYWORDS, is_media_path, media_path, patient_identity
from vna.media.records import read_keys
from vna.media.zipping import ZipStream

__all__ = [
    "MEDIA_STORAGE_DIRECTORY",
    "PATIENT_KEYWORDS",
    "MediaDirectory",
    "ZipStream",
    "is_media_path",
    "media_path",
    "patient_identity",
    "read_keys",
]
