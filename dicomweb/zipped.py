"""Studies and series as one ZIP file with a DICOMDIR, written while it is sent (PS3.18 8.7.3.1, PS3.10 8).

Members are not compressed: it would cost more time than it saves on the way, and compressed pixels do not shrink.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Final
from zipfile import ZipFile, ZipInfo

from starlette.requests import Request
from starlette.responses import Response

from dicomweb.files import Chosen, file_chunks, file_size
from dicomweb.negotiation import ZIP
from dicomweb.resources import scope_of
from dicomweb.services import Services, service_url
from vna.archive import DataSet, HeldInstance
from vna.dicom.attributes import Level, Model
from vna.dicom.matching import Matcher, SingleValue, Universal
from vna.dicom.query import Query
from vna.media import PATIENT_KEYWORDS, MediaDirectory, media_path, patient_identity
from vna.web.conditional import not_modified
from vna.web.streaming import Chunk, Streamed

_START_BYTES: Final = 256 * 1024
"""So much of a file is looked at for the DICOMDIR."""

_ZIP64_FROM: Final = 2**31 - 1
_READABLE: Final = 0o100640 << 16


def zip_answer(request: Request, services: Services, chosen: Chosen) -> Response:
    """Answer with a ZIP file of the instances chosen."""
    root = service_url(request)
    etag = chosen.tag(ZIP)
    if unchanged := not_modified(request, etag):
        return unchanged
    data_sets = chosen.data_sets(services)
    first = next(data_sets)
    scope = scope_of(request)
    name = scope.instance or scope.series or scope.study
    headers = chosen.headers(root, etag) | {"Content-Disposition": f'attachment; filename="{name}.zip"'}
    chunks = _zip(first, data_sets, _patient(services, scope.study))
    return Streamed(chunks, status_code=chosen.status, headers=headers, media_type=ZIP)


def _patient(services: Services, study: str) -> tuple[str, ...]:
    keys: dict[str, Matcher] = {keyword: Universal() for keyword in PATIENT_KEYWORDS}
    keys["StudyInstanceUID"] = SingleValue(study)
    found = services.archive.find(Query(Level.STUDY, Model.STUDY_ROOT, keys, relational=True))
    return patient_identity(next(found, {}))


class _Sink:
    """Where ZipFile writes to; it is emptied as it fills."""

    def __init__(self) -> None:
        self._written: list[Chunk] = []

    def write(self, data: Chunk) -> int:
        self._written.append(data)
        return len(data)

    def flush(self) -> None:
        """Have nothing to do."""

    def close(self) -> None:
        """Have nothing to do."""

    def taken(self) -> list[Chunk]:
        written, self._written = self._written, []
        return written


def _zip(
    first: tuple[HeldInstance, DataSet], others: Iterator[tuple[HeldInstance, DataSet]], patient: tuple[str, ...]
) -> Iterator[Chunk]:
    """Give a ZIP file piece by piece."""
    sink, directory = _Sink(), MediaDirectory()
    taken: set[str] = set()
    with ZipFile(sink, "w") as zipped:
        for order, (held, data_set) in enumerate(_all(first, others)):
            paths = (media_path(patient, held.key, number) for number in count(1))
            path = next(path for path in paths if path not in taken)
            taken.add(path)
            start = bytearray()
            size = file_size(data_set)
            info = _info(path, size)
            with zipped.open(info, "w", force_zip64=size is None or size > _ZIP64_FROM) as member:
                for chunk in file_chunks(data_set):
                    start += chunk[: _START_BYTES - len(start)]
                    member.write(chunk)
                    yield from sink.taken()
            directory.add(order, path, replace(held, transfer_syntax=data_set.transfer_syntax), bytes(start))
        zipped.writestr(_info("DICOMDIR"), directory.to_bytes())
    yield from sink.taken()


def _all(
    first: tuple[HeldInstance, DataSet], others: Iterator[tuple[HeldInstance, DataSet]]
) -> Iterator[tuple[HeldInstance, DataSet]]:
    yield first
    yield from others


def _info(path: str, size: int | None = None) -> ZipInfo:
    info = ZipInfo(path)
    info.external_attr = _READABLE
    info.file_size = size or 0
    return info
