"""Studies and series as one ZIP file with a DICOMDIR, written while it is sent (PS3.18 8.7.3.1, PS3.10 8)."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dicomweb.files import Chosen
from dicomweb.negotiation import ZIP
from dicomweb.resources import scope_of
from dicomweb.services import Services, service_url
from vna.archive import DataSet, HeldInstance
from vna.dicom.attributes import Level, Model
from vna.dicom.matching import Matcher, SingleValue, Universal
from vna.dicom.query import Query
from vna.media import PATIENT_KEYWORDS, MediaDirectory, ZipStream, media_path, patient_identity
from vna.web.conditional import not_modified
from vna.web.streaming import Chunk, Streamed

_START_BYTES: Final = 256 * 1024
"""So much of a file is looked at for the DICOMDIR."""


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
    headers["Accept-Ranges"] = "none"  # its directory holds a checksum of every member: no end without all before it
    chunks = _zip(first, data_sets, _patient(services, scope.study))
    return Streamed(chunks, status_code=chosen.status, headers=headers, media_type=ZIP)


def _patient(services: Services, study: str) -> tuple[str, ...]:
    keys: dict[str, Matcher] = {keyword: Universal() for keyword in PATIENT_KEYWORDS}
    keys["StudyInstanceUID"] = SingleValue(study)
    found = services.archive.find(Query(Level.STUDY, Model.STUDY_ROOT, keys, relational=True, view=services.view))
    return patient_identity(next(found, {}))


def _zip(
    first: tuple[HeldInstance, DataSet], others: Iterator[tuple[HeldInstance, DataSet]], patient: tuple[str, ...]
) -> Iterator[Chunk]:
    """Give a ZIP file piece by piece."""
    zipped, directory = ZipStream(), MediaDirectory()
    taken: set[str] = set()
    for order, (held, data_set) in enumerate(_all(first, others)):
        paths = (media_path(patient, held.key, number) for number in count(1))
        path = next(path for path in paths if path not in taken)
        taken.add(path)
        start = bytearray()
        yield from zipped.member(path, _noted(data_set.file_chunks(), start), data_set.file_size)
        directory.add(order, path, replace(held, transfer_syntax=data_set.transfer_syntax), bytes(start))
    yield from zipped.member("DICOMDIR", iter((directory.to_bytes(),)))
    yield from zipped.end()


def _noted(chunks: Iterator[Chunk], start: bytearray) -> Iterator[Chunk]:
    """Give a file, and note how it begins."""
    for chunk in chunks:
        start += chunk[: _START_BYTES - len(start)]
        yield chunk


def _all(
    first: tuple[HeldInstance, DataSet], others: Iterator[tuple[HeldInstance, DataSet]]
) -> Iterator[tuple[HeldInstance, DataSet]]:
    yield first
    yield from others
