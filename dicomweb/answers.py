"""Results of a search as DICOM JSON objects (PS3.18 10.6.3.3, Annex F), out of the values the index gives.

A page of a hundred studies with all that is known of them has thousands of values: what can be known of an attribute
beforehand is found out once for a search.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dicomweb.query_parameters import Search
from dicomweb.resources import path_of
from vna.dicom.attributes import BY_KEYWORD, OF_THE_ANSWER, Attribute, DictionaryEntry, Level, entry
from vna.dicom.describe import TEXT_VRS, Value
from vna.dicom.extra import creators_of
from vna.dicom.json_model import JsonObject, value_json
from vna.model import InstanceUID, Scope, SeriesUID, StudyUID

Encode = Callable[[Any], JsonObject]

_PLAIN_VRS: Final = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UI"})
"""VRs whose values stand in JSON as they are."""
_AVAILABILITY: Final = OF_THE_ANSWER["InstanceAvailability"]
_RETRIEVE_AE: Final = OF_THE_ANSWER["RetrieveAETitle"]
_RETRIEVE_URL: Final = entry("RetrieveURL")


class Answers:
    """Makes the results of one search."""

    def __init__(self, search: Search, service: str) -> None:
        """Prepare for a search; `service` is the address of the DICOMweb services, for Retrieve URLs."""
        self._service, self._level = service, search.query.level
        asked = [BY_KEYWORD[keyword] for keyword in search.query.keys]
        fields = [
            (f"{a.tag:08X}", a.keyword, _encoder(a, search), {"vr": a.vr} if a.keyword in search.shown_empty else None)
            for a in asked
        ]
        for extra in search.query.extra:
            line = DictionaryEntry(extra.keyword, extra.tag, extra.vr)
            empty = {"vr": extra.vr} if extra.keyword in search.shown_empty else None
            fields.append((f"{extra.tag:08X}", extra.keyword, _simple(line), empty))
        self._creators = creators_of(search.query.extra)
        fields += [(tag, tag, _simple(DictionaryEntry(tag, int(tag, 16), "LO")), None) for tag in self._creators]
        ours = [
            (f"{line.tag:08X}", line.keyword, _simple(line), None)
            for line in (_AVAILABILITY, _RETRIEVE_AE, _RETRIEVE_URL)
        ]
        self._fields: Sequence[tuple[str, str, Encode, JsonObject | None]] = sorted([*fields, *ours], key=_tag)

    def result(self, values: Mapping[str, Value]) -> JsonObject:
        """Return one result: its attributes in the order of their tags."""
        told: dict[str, Value] = {
            _AVAILABILITY.keyword: "ONLINE",
            **values,
            **self._creators,
            _RETRIEVE_URL.keyword: self._service + path_of(_scope(self._level, values)),
        }
        found: JsonObject = {}
        for name, keyword, encode, empty in self._fields:
            value = told.get(keyword)
            if value:
                found[name] = encode(value)
            elif empty is not None:
                found[name] = empty
        return found


def _tag(line: tuple[str, str, Encode, JsonObject | None]) -> str:
    return line[0]


def _scope(level: Level, values: Mapping[str, Value]) -> Scope:
    study, series, instance = (
        str(values.get(k, "")) for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    )
    if level is Level.STUDY:
        return Scope(StudyUID(study))
    if level is Level.SERIES:
        return Scope(StudyUID(study), SeriesUID(series))
    return Scope(StudyUID(study), SeriesUID(series), InstanceUID(instance))


def _encoder(attribute: Attribute, search: Search) -> Encode:
    if not attribute.items:
        return _simple(DictionaryEntry(attribute.keyword, attribute.tag, attribute.vr))
    wanted = search.items.get(attribute.keyword)
    items = sorted((each for each in attribute.items if wanted is None or each.keyword in wanted), key=lambda e: e.tag)
    return _sequence([(f"{each.tag:08X}", each.keyword, _simple(each)) for each in items])


def _simple(line: DictionaryEntry) -> Encode:
    vr = line.vr
    if vr in TEXT_VRS:
        return lambda text: {"vr": vr, "Value": [text]}
    if vr in _PLAIN_VRS:
        return lambda text: {"vr": vr, "Value": [text]} if "\\" not in text else value_json(vr, text.split("\\"))
    return lambda text: value_json(vr, text.split("\\"))


def _sequence(fields: Sequence[tuple[str, str, Encode]]) -> Encode:
    def encode(items: Sequence[Mapping[str, str]]) -> JsonObject:
        encoded = [
            {name: encode_value(item[keyword]) for name, keyword, encode_value in fields if item.get(keyword)}
            for item in items
        ]
        return {"vr": "SQ", "Value": encoded}

    return encode
