"""Extra attributes: such as the table of attributes does not have, named in the settings so that queries know them.

Each is written `ATTRIBUTE@LEVEL`: a keyword, eight hexadecimal digits, or `GGGGxxEE:CREATOR` for a private one; the
level is patient, study, series or instance, without it instance. A patient, study or series has the value of the
instance that brought the reading of its attributes which is shown (vna.index.tables).

A private attribute is asked for, and answered, in a block of its own (PS3.5 7.8.1): the first creator of a group in
block 10, the next one in 11, and so on, whatever block it has in each stored data set.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag, private_dictionary_VR, tag_for_keyword

from vna.dicom.attributes import BY_TAG, OF_THE_ANSWER, Level
from vna.dicom.describe import MAX_CHARACTERS, MAX_TEXT_CHARACTERS, TEXT_VRS, charset_of, text_of
from vna.dicom.elements import Element
from vna.dicom.matching import NUMBER_VRS
from vna.dicom.scan import Scan

EXTRA_VRS: Final = NUMBER_VRS | {
    *("AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"),
}
"""VRs an extra attribute can have: those of texts and numbers."""

_LEVELS: Final = {"patient": Level.PATIENT, "study": Level.STUDY, "series": Level.SERIES, "instance": Level.IMAGE}
_PRIVATE: Final = re.compile(r"([0-9a-f]{4})xx([0-9a-f]{2}):(.{1,64})", re.IGNORECASE)
_TAG: Final = re.compile(r"[0-9a-f]{8}", re.IGNORECASE)
_FIRST_BLOCK: Final = 0x10
_FIRST_GROUP: Final = 0x0008
_UNKNOWN: Final = "LO"
"""How a private attribute is read that neither pydicom's private dictionary nor its own bytes know."""


@dataclass(frozen=True, slots=True)
class ExtraAttribute:
    """One attribute; `keyword` is eight hexadecimal digits where it has none. `creator` is that of a private one.

    `setting` is how it is written in the settings, always the same way; empty for one that is read from headers alone.
    """

    keyword: str
    tag: int
    vr: str
    level: Level
    setting: str
    creator: str = ""

    def element_in(self, scan: Scan) -> Element | None:
        """Return its element of a data set, None where there is none."""
        if not self.creator:
            return scan.elements.get(self.tag)
        group = self.tag & 0xFFFF0000
        for block in range(_FIRST_BLOCK, 0x100):
            raw = scan.raw(group | block)
            if raw is not None and raw.decode("ascii", "replace").strip(" \0") == self.creator:
                return scan.elements.get(group | block << 8 | self.tag & 0xFF)
        return None


class ExtraAttributes(Sequence[ExtraAttribute]):
    """The extra attributes of a node, each with a tag of its own."""

    def __init__(self, settings: Iterable[str] = ()) -> None:
        """Read them as the settings have them.

        Raises:
            ValueError: one cannot be had; says which, why, and what is allowed.
        """
        self._all = tuple(_in_blocks(map(parse_extra, settings)))
        self.by_tag: Mapping[int, ExtraAttribute] = MappingProxyType({each.tag: each for each in self._all})
        self.by_keyword: Mapping[str, ExtraAttribute] = MappingProxyType({each.keyword: each for each in self._all})
        if len(self.by_tag) < len(self._all):
            raise ValueError("an attribute is named twice")

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, at: int) -> ExtraAttribute:  # type: ignore[override]
        return self._all[at]

    def __iter__(self) -> Iterator[ExtraAttribute]:
        return iter(self._all)

    def asked_by(self, identifier: Scan) -> dict[int, ExtraAttribute]:
        """Return those that the elements of an identifier ask for, by the tag they have there."""
        found = {tag: self.by_tag[tag] for tag in identifier.elements if tag in self.by_tag and not tag >> 16 & 1}
        for private in (each for each in self._all if each.creator):
            element = private.element_in(identifier)
            if element is not None:
                found[element.tag] = private
        return found


def parse_extra(text: str) -> ExtraAttribute:
    """Read one attribute as the settings have it.

    Raises:
        ValueError: it cannot be had; says why and what is allowed.
    """
    name, _, level_name = text.strip().partition("@") if "@" in text else (text.strip(), "", "instance")
    level = _LEVELS.get(level_name.strip().lower())
    if level is None:
        raise ValueError(f"{text}: the level is one of {', '.join(_LEVELS)}")
    private = _PRIVATE.fullmatch(name.strip())
    attribute = _private(text, *private.groups()) if private else _standard(text, name.strip())
    if attribute.vr not in EXTRA_VRS:
        raise ValueError(f"{text}: its VR is {attribute.vr}; only attributes of texts and numbers can be indexed")
    return replace(attribute, level=level, setting=f"{attribute.setting}@{level_name.strip().lower()}")


def header_attribute(tag: int, level: Level) -> ExtraAttribute | None:
    """Return an attribute that no setting names, to be read from the header of each result; None if it cannot be had.

    Only attributes of the data dictionary have a VR that is known before, and a creator that need not be.
    """
    try:
        return replace(parse_extra(f"{tag:08X}"), level=level, setting="")
    except ValueError:
        return None


def value_of(scan: Scan, attribute: ExtraAttribute) -> str:
    """Return the value of an attribute in a data set as text, empty if it has none; cut where the index cuts too."""
    element = attribute.element_in(scan)
    if element is None or element.undefined:
        return ""
    vr = element.vr if element.vr in EXTRA_VRS and _is_open(attribute) else attribute.vr
    text = text_of(scan, element, vr, charset=charset_of(scan))
    return text[: MAX_TEXT_CHARACTERS if vr in TEXT_VRS else MAX_CHARACTERS]


def creator_tag(tag: int) -> int:
    """Return the tag of the Private Creator of a private attribute's block (PS3.5 7.8.1)."""
    return tag & 0xFFFF0000 | tag >> 8 & 0xFF


def creators_of(attributes: Iterable[ExtraAttribute]) -> dict[str, str]:
    """Return the Private Creators that an answer with these attributes needs, by eight hexadecimal digits."""
    return {f"{creator_tag(each.tag):08X}": each.creator for each in attributes if each.creator}


def _is_open(attribute: ExtraAttribute) -> bool:
    """Return whether the bytes know its VR better than the dictionary does: it is private, or may be US or SS."""
    return bool(attribute.creator) or len(dictionary_VR(attribute.tag)) > 2


def _private(text: str, group: str, element: str, creator: str) -> ExtraAttribute:
    if not int(group, 16) & 1:
        raise ValueError(f"{text}: private groups have odd numbers")
    tag = int(group, 16) << 16 | _FIRST_BLOCK << 8 | int(element, 16)
    try:
        vr = private_dictionary_VR(tag, creator)[:2]
    except KeyError:
        vr = _UNKNOWN
    vr = _UNKNOWN if vr == "UN" else vr
    name = f"{group.upper()}xx{element.upper()}:{creator.strip()}"
    return ExtraAttribute(f"{tag:08X}", tag, vr, Level.IMAGE, name, creator.strip())


def _standard(text: str, name: str) -> ExtraAttribute:
    known = tag_for_keyword(name) if name else None
    if known is None and not _TAG.fullmatch(name):
        raise ValueError(f"{text}: no keyword, tag of eight hexadecimal digits, or GGGGxxEE:CREATOR")
    tag = int(name, 16) if known is None else int(known)
    if tag >> 16 & 1:
        raise ValueError(f"{text}: a private attribute is written GGGGxxEE:CREATOR")
    if tag >> 16 < _FIRST_GROUP or not dictionary_has_tag(tag):
        raise ValueError(f"{text}: not an attribute of a data set that the data dictionary knows")
    keyword = keyword_for_tag(tag) or f"{tag:08X}"
    if tag in BY_TAG or keyword in OF_THE_ANSWER:
        raise ValueError(f"{text}: queries know {keyword} without that")
    return ExtraAttribute(keyword, tag, dictionary_VR(tag)[:2], Level.IMAGE, keyword)


def _in_blocks(attributes: Iterable[ExtraAttribute]) -> Iterator[ExtraAttribute]:
    """Give private attributes tags in the block of their creator."""
    creators: dict[int, list[str]] = {}
    for each in attributes:
        if not each.creator:
            yield each
            continue
        known = creators.setdefault(each.tag >> 16, [])
        if each.creator not in known:
            known.append(each.creator)
        tag = each.tag & 0xFFFF00FF | (_FIRST_BLOCK + known.index(each.creator)) << 8
        yield replace(each, tag=tag, keyword=f"{tag:08X}")


NO_EXTRA: Final = ExtraAttributes()
