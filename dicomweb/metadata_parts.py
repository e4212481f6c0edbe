"""Parts of a Store request that are metadata, and bulk data beside (PS3.18 8.6.1.2, 10.5.2).

Metadata is one JSON document with any number of data sets, or XML documents with one each; bulk data may come before
or after. Which belongs to which is said by Content-Location and BulkDataURI. An instance is stored as soon as all of
it is there, and its bulk data is kept only while another instance needs it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from dicomweb.documents import DICOM_JSON, DICOM_XML
from dicomweb.incoming_part import IncomingPart
from dicomweb.storing import Names, Storing
from vna.archive import NUMBER_OF_FRAMES, BulkPart, Incoming, compose, references
from vna.dicom.admissible import MAX_HEADER
from vna.dicom.json_reading import ModelDataSet, parse_json, read_model
from vna.dicom.xml_reading import parse_xml
from vna.errors import CannotUnderstand, VnaError
from vna.web.media_types import MediaType

METADATA: Final = (DICOM_JSON, DICOM_XML, "application/json")
"""Media types of metadata."""

_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_LARGEST: Final = MAX_HEADER
"""Bytes of one part of metadata, which is read in memory."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Bulk data that has come, and the memory or file it lies in."""

    part: BulkPart
    incoming: Incoming


@dataclass(frozen=True, slots=True, eq=False)
class _Instance:
    """Metadata whose bulk data is not all there: BulkDataURIs, their places, and how many frames it says it has."""

    model: ModelDataSet
    uris: tuple[str, ...]
    places: frozenset[str]
    frames: int | None

    @property
    def names(self) -> Names:
        return self.model.text(_SOP_CLASS), self.model.text(_SOP_INSTANCE)


class MetadataParts:
    """Takes the parts of one request, one after the other."""

    def __init__(self, storing: Storing) -> None:
        self._storing, self._part = storing, IncomingPart(storing)
        self._waiting: dict[_Instance, None] = {}
        self._needed_by: dict[str, dict[_Instance, None]] = {}
        self._bulk: dict[str, list[_Kept]] = {}
        self._media_type = MediaType("*/*")
        self._location = ""

    def begin(self, media_type: MediaType, headers: Mapping[str, str]) -> None:
        """Begin a part: metadata, or bulk data with its Content-Location."""
        before = self._location
        self._media_type, self._location = media_type, _place(headers.get("content-location", ""))
        if self._location != before:
            self._store_complete(before)
        refused = None
        if media_type.name not in METADATA and not self._location:
            refused = CannotUnderstand(f"bulk data of {media_type.name[:80]!r} has no Content-Location")
        self._part.begin(refused)

    def data(self, data: memoryview) -> None:
        """Take some of it; of a part that failed already, pass over the rest."""
        if self._part.write(data) > _LARGEST and self._media_type.name in METADATA:
            self._part.fail(CannotUnderstand(f"metadata of more than {_LARGEST >> 20} MiB in one part"))

    def end(self) -> None:
        """Read metadata, or keep bulk data; store what is whole by that."""
        incoming = self._part.end()
        if incoming is None:
            return
        if self._media_type.name in METADATA:
            try:
                self._read(bytes(incoming.finish().buffer()))
            finally:
                incoming.discard()
        else:
            syntax = self._media_type.parameters.get("transfer-syntax", "")
            part = BulkPart(self._media_type.name, syntax, incoming.finish())
            self._bulk.setdefault(self._location, []).append(_Kept(part, incoming))
            self._store_complete(self._location)

    def finish(self) -> None:
        """Store what waited for more frames; give up what has not become whole, and bulk data that is of nothing."""
        before, self._location = self._location, ""
        self._store_complete(before)
        for instance in self._waiting:
            missing = next((place for place in instance.places if not self._is_there(instance, place)), "")
            self._storing.fail(CannotUnderstand(f"no bulk data came for {missing[:200]!r}"), instance.names)
        for place in self._bulk.keys() - self._needed_by.keys():
            self._storing.fail(CannotUnderstand(f"of no metadata, or more than it says there is: {place[:200]!r}"))
        self._waiting.clear()

    def drop(self) -> None:
        """Forget what has not been stored."""
        self._part.drop()
        for kept in (each for parts in self._bulk.values() for each in parts):
            kept.incoming.discard()
        self._bulk.clear()

    def _read(self, document: bytes) -> None:
        parse = parse_xml if self._media_type.name == DICOM_XML else parse_json
        try:
            found = parse(document)
        except VnaError as exc:
            self._storing.fail(exc, size=len(document))
            return
        came = list[_Instance]()
        for each in found:
            try:
                model = read_model(each)
            except VnaError as exc:
                self._storing.fail(exc)
                continue
            came.append(instance := _instance(model))
            self._waiting[instance] = None
            for place in instance.places:
                self._needed_by.setdefault(place, {})[instance] = None
        for instance in came:
            self._store_if_complete(instance)

    def _store_complete(self, place: str) -> None:
        """Store instances that need what came at this place, if they are whole."""
        for instance in list(self._needed_by.get(place, ())):
            self._store_if_complete(instance)

    def _store_if_complete(self, instance: _Instance) -> None:
        if not all(self._is_there(instance, place) for place in instance.places):
            return
        self._store(instance)
        del self._waiting[instance]
        for place in instance.places:
            others = self._needed_by[place]
            del others[instance]
            if not others:
                del self._needed_by[place]
                for kept in self._bulk.pop(place):
                    kept.incoming.discard()

    def _is_there(self, instance: _Instance, place: str) -> bool:
        """Return whether bulk data has come: of compressed frames all, or, where that is not said, all of a run."""
        parts = self._bulk.get(place, [])
        if not parts or not parts[0].part.is_frame:
            return bool(parts)
        return len(parts) >= instance.frames if instance.frames else place != self._location

    def _store(self, instance: _Instance) -> None:
        found = {uri: [kept.part for kept in self._bulk[_place(uri)]] for uri in instance.uris}
        incoming = None
        try:
            composed = compose(instance.model, found)
            incoming = self._storing.incoming()
            for chunk in composed.chunks():
                incoming.write(chunk)
        except VnaError as exc:
            if incoming is not None:
                incoming.discard()
            self._storing.fail(exc, instance.names)
            return
        self._storing.store_data_set(incoming, composed.transfer_syntax, instance.names)


def _instance(model: ModelDataSet) -> _Instance:
    uris, frames = tuple(references(model)), model.text(NUMBER_OF_FRAMES)
    return _Instance(model, uris, frozenset(map(_place, uris)), int(frames) if frames.isdecimal() else None)


def _place(uri: str) -> str:
    """Return an address so that two ways to write it are the same."""
    return unquote(uri.strip())
