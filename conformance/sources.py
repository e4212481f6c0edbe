"""Where a load comes from: descriptions of many instances, small enough to hand to another process.

Each process of a load makes or reads its own share; a share is every `parts`-th instance.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from pydicom.uid import ExplicitVRLittleEndian, MultiFrameGrayscaleWordSecondaryCaptureImageStorage

from conformance import phantoms
from conformance.corpus import Instance, ct_instances, small_studies

_FRAME_SIDE = 512
_FRAME_BYTES = _FRAME_SIDE * _FRAME_SIDE * 2


class Source(Protocol):
    """Many instances."""

    def share(self, part: int, parts: int) -> Iterator[Instance]:
        """Yield the instances of one process out of `parts`, counted from 0."""
        ...


@dataclass(frozen=True, slots=True)
class CtSlices:
    """`n` CT slices from number `first` on; see `corpus.ct_instances`."""

    n: int
    first: int = 0
    label: str = "corpus"
    size: int = 512

    def share(self, part: int, parts: int) -> Iterator[Instance]:
        """Yield a run of consecutive slices, so that studies are not spread over processes."""
        size = -(-self.n // parts)
        mine = max(0, min(size, self.n - part * size))
        return ct_instances(mine, first=self.first + part * size, label=self.label, size=self.size)


@dataclass(frozen=True, slots=True)
class SmallStudies:
    """`n` studies of one tiny instance from number `first` on; see `corpus.small_studies`."""

    n: int
    first: int = 0

    def share(self, part: int, parts: int) -> Iterator[Instance]:
        """Yield a run of consecutive studies."""
        size = -(-self.n // parts)
        return small_studies(max(0, min(size, self.n - part * size)), first=self.first + part * size)


@dataclass(frozen=True, slots=True)
class Part10Files:
    """The DICOM files under a folder, in the order of their paths, at most `limit` of them."""

    folder: Path
    limit: int | None = None

    def share(self, part: int, parts: int) -> Iterator[Instance]:
        """Yield every `parts`-th file."""
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return (read_part10(path.read_bytes()) for path in islice(paths[: self.limit], part, None, parts))


@dataclass(frozen=True, slots=True)
class BigMultiframe:
    """A multi-frame image of at least `size` bytes, made while it is sent: never whole in memory."""

    size: int
    number: int = 0

    sop_class_uid = str(MultiFrameGrayscaleWordSecondaryCaptureImageStorage)
    transfer_syntax = str(ExplicitVRLittleEndian)

    @property
    def sop_instance_uid(self) -> str:
        """Return its SOP Instance UID, by its number."""
        return str(phantoms.uid("big", self.size, self.number))

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return -(-self.size // _FRAME_BYTES)

    def header(self) -> bytes:
        """Return the data set up to the first byte of the pixels."""
        uid = phantoms.uid("big", self.size, self.number)
        ds = phantoms.new_instance(
            MultiFrameGrayscaleWordSecondaryCaptureImageStorage, "OT", study=90_000 + self.number, number=1
        )
        ds.SOPInstanceUID, ds.NumberOfFrames, ds.ConversionType = uid, self.frames, "WSD"
        ds.StudyInstanceUID, ds.SeriesInstanceUID = phantoms.uid("big study", uid), phantoms.uid("big series", uid)
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.Rows = ds.Columns = _FRAME_SIDE
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        head = struct.pack("<HH2sxxI", 0x7FE0, 0x0010, b"OW", self.frames * _FRAME_BYTES)
        return phantoms.data_set_bytes(ds) + head

    def parts(self) -> Iterator[bytes]:
        """Yield the header, then one frame at a time: 16 chests in turn, each time brighter by one."""
        yield self.header()
        chests = [phantoms.chest(100 * self.number + n) for n in range(16)]
        for frame in range(self.frames):
            yield (chests[frame % 16] + np.int16(frame // 16)).tobytes()


def read_part10(data: bytes) -> Instance:
    """Return the instance of a Part 10 file, its data set exactly as it stands there.

    The File Meta Information is walked element by element, because its group length is not always right.

    Raises:
        ValueError: there is no DICM prefix, or the File Meta Information lacks what names the instance.
    """
    if data[128:132] != b"DICM":
        raise ValueError("not a Part 10 file: no DICM prefix")
    meta: dict[int, str] = {}
    at = 132
    while data[at : at + 2] == b"\2\0":
        element, vr = struct.unpack_from("<H2s", data, at + 2)
        head, length = (12, "<I") if vr in (b"OB", b"UN") else (8, "<H")
        (size,) = struct.unpack_from(length, data, at + head - struct.calcsize(length))
        meta[element] = data[at + head : at + head + size].decode("latin-1").rstrip("\0 ")
        at += head + size
    missing = [n for n in (0x0002, 0x0003, 0x0010) if not meta.get(n)]
    if missing:
        raise ValueError(f"File Meta Information lacks {', '.join(f'(0002,{n:04X})' for n in missing)}")
    return Instance(meta[0x0002], meta[0x0003], meta[0x0010], data[at:])
