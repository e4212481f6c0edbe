"""Names that PS3.10 8.2 and 8.5 allow on interchange media: components of up to eight of A-Z, 0-9 and _.

They are made from the identities of patient, study, series and instance, so they are the same in every file-set.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from vna.dicom.describe import Value
from vna.model import InstanceKey

PATIENT_KEYWORDS: Final = ("PatientID", "IssuerOfPatientID", "PatientName")
"""The attributes that `patient_identity` is made from."""

_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MEDIA_PATH: Final = re.compile(r"DICOM/P[0-9A-Z]{7}/S[0-9A-Z]{7}/E[0-9A-Z]{7}/I[0-9A-Z]{7}")


def media_path(patient: tuple[str, ...], key: InstanceKey, number: int = 1) -> str:
    """Return where an instance goes, with `/` between the components.

    Args:
        patient: what tells the patient apart, of `patient_identity`.
        key: the instance.
        number: another one for each instance that would have the same path.
    """
    folders = [_short("P", *patient), _short("S", key.study), _short("E", key.study, key.series)]
    return "/".join(("DICOM", *folders, _short("I", key.study, key.series, key.instance, str(number))))


def is_media_path(path: str) -> bool:
    """Return whether a path is one that `media_path` gives."""
    return _MEDIA_PATH.fullmatch(path) is not None


def patient_identity(values: Mapping[str, Value]) -> tuple[str, ...]:
    """Return what tells patients apart: their ID and who issued it, or a name where there is no ID."""
    patient_id, issuer, name = (str(values.get(keyword, "")) for keyword in PATIENT_KEYWORDS)
    return (patient_id, issuer) if patient_id else ("", issuer, name)


def _short(letter: str, *identity: str) -> str:
    """Return a letter and seven characters that stand for an identity."""
    number = int.from_bytes(hashlib.sha256("\0".join(identity).encode()).digest()[:8], "big")
    characters = ""
    for _ in range(7):
        number, digit = divmod(number, len(_LETTERS))
        characters += _LETTERS[digit]
    return letter + characters
