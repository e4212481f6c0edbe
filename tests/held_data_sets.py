"""Data sets in every encoding, of files and built in code, and as the archive would hold them."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydicom import data as pydicom_data

from conformance import oddities
from shared_samples import SAMPLES
from vna.dicom.part10 import find_data_set
from vna.dicom.recipe import cut
from vna.dicom.scan import scan
from vna.dicom.values import StoredDataSet
from vna.errors import CannotUnderstand

_NOT_DATA = {"ABOUT.md", "MANIFEST.csv", "LICENSES"}


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set as it would arrive."""

    name: str
    transfer_syntax: str
    data: bytes


def packaged_files() -> list[Path]:
    """Return the test files that come with pydicom."""
    folder = Path(pydicom_data.__file__).parent
    return sorted(path for path in folder.rglob("*") if path.suffix in (".dcm", "") and path.is_file())


def sample_files() -> list[Path]:
    """Return the samples beside this checkout, none if there are none."""
    return sorted(path for path in SAMPLES.rglob("*") if path.is_file() and not _NOT_DATA & set(path.parts))


def in_file(path: Path) -> DataSet | None:
    """Return the data set of a file; None if it is no DICOM file, or its data set cannot be scanned."""
    data = path.read_bytes()
    try:
        head = find_data_set(data)
        scan(data[head.length :], head.transfer_syntax)
    except CannotUnderstand:
        return None
    return DataSet(path.name, head.transfer_syntax, data[head.length :])


def in_files(paths: Sequence[Path]) -> Iterator[DataSet]:
    """Return the data sets of those files that have one."""
    return (found for found in map(in_file, paths) if found is not None)


@cache
def in_code() -> list[DataSet]:
    """Return data sets of every image and every oddity that `conformance` knows."""
    return [
        DataSet(name, instance.transfer_syntax, instance.data) for name, instance in oddities.every_instance().items()
    ]


def held(data: bytes, transfer_syntax: str) -> StoredDataSet:
    """Return a data set as the archive holds it, its blobs in memory and given out in odd chunks."""
    pieces = cut(scan(data, transfer_syntax), len(data))
    values = [data[value.offset : value.offset + value.length] for value in pieces.bulk]
    digests = [hashlib.sha256(value).hexdigest() for value in values]
    blobs = dict(zip(digests, values, strict=True))
    return StoredDataSet(
        transfer_syntax=transfer_syntax,
        header=pieces.header,
        recipe=pieces.recipe(digests),
        sizes={digest: len(blob) for digest, blob in blobs.items()},
        open_blob=lambda digest: _in_chunks(blobs[digest]),
    )


def _in_chunks(blob: bytes, step: int = 99_991) -> Iterator[bytes]:
    for start in range(0, len(blob), step):
        yield blob[start : start + step]
