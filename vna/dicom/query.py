"""Queries: from the identifier of a C-FIND, C-MOVE or C-GET request to what is asked for.

Strict where a request cannot be meant as it stands (PS3.4 C.4.1.3.1.1 and C.4.2.2.1), tolerant where
clients are careless and no harm comes of it: keys of higher levels are matched and returned, unknown
keys are left out and named in `Query.unsupported`, the unique key of the level need not be asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from pydicom.datadict import keyword_for_tag

from vna.dicom.attributes import BY_KEYWORD, BY_TAG, OF_THE_ANSWER, Attribute, Level, Model, unique_key
from vna.dicom.describe import Value, charset_of, text_of
from vna.dicom.elements import Element
from vna.dicom.encoding import tag_text
from vna.dicom.extra import NO_EXTRA, ExtraAttribute, ExtraAttributes, creator_tag
from vna.dicom.keys import BACKWARDS, LITERAL, Rules, is_backwards, parse_key
from vna.dicom.matching import (
    ListOfUID,
    Matcher,
    Range,
    SequenceMatch,
    SingleValue,
    Universal,
    matches,
    matches_moment,
)
from vna.dicom.scan import Scan
from vna.dicom.temporal import offset_minutes
from vna.dicom.text import SPECIFIC_CHARACTER_SET
from vna.dicom.timezones import MOMENTS, TIMEZONE, beside, key_in_zone, moved, value_in_zone, widened
from vna.errors import IdentifierMismatch
from vna.model import View

_QUERY_RETRIEVE_LEVEL: Final = 0x0008_0052
_ORDER: Final = {level: number for number, level in enumerate(Level)}
_AVAILABILITY: Final = "InstanceAvailability"
_ONLINE: Final = "ONLINE"
_ANY: Final = Universal()


@dataclass(frozen=True, slots=True)
class Query:
    """What a request asks for.

    `keys` has a matcher for every attribute that was asked for, by keyword; Universal ones are return
    keys. `combined` are the (date, time) keywords whose ranges are one range of moments. For the edge:
    `charset` is the identifier's Specific Character Set, `answer_keys` are the keywords of
    OF_THE_ANSWER that were asked for, and `unsupported` names what cannot be answered, or of which
    some item cannot, by keyword or as eight hexadecimal digits (a pending answer then says so, PS3.4
    C.4.1.1.4). `extra` has the matchers of extra attributes, return keys too. Dates and times of the keys
    are meant `offset` minutes east of UTC (PS3.4 C.2.2.2.5); without it as they stand. `view` says what of all that is
    held is seen, `availability` matches Instance Availability (0008,0056).
    """

    level: Level
    model: Model
    keys: Mapping[str, Matcher]
    relational: bool = False
    combined: tuple[tuple[str, str], ...] = ()
    charset: str = ""
    answer_keys: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    extra: Mapping[ExtraAttribute, Matcher] = field(default_factory=dict)
    offset: int | None = None
    view: View = View.ORDINARY
    availability: Matcher = _ANY

    def matching(self) -> "Query":
        """Return the query with only what has to be known of an entity to say whether it matches."""
        extra = {attribute: matcher for attribute, matcher in self.extra.items() if not isinstance(matcher, Universal)}
        keys: dict[str, Matcher] = dict.fromkeys(self._compared_with(), Universal())
        keys |= {keyword: matcher for keyword, matcher in self.keys.items() if not isinstance(matcher, Universal)}
        return replace(self, keys=MappingProxyType(keys), extra=MappingProxyType(extra))

    def beside(self) -> tuple[str, ...]:
        """Return the keywords of what has to be known to say whether an entity matches, and is not asked for."""
        return tuple(keyword for keyword in self._compared_with() if keyword not in self.keys)

    def _compared_with(self) -> tuple[str, ...]:
        """Return the keywords of what says in which zone dates and times are, and of the other half of each moment."""
        found = () if self.offset is None else beside(self.keys)
        matched = (
            *((BY_KEYWORD[keyword].vr, matcher) for keyword, matcher in self.keys.items()),
            *((attribute.vr, matcher) for attribute, matcher in self.extra.items()),
        )
        if any(vr == "DT" and not isinstance(matcher, Universal) for vr, matcher in matched):
            found = (*found, TIMEZONE)
        return tuple(dict.fromkeys(found))

    def with_beside(self) -> "Query":
        """Return the query that asks for what is `beside` it, too."""
        more = self.beside()
        return replace(self, keys=MappingProxyType({**self.keys, **dict.fromkeys(more, Universal())})) if more else self

    def narrowed_by(self) -> Mapping[str, Matcher]:
        """Return the keys that whatever matches has in any case."""
        return self.keys if self.offset is None else widened(self.keys)

    def accepts(self, values: Mapping[str, Value]) -> bool:
        """Return whether an entity with these values matches every key."""
        if self.offset is not None:
            values = moved(values, self.offset)
        if not matches(self.availability, values.get(_AVAILABILITY, _ONLINE), "CS"):
            return False
        in_pairs = {keyword for pair in self.combined for keyword in pair}
        return all(
            matches(matcher, values.get(keyword), vr)
            if (vr := BY_KEYWORD[keyword].vr) != "DT"
            else self._accepts_date_time(matcher, keyword, values)
            for keyword, matcher in self.keys.items()
            if keyword not in in_pairs
        ) and all(
            (
                *(self._accepts_moment(date, time, values) for date, time in self.combined),
                *(
                    matches(matcher, values.get(each.keyword), each.vr)
                    if each.vr != "DT"
                    else self._accepts_date_time(matcher, each.keyword, values)
                    for each, matcher in self.extra.items()
                ),
            )
        )

    def _accepts_date_time(self, matcher: Matcher, keyword: str, values: Mapping[str, Value]) -> bool:
        value = values.get(keyword)
        if isinstance(value, str) and value:
            matcher, value = key_in_zone(matcher, self.offset), value_in_zone(value, values.get(TIMEZONE))
        return matches(matcher, value, "DT")

    def _accepts_moment(self, date: str, time: str, values: Mapping[str, Value]) -> bool:
        date_key, time_key = self.keys[date], self.keys[time]
        if not isinstance(date_key, Range) or not isinstance(time_key, Range):
            return False
        return matches_moment(date_key, time_key, values.get(date), values.get(time))


def parse_identifier(
    identifier: Scan,
    model: Model,
    *,
    relational: bool = False,
    combined_datetime: bool = False,
    extra: ExtraAttributes = NO_EXTRA,
) -> Query:
    """Return the query of a C-FIND request.

    `relational` and `combined_datetime` say what the association's extended negotiation agreed on
    (PS3.4 C.5.1.1), `extra` which attributes are known beside those of the table.

    Raises:
        IdentifierMismatch: the level is none of this model, a key above it is missing or not a single
            value, a key below it has a value, or a value is none of its VR.
    """
    level = _level(identifier, model)
    found = _Keys(identifier, level, extra=extra, rules=Rules(past_midnight=combined_datetime))
    combined = combined_moments(found.keys) if combined_datetime else ()
    _check_times(found.keys, combined)
    if not relational:
        _check_above(found.keys, model, level)
    found.keys.setdefault(unique_key(level).keyword, Universal())
    return Query(
        level=level,
        model=model,
        keys=MappingProxyType(found.keys),
        relational=relational,
        combined=combined,
        offset=found.offset,
        charset=found.charset,
        answer_keys=tuple(found.answer_keys),
        unsupported=tuple(dict.fromkeys(found.unsupported)),
        extra=MappingProxyType(found.extra),
        availability=found.availability,
    )


def retrieve_query(identifier: Scan, model: Model, *, relational: bool = False) -> Query:
    """Return the query of a C-MOVE or C-GET request: unique keys alone, others are ignored.

    An Issuer of Patient ID beside a Patient ID is kept, for without it another patient might be sent.

    Raises:
        IdentifierMismatch: the level is none of this model, its unique key has no value, or a key
            above it is missing or not a single value (PS3.4 C.4.2.2.1).
    """
    level = _level(identifier, model)
    wanted = _unique_keys(model, level)
    if "PatientID" in wanted:
        wanted += ("IssuerOfPatientID",)
    every = _Keys(identifier, level, only=wanted).keys
    keys = {keyword: matcher for keyword, matcher in every.items() if isinstance(matcher, SingleValue | ListOfUID)}
    key = unique_key(level)
    if key.keyword not in keys:
        raise IdentifierMismatch(f"{_name(key)}: needs a value at {level} level")
    if not relational:
        _check_above(keys, model, level)
    return Query(level=level, model=model, keys=MappingProxyType(keys), relational=relational)


def _level(identifier: Scan, model: Model) -> Level:
    element = identifier.elements.get(_QUERY_RETRIEVE_LEVEL)
    text = text_of(identifier, element, "CS", charset="").upper() if element else ""
    if not text:
        raise IdentifierMismatch("(0008,0052) QueryRetrieveLevel is missing")
    if text not in model.levels:
        raise IdentifierMismatch(f"(0008,0052) not one of {', '.join(model.levels)}")
    return Level(text)


def _unique_keys(model: Model, level: Level) -> tuple[str, ...]:
    """Return the unique keys of this model from the top down to a level."""
    return tuple(unique_key(each).keyword for each in model.levels if _ORDER[each] <= _ORDER[level])


def _check_above(keys: Mapping[str, Matcher], model: Model, level: Level) -> None:
    for keyword in _unique_keys(model, level)[:-1]:
        if not isinstance(keys.get(keyword), SingleValue):
            raise IdentifierMismatch(f"{_name(BY_KEYWORD[keyword])}: needs one value at {level} level")


def _check_times(keys: Mapping[str, Matcher], combined: Sequence[tuple[str, str]]) -> None:
    """Let no time range go past midnight but those that are matched together with a range of dates."""
    with_dates = {time for _, time in combined}
    for keyword, matcher in keys.items():
        if keyword not in with_dates and BY_KEYWORD[keyword].vr == "TM" and is_backwards(matcher, "TM"):
            raise IdentifierMismatch(f"{_name(BY_KEYWORD[keyword])}: {BACKWARDS}")


def combined_moments(keys: Mapping[str, Matcher]) -> tuple[tuple[str, str], ...]:
    """Return the dates and times of which both are given as ranges of one form, to be matched together."""
    return tuple((date, time) for date, time in MOMENTS if _same_form(keys.get(date), keys.get(time)))


def _same_form(date: Matcher | None, time: Matcher | None) -> bool:
    """Return whether both are ranges open at the same ends (PS3.4 C.2.2.2.5.2)."""
    if not isinstance(date, Range) or not isinstance(time, Range):
        return False
    return (date.low is None, date.high is None) == (time.low is None, time.high is None)


def _name(attribute: Attribute) -> str:
    return f"{tag_text(attribute.tag)} {attribute.keyword}"


class _Keys:
    """The keys of an identifier; those of no interest are not even parsed."""

    def __init__(
        self,
        identifier: Scan,
        level: Level,
        *,
        only: tuple[str, ...] = (),
        extra: ExtraAttributes = NO_EXTRA,
        rules: Rules = LITERAL,
    ) -> None:
        self.charset = charset_of(identifier)
        self.keys: dict[str, Matcher] = {}
        self.answer_keys: list[str] = []
        self.unsupported: list[str] = []
        self.extra: dict[ExtraAttribute, Matcher] = {}
        self.availability: Matcher = Universal()
        self.offset: int | None = None
        self._identifier, self._level, self._rules = identifier, level, rules
        known = {} if only else extra.asked_by(identifier)
        creators = {creator_tag(tag) for tag, each in known.items() if each.creator}
        for tag, element in sorted(identifier.elements.items()):
            attribute = BY_TAG.get(tag)
            if tag in known:
                self._add_extra(known[tag], element)
            elif attribute is None:
                if not only and tag not in creators:
                    self._other(tag, element)
            elif not only or attribute.keyword in only:
                self._add(attribute, element)

    def _other(self, tag: int, element: Element) -> None:
        keyword = keyword_for_tag(tag)
        if keyword in OF_THE_ANSWER:
            self.answer_keys.append(keyword)
            if keyword == _AVAILABILITY:
                self.availability = self._matcher_of(element, keyword, "CS")
        elif tag & 0xFFFF and tag != SPECIFIC_CHARACTER_SET:
            self.unsupported.append(keyword or f"{tag:08X}")

    def _add_extra(self, attribute: ExtraAttribute, element: Element) -> None:
        matcher = self._matcher_of(element, attribute.keyword, attribute.vr)
        if _ORDER[attribute.level] <= _ORDER[self._level]:
            self.extra[attribute] = matcher
        elif isinstance(matcher, Universal):
            self.unsupported.append(attribute.keyword)
        else:
            raise IdentifierMismatch(f"{tag_text(element.tag)} {attribute.keyword}: key below {self._level} level")

    def _add(self, attribute: Attribute, element: Element) -> None:
        try:
            matcher = self._sequence(attribute) if attribute.items else self._simple(attribute.vr, element)
        except ValueError as exc:
            raise IdentifierMismatch(f"{_name(attribute)}: {exc}") from exc
        if attribute.keyword == TIMEZONE:
            self.offset = offset_minutes(matcher.value) if isinstance(matcher, SingleValue) else None
            matcher = Universal()
        if _ORDER[attribute.level] <= _ORDER[self._level]:
            self.keys[attribute.keyword] = matcher
        elif isinstance(matcher, Universal):
            self.unsupported.append(attribute.keyword)
        else:
            raise IdentifierMismatch(f"{_name(attribute)}: key below {self._level} level")

    def _matcher_of(self, element: Element, keyword: str, vr: str) -> Matcher:
        try:
            return self._simple(vr, element)
        except ValueError as exc:
            raise IdentifierMismatch(f"{tag_text(element.tag)} {keyword}: {exc}") from exc

    def _simple(self, vr: str, element: Element) -> Matcher:
        return parse_key(text_of(self._identifier, element, vr, charset=self.charset), vr, self._rules)

    def _sequence(self, attribute: Attribute) -> Matcher:
        items = self._identifier.items(attribute.tag)
        if len(items) > 1:
            raise ValueError("a key has one item (PS3.4 C.2.2.2.6)")
        keys = dict(self._of_item(attribute, items[0])) if items else {}
        return SequenceMatch(MappingProxyType(keys)) if keys else Universal()

    def _of_item(self, attribute: Attribute, item: Mapping[int, Element]) -> Iterator[tuple[str, Matcher]]:
        known = {each.tag: each for each in attribute.items}
        for tag, element in item.items():
            if tag not in known:
                self.unsupported.append(attribute.keyword)
                continue
            matcher = self._simple(known[tag].vr, element)
            if not isinstance(matcher, Universal):
                yield known[tag].keyword, matcher
