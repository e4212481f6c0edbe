"""Instances as files (PS3.10 7.1): the head they came with or our own, then the data set; whole or a range of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

import vna
from dicomweb.negotiation import DICOM
from dicomweb.services import Services
from vna.archive import DataSet, HeldInstance, is_plain, part_of
from vna.dicom.encoding import DEFLATED_UID
from vna.errors import CannotConvert, VnaError, tried
from vna.web.conditional import entity_tag, not_modified, validators
from vna.web.ranged import ranged
from vna.web.streaming import Chunk, Streamed


def file_type(data_set: DataSet) -> str:
    """Return the media type of a data set as a file, with its transfer syntax (PS3.18 8.7.3.5.2)."""
    return f"{DICOM}; transfer-syntax={data_set.transfer_syntax}"


def instances_tag(instances: Sequence[HeldInstance], *form: object) -> str:
    """Return the ETag of instances in a form; our own File Meta names the release."""
    return entity_tag((vna.__version__, *form, *(held.version_id for held in instances)))


@dataclass(frozen=True, slots=True)
class Chosen:
    """The instances of an answer, and how many there are in all.

    `syntaxes` are the transfer syntaxes each may be given in, by version: the first that it turns out to convert to.
    """

    given: Sequence[HeldInstance]
    syntaxes: Mapping[int, Sequence[str]]
    of: int

    @property
    def status(self) -> int:
        """The status of the answer: 206 for one that lacks some."""
        return 200 if len(self.given) == self.of else 206

    def tag(self, *form: object) -> str:
        """Return the ETag of the answer in a form."""
        return instances_tag(self.given, self.of, *self.syntaxes.values(), *form)

    def headers(self, agent: str, etag: str) -> dict[str, str]:
        """Return the headers of the answer; `agent` is who warns (RFC 7234 5.5)."""
        headers = validators(etag)
        if self.status == 206:
            text = f"{self.of - len(self.given)} of {self.of} instances have no transfer syntax that is accepted"
            headers["Warning"] = f'299 {agent} "{text}"'
        return headers

    @property
    def as_stored(self) -> bool:
        """Whether every instance is given as it is stored."""
        return all(self._syntax(one) == one.transfer_syntax for one in self.given)

    @property
    def is_measurable(self) -> bool:
        """Whether sizes can be told beforehand: none lacks, and none is converted by a codec or deflated."""
        return len(self.given) == self.of and all(
            self._syntax(one) == one.transfer_syntax
            or (is_plain(one, self._syntax(one)) and self._syntax(one) != DEFLATED_UID)
            for one in self.given
        )

    def data_sets(self, services: Services, numbers: range | None = None) -> Iterator[tuple[HeldInstance, DataSet]]:
        """Open the instances, or those of these numbers from 0, one after the other.

        Raises:
            VnaError: one cannot be opened.
        """
        given = self.given if numbers is None else self.given[numbers.start : numbers.stop]
        for held, found in services.archive.retrieve(given, self._syntax):
            yield held, self._given(services, held, found)

    def outline(self, services: Services) -> Iterator[tuple[HeldInstance, DataSet]]:
        """Go through the instances of a measurable answer to be told their sizes.

        Raises:
            VnaError: one cannot be opened.
        """
        for held, found in zip(self.given, services.archive.outline(self.given, self._syntax), strict=True):
            yield held, self._given(services, held, found)

    def _syntax(self, held: HeldInstance) -> str:
        return self.syntaxes[held.version_id][0]

    def _given(self, services: Services, held: HeldInstance, found: DataSet | VnaError) -> DataSet:
        given: DataSet | Exception = found
        for syntax in self.syntaxes[held.version_id][1:]:
            if isinstance(given, CannotConvert):
                given = tried(partial(services.archive.open, held, transfer_syntax=syntax))
        if isinstance(given, Exception):
            raise given
        return given


def _opened(services: Services, held: HeldInstance, syntaxes: Sequence[str]) -> DataSet:
    """Open an instance; a small one is read and checked now, so that damage is an answer and not a cut connection."""
    chosen = Chosen([held], {held.version_id: syntaxes}, 1)
    return next(data_set for _, data_set in chosen.data_sets(services))


def file_answer(request: Request, services: Services, held: HeldInstance, syntaxes: Sequence[str]) -> Response:
    """Answer with one instance, or the range of it that is asked for, in the first of the syntaxes that can be had.

    Raises:
        CannotConvert: it can be had in none of them.
        Problem: 416.
    """
    etag = instances_tag([held], *syntaxes)
    if unchanged := not_modified(request, etag):
        return unchanged
    data_set = _opened(services, held, syntaxes)
    size = data_set.file_size
    headers = validators(etag)
    media_type = file_type(data_set)
    if size is None:
        return Streamed(data_set.file_chunks(), headers=headers, media_type=media_type)

    def chunks(wanted: range) -> Iterator[Chunk]:
        return part_of(data_set.file_chunks(wanted.start), range(len(wanted)))

    return ranged(request, chunks, size, headers=headers, media_type=media_type)
