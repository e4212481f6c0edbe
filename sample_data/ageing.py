"""Ageing: copies of the collection in which everything happened years earlier, for what takes decades to show."""

from collections.abc import Iterator
from pathlib import Path

from pydicom import DataElement, Dataset, dcmread

_SHORTEST = 8
"""Characters of a full date, which DA and DT values begin with (PS3.5 6.2)."""


def age(collection: Path, target: Path, *, years: int) -> Iterator[Path]:
    """Write every file below a folder to another one with its dates put back by a number of years; yield each.

    A 29 February becomes the 28th. UIDs stay as they are, so that only one of the two collections may be stored.
    """
    for path in sorted(collection.rglob("*.dcm")):
        dataset = dcmread(path)
        dataset.walk(lambda _, element: _put_back(element, years))
        written = target / path.relative_to(collection)
        written.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(written, enforce_file_format=True)
        yield written


def dates_of(folder: Path) -> Iterator[tuple[Dataset, str]]:
    """Yield the head of one file of each study below a folder, with its Study Date as ISO 8601."""
    seen = set()
    for path in sorted(folder.rglob("*.dcm")):
        dataset = dcmread(path, stop_before_pixels=True)
        if dataset.StudyInstanceUID not in seen:
            seen.add(dataset.StudyInstanceUID)
            day = str(dataset.StudyDate)
            yield dataset, f"{day[:4]}-{day[4:6]}-{day[6:]}"


def _put_back(element: DataElement, years: int) -> None:
    if element.VR not in ("DA", "DT") or not element.value:
        return
    if element.VM > 1:
        element.value = [_earlier(str(value), years) for value in element.value]
    else:
        element.value = _earlier(str(element.value), years)


def _earlier(value: str, years: int) -> str:
    if len(value) < _SHORTEST or not value[:_SHORTEST].isdecimal():
        return value
    day = "28" if value[4:8] == "0229" else value[6:8]
    return f"{int(value[:4]) - years:04}{value[4:6]}{day}{value[8:]}"
