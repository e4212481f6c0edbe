"""The attributes that a search names: to be matched, or to be returned (PS3.18 8.3.4.1, 8.3.4.3)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from pydicom.datadict import dictionary_VM, keyword_for_tag, tag_for_keyword

from vna.dicom.attributes import BY_KEYWORD, BY_TAG, OF_THE_ANSWER, Attribute, Level
from vna.dicom.extra import ExtraAttribute, ExtraAttributes, header_attribute
from vna.dicom.keys import MULTIPLE_VALUE_VRS, Rules, parse_key
from vna.dicom.matching import Empty, Matcher, SequenceMatch, Universal
from vna.dicom.temporal import offset_minutes
from vna.dicom.timezones import TIMEZONE
from vna.web.problem import Problem

ORDER: Final = {level: number for number, level in enumerate(Level)}
_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}", re.ASCII)
_LIKE_AN_ATTRIBUTE: Final = re.compile(r"([A-Z][A-Za-z0-9]*|\d\w{7})(\.\w+)*", re.ASCII)
_TO_BE_NAMED: Final = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_COMMAS: Final = frozenset({"CS", "UI"})
"""VRs in whose values no comma can be, so that one separates values; other VRs have it in their texts."""
_AVAILABILITY: Final = "InstanceAvailability"
_ANSWERED: Final = frozenset({*OF_THE_ANSWER, "RetrieveURL"})


@dataclass(slots=True)
class Asked:
    """What the parameters of one search ask for, as it is read; `named` are the keywords of all of it."""

    level: Level
    rules: Rules
    extra: ExtraAttributes
    all: bool = False
    included: list[str] = field(default_factory=list)
    offset: int | None = None
    availability: Matcher = field(default_factory=Universal)
    named: set[str] = field(default_factory=set)
    _items: dict[str, set[str]] = field(default_factory=dict)
    _whole: set[str] = field(default_factory=set)
    _keys: dict[str, Matcher] = field(default_factory=dict)
    _item_keys: dict[str, dict[str, Matcher]] = field(default_factory=dict)
    _extra_keys: dict[ExtraAttribute, Matcher] = field(default_factory=dict)
    _given: set[tuple[int, ...]] = field(default_factory=set)
    _ignored: list[str] = field(default_factory=list)
    _not_matched: list[str] = field(default_factory=list)

    def include(self, value: str) -> None:
        """Take in the value of an includefield parameter (PS3.18 8.3.4.3)."""
        for name in filter(None, map(str.strip, value.split(","))):
            if name == "all":
                self.all = True
                continue
            path = _path(name)
            if path is None:
                raise Problem(400, "includefield names something that is no attribute")
            self._include(path)

    def match(self, name: str, value: str) -> None:
        """Take in a parameter that may be an attribute and its value (PS3.18 8.3.4.1)."""
        path = _path(name)
        if path is None:
            if _LIKE_AN_ATTRIBUTE.fullmatch(name) or name.lower() in _LOWER_KEYWORDS:
                raise Problem(400, f"{_shown(name)} is no attribute{_meant(name)}")
            self._ignored.append(_shown(name))
            return
        if path in self._given:
            raise Problem(400, f"{_name(path)} is given twice")
        self._given.add(path)
        if not value:
            self._include(path)
        elif keyword_for_tag(path[0]) == _AVAILABILITY:
            self._match_availability(path[0], value)
        elif keyword_for_tag(path[0]) in _ANSWERED or _is_creator(path[0]):
            return
        else:
            self._match(path, value)

    def items(self) -> Mapping[str, frozenset[str]]:
        """Return which attributes of their items are to be returned, of sequences not asked for as a whole."""
        return {keyword: frozenset(items) for keyword, items in self._items.items() if keyword not in self._whole}

    def matchers(self) -> dict[str, Matcher]:
        """Return the matching keys by keyword."""
        sequences = {keyword: SequenceMatch(MappingProxyType(keys)) for keyword, keys in self._item_keys.items()}
        return self._keys | sequences

    def extra_matchers(self) -> dict[ExtraAttribute, Matcher]:
        """Return the matching and return keys of extra attributes."""
        every = [each for each in self.extra if self.all and ORDER[each.level] <= ORDER[self.level]]
        return dict.fromkeys(every, Universal()) | self._extra_keys

    def warnings(self) -> tuple[str, ...]:
        """Return what the client has to be told."""
        found = []
        if self._ignored:
            found.append(f"Not supported and passed over: {', '.join(self._ignored)}.")
        if self._not_matched:
            found.append(f"Matching is not supported and was not performed for: {', '.join(self._not_matched)}.")
        return tuple(found)

    def _include(self, path: tuple[int, ...]) -> None:
        attribute, known = BY_TAG.get(path[0]), self._extra_at(path)
        if known is not None:
            if ORDER[known.level] <= ORDER[self.level]:
                self._extra_keys.setdefault(known, Universal())
                self.named.add(known.keyword)
            return
        if attribute is None or len(path) > 2:
            self._include_unknown(path)
            return
        if ORDER[attribute.level] > ORDER[self.level]:
            return  # PS3.18 10.6.3.3: these are not returned
        self.included.append(attribute.keyword)
        self.named.add(attribute.keyword)
        if len(path) == 1:
            self._whole.add(attribute.keyword)
            return
        item = next((each.keyword for each in attribute.items if each.tag == path[1]), None)
        if item is None:
            self._ignored.append(_name(path))
        else:
            self._items.setdefault(attribute.keyword, set()).add(item)

    def _include_unknown(self, path: tuple[int, ...]) -> None:
        """Take in an attribute that the index does not have: the header of each result may say it."""
        if keyword_for_tag(path[0]) in _ANSWERED or _is_creator(path[0]):
            return
        found = header_attribute(path[0], self.level) if len(path) == 1 else None
        if found is None:
            self._ignored.append(_name(path))
            return
        self._extra_keys.setdefault(found, Universal())
        self.named.add(found.keyword)

    def _match(self, path: tuple[int, ...], value: str) -> None:
        attribute, known = BY_TAG.get(path[0]), self._extra_at(path)
        if known is not None:
            self._match_extra(known, value)
            return
        if attribute is None or len(path) > 2:
            self._not_matched.append(_name(path))
            return
        if attribute.keyword == TIMEZONE:
            self._set_offset(value)
            return
        if ORDER[attribute.level] > ORDER[self.level]:
            raise Problem(400, f"{_name(path)}: an attribute below what is searched for")
        try:
            if attribute.items:
                self._match_sequence(attribute, path, value)
            elif len(path) == 2:
                raise ValueError("only a sequence has attributes inside")
            else:
                self._keys[attribute.keyword] = self._parse(attribute.tag, attribute.vr, value)
        except ValueError as exc:
            raise Problem(400, f"{_name(path)}: {exc}") from exc
        self.named.add(attribute.keyword)

    def _match_availability(self, tag: int, value: str) -> None:
        try:
            self.availability = self._parse(tag, "CS", value)
        except ValueError as exc:
            raise Problem(400, f"{_AVAILABILITY}: {exc}") from exc

    def _set_offset(self, value: str) -> None:
        """Take in the time zone in which dates and times are meant; it is no key itself (PS3.4 C.2.2.2)."""
        self.offset = offset_minutes(value.replace(" ", "+"))  # a plus sign that nobody encoded is read as a blank
        if self.offset is None:
            raise Problem(400, f"{TIMEZONE}: not an offset such as +0100")

    def _extra_at(self, path: tuple[int, ...]) -> ExtraAttribute | None:
        return self.extra.by_tag.get(path[0]) if len(path) == 1 else None

    def _match_extra(self, attribute: ExtraAttribute, value: str) -> None:
        if ORDER[attribute.level] > ORDER[self.level]:
            raise Problem(400, f"{attribute.keyword}: an attribute below what is searched for")
        try:
            self._extra_keys[attribute] = self._parse(attribute.tag, attribute.vr, value)
        except ValueError as exc:
            raise Problem(400, f"{attribute.keyword}: {exc}") from exc
        self.named.add(attribute.keyword)

    def _match_sequence(self, attribute: Attribute, path: Sequence[int], value: str) -> None:
        if len(path) == 1:
            if not self.rules.empty_values or value != '""':
                raise ValueError("is a sequence: name an attribute of its items behind a dot")
            self._keys[attribute.keyword] = Empty()
            return
        item = next((each for each in attribute.items if each.tag == path[1]), None)
        if item is None:
            self._not_matched.append(_name(tuple(path)))
        else:
            self._item_keys.setdefault(attribute.keyword, {})[item.keyword] = self._parse(item.tag, item.vr, value)

    def _parse(self, tag: int, vr: str, value: str) -> Matcher:
        every = self.rules.every_value and vr in MULTIPLE_VALUE_VRS and (_is_private(tag) or dictionary_VM(tag) != "1")
        value = value.replace("\0", "\ufffd")  # as in what is stored
        if every or vr in _COMMAS:
            value = value.replace(",", "\\")
        rules = Rules(self.rules.fuzzy_names, self.rules.empty_values, every, past_midnight=True)
        return parse_key(value, vr, rules)


def _path(name: str) -> tuple[int, ...] | None:
    """Return the tags that an attribute's name stands for, from outside in; None if some part is no attribute."""
    tags = [int(part, 16) if _TAG.fullmatch(part) else _tag(part) for part in name.split(".")]
    return tuple(int(tag) for tag in tags if tag is not None) if None not in tags else None


def _tag(keyword: str) -> int | None:
    """Return the tag of a keyword; pydicom knows an attribute that has none yet."""
    return tag_for_keyword(keyword) if keyword else None


def _name(path: Sequence[int]) -> str:
    return ".".join(keyword_for_tag(tag) or f"{tag:08X}" for tag in path)


def _shown(name: str) -> str:
    """Return the name of a parameter, if it can stand in a header and a message."""
    return name if _TO_BE_NAMED.fullmatch(name) else "a parameter"


def _is_private(tag: int) -> bool:
    return bool(tag >> 16 & 1)


def _is_creator(tag: int) -> bool:
    """Return whether an element reserves private ones (PS3.5 7.8.1), which is named beside them."""
    return bool(tag & 0x10000) and 0x10 <= tag & 0xFFFF <= 0xFF


_LOWER_KEYWORDS: Final = MappingProxyType({keyword.lower(): keyword for keyword in BY_KEYWORD})


def _meant(name: str) -> str:
    keyword = _LOWER_KEYWORDS.get(name.lower())
    return f"; {keyword} is one" if keyword else ""
