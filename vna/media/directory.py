"""Writing a DICOMDIR: the directory of a file-set on interchange media (PS3.10 8.6, PS3.3 Annex F).

    | preamble, File Meta | (0004,1130) ID | (0004,1200) first root record | (0004,1202) last root record
    | (0004,1212) consistency 0000H | (0004,1220) sequence: record, record, ... |

A record is an item that begins with the same elements, so that its offsets can be filled in when all are placed:

    | item head 8 | (0004,1400) next record at +16 | (0004,1410) in use FFFFH | (0004,1420) first below at +38
    | (0004,1430) type | of an instance: (0004,1500) file ID, (0004,1510) to (0004,1512) UIDs | keys ...

Offsets count from the first byte of the preamble (PS3.3 F.3.2.2); 0 is none.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from struct import pack, pack_into
from typing import Final

from pydicom.dataset import Dataset

from vna.archive import HeldInstance
from vna.dicom.encoding import EXPLICIT_LE_UID
from vna.dicom.part10 import OURS, write_part10_head
from vna.media.records import read_keys, record_of, record_type

MEDIA_STORAGE_DIRECTORY: Final = "1.2.840.10008.1.3.10"
"""The SOP Class of a DICOMDIR."""

_NEXT_AT: Final = 16
_LOWER_AT: Final = 38


@dataclass(slots=True)
class _Record:
    """A record without its item head, and the records below it by what tells them apart."""

    order: int
    data: bytes
    below: "dict[str, _Record]" = field(default_factory=dict)
    offset: int = 0

    @property
    def size(self) -> int:
        return 8 + len(self.data)


class MediaDirectory:
    """Collects what a DICOMDIR says, instance by instance, then gives its bytes."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        """Of what was entered."""
        self._patients: dict[str, _Record] = {}
        self._identity = hashlib.sha256()

    def add(self, order: int, path: str, held: HeldInstance, start: bytes) -> None:
        """Enter an instance.

        Args:
            order: its number in the export, which is the order of records too; instances may come in any.
            path: its place in the file-set: folders of patient, study and series, and its name.
            start: the beginning of its file.
        """
        self.paths.add(path)
        found = read_keys(start, held.transfer_syntax)
        *_, patient_folder, study, series, name = components = path.split("/")
        patient_id = {} if found.get("PatientID") else {"PatientID": patient_folder}
        key, level = held.key, self._patients
        for folder, kind, given in (
            (patient_folder, "PATIENT", patient_id),
            (study, "STUDY", {"StudyInstanceUID": key.study}),
            (series, "SERIES", {"SeriesInstanceUID": key.series}),
        ):
            if folder not in level:
                level[folder] = _Record(order, _start(kind) + record_of(kind, found, given))
            level[folder].order = min(order, level[folder].order)
            level = level[folder].below
        level[name] = _Record(order, _instance_record(components, held, found))
        self._identity.update(path.encode() + bytes.fromhex(held.digest))

    def to_bytes(self) -> bytes:
        """Return the DICOMDIR."""
        uid = f"2.25.{int.from_bytes(self._identity.digest()[:15], 'big')}"
        head = write_part10_head(MEDIA_STORAGE_DIRECTORY, uid, EXPLICIT_LE_UID, OURS)
        fixed = len(head) + len(_root(0, 0, 0))
        records = list(_in_order(self._patients))
        end = fixed
        for record in records:
            record.offset, end = end, end + record.size
        roots = _ordered(self._patients)
        first, last = (roots[0].offset, roots[-1].offset) if roots else (0, 0)
        linked = _linked(self._patients)
        items = (_item(record, linked.get(id(record), 0)) for record in records)
        return b"".join((head, _root(first, last, end - fixed), *items))


def _instance_record(components: list[str], held: HeldInstance, found: Dataset) -> bytes:
    kind = record_type(held.sop_class_uid)
    uids = ((0x1510, held.sop_class_uid), (0x1511, held.key.instance), (0x1512, held.transfer_syntax))
    referenced = b"".join(_element(number, b"UI", uid) for number, uid in uids)
    return _start(kind) + _element(0x1500, b"CS", "\\".join(components)) + referenced + record_of(kind, found, {})


def _start(kind: str) -> bytes:
    """Return the first elements of a record, without offsets yet."""
    offset = pack("<HH2sHI", 0x0004, 0x1400, b"UL", 4, 0)
    in_use = pack("<HH2sHH", 0x0004, 0x1410, b"US", 2, 0xFFFF)
    lower = pack("<HH2sHI", 0x0004, 0x1420, b"UL", 4, 0)
    return offset + in_use + lower + _element(0x1430, b"CS", kind)


def _root(first: int, last: int, length: int) -> bytes:
    """Return all before the first record."""
    return b"".join(
        (
            _element(0x1130, b"CS", ""),
            pack("<HH2sHI", 0x0004, 0x1200, b"UL", 4, first),
            pack("<HH2sHI", 0x0004, 0x1202, b"UL", 4, last),
            pack("<HH2sHH", 0x0004, 0x1212, b"US", 2, 0),
            pack("<HH2sHI", 0x0004, 0x1220, b"SQ", 0, length),
        )
    )


def _element(number: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii")
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    return pack("<HH2sH", 0x0004, number, vr, len(value)) + value


def _ordered(level: Mapping[str, _Record]) -> list[_Record]:
    return sorted(level.values(), key=lambda record: record.order)


def _in_order(level: Mapping[str, _Record]) -> Iterator[_Record]:
    """Yield records depth first: each before what is below it."""
    for record in _ordered(level):
        yield record
        yield from _in_order(record.below)


def _linked(level: Mapping[str, _Record]) -> dict[int, int]:
    """Return the offset of the next record beside each, by identity."""
    records = _ordered(level)
    links = {id(one): after.offset for one, after in pairwise(records)}
    for record in records:
        links |= _linked(record.below)
    return links


def _item(record: _Record, following: int) -> bytes:
    item = bytearray(pack("<HHI", 0xFFFE, 0xE000, len(record.data)) + record.data)
    lower = _ordered(record.below)[0].offset if record.below else 0
    pack_into("<I", item, _NEXT_AT, following)
    pack_into("<I", item, _LOWER_AT, lower)
    return bytes(item)
