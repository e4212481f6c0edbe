"""File-sets on interchange media (PS3.10 8): the names of files, and the DICOMDIR that lists them."""

from vna.media.directory import MEDIA_STORAGE_DIRECTORY, MediaDirectory
from vna.media.names import PATIENT_KEYWORDS, media_path, patient_identity

__all__ = ["MEDIA_STORAGE_DIRECTORY", "PATIENT_KEYWORDS", "MediaDirectory", "media_path", "patient_identity"]
