"""Reading a DICOMDIR (PS3.10 8.6, PS3.3 Annex F): which files it names.

Its records form a tree by byte offsets, but they all lie in one sequence; taking that as a list finds
the same files, also where a careless program has moved records without mending the offsets. Records out
of use (0004,1410) are left out.

Names are looked up as people mount media: as they are, else in lower case, else with the version number
";1" of ISO 9660.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vna.archive import HeldInstance
from vna.dicom.describe import text_of
from vna.dicom.elements import Element
from vna.dicom.part10 import find_data_set
from vna.dicom.scan import Scan, scan
from vna.errors import CannotUnderstand
from vna.media import is_media_path, read_keys
from vna.model import InstanceKey, InstanceUID, SeriesUID, StudyUID

_DIRECTORY_RECORD_SEQUENCE: Final = 0x00041220
_RECORD_IN_USE: Final = 0x00041410
_REFERENCED_FILE_ID: Final = 0x00041500
_OUT_OF_USE: Final = "0"
_START_BYTES: Final = 2**20
DICOMDIR: Final = "DICOMDIR"


def read_dicomdir(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield the file IDs a DICOMDIR names, each as its components, in the order of the records.

    Raises:
        CannotUnderstand: it is no DICOMDIR, or damaged.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    head = find_data_set(data)
    scanned = scan(memoryview(data)[head.length :], head.transfer_syntax)
    if _DIRECTORY_RECORD_SEQUENCE not in scanned.elements:
        raise CannotUnderstand("no directory records (0004,1220)")
    for record in scanned.items(_DIRECTORY_RECORD_SEQUENCE):
        file_id = _text(scanned, record, _REFERENCED_FILE_ID, "CS")
        if file_id and _text(scanned, record, _RECORD_IN_USE, "US") != _OUT_OF_USE:
            yield tuple(component.strip() for component in file_id.split("\\"))


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of a file-set that an earlier export made: which instance it holds, and how it begins."""

    held: HeldInstance
    start: bytes


def listed_paths(folder: Path) -> list[str]:
    """Return the files that the DICOMDIR in a folder lists and that are there; none where there is no DICOMDIR.

    Raises:
        CannotUnderstand: it is damaged, or no export's, with other names for its files.
        OSError: it cannot be read.
    """
    if not (folder / DICOMDIR).exists():
        return []
    found = ["/".join(file_id) for file_id in read_dicomdir(folder / DICOMDIR)]
    strange = next((path for path in found if not is_media_path(path)), None)
    if strange is not None:
        raise CannotUnderstand(f"it lists {strange}, which no export made")
    return [path for path in found if (folder / path).is_file()]


def listed_file(folder: Path, path: str) -> ListedFile:
    """Return a file of a file-set.

    Raises:
        CannotUnderstand: it is no DICOM file.
        OSError: it cannot be read.
    """
    with (folder / path).open("rb") as opened:
        start = opened.read(_START_BYTES)
    head = find_data_set(start)
    keys = read_keys(start, head.transfer_syntax)
    key = InstanceKey(
        StudyUID(str(keys.get("StudyInstanceUID", ""))),
        SeriesUID(str(keys.get("SeriesInstanceUID", ""))),
        InstanceUID(head.sop_instance_uid or ""),
    )
    digest = hashlib.sha256(start).hexdigest()
    return ListedFile(HeldInstance(0, key, head.sop_class_uid or "", head.transfer_syntax, 0, 1, digest), start)


def locate(folder: Path, file_id: tuple[str, ...]) -> Path:
    """Return where a file of the file-set lies; `folder` is that of its DICOMDIR.

    Raises:
        CannotUnderstand: the file ID leads out of the folder.
        FileNotFoundError: there is no such file.
    """
    if any(component in ("", ".", "..") or "/" in component or "\0" in component for component in file_id):
        raise CannotUnderstand("the file ID is no path below the DICOMDIR (PS3.10 8.2)")
    found = folder
    for component in file_id:
        found = found / component if (found / component).exists() else _alike(found, component)
    return found


def _alike(folder: Path, component: str) -> Path:
    """Return the entry of a folder that is called like a component but for what mounting makes of names."""
    for entry in sorted(folder.iterdir()):
        if entry.name.partition(";")[0].rstrip(".").casefold() == component.rstrip(".").casefold():
            return entry
    raise FileNotFoundError(folder / component)


def _text(scanned: Scan, record: Mapping[int, Element], tag: int, vr: str) -> str:
    element = record.get(tag)
    return text_of(scanned, element, vr, charset="") if element else ""
