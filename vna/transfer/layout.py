"""Where each exported instance goes: paths made from its attributes, safe on every file system.

A layout is a path with keywords in braces. What they stand for may hold anything a modality wrote, so of
each value only letters, digits and a few signs are kept; no name is empty, hidden, too long, or one that
Windows reserves; and no two instances get one path, whatever their case.

The layout `media` gives the names of interchange media (`vna.media.names`).
"""

import hashlib
import re
from collections.abc import Sequence
from string import Formatter
from typing import Final

from vna.media import PATIENT_KEYWORDS, media_path, patient_identity
from vna.transfer.selection import Selected, check_given, known_attribute

DEFAULT_LAYOUT: Final = "{PatientID}/{StudyDate}-{StudyInstanceUID}/{Modality}-{SeriesNumber}/{SOPInstanceUID}.dcm"
MEDIA: Final = "media"

_UNSAFE: Final = re.compile(r"[^\w.+-]+")
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_ENDING: Final = re.compile(r"(?<=.)\.[A-Za-z]\w{0,7}$")
_LONGEST_VALUE: Final = 64
_LONGEST_NAME_BYTES: Final = 200


class Layout:
    """Gives every instance of one export a path of its own, with `/` between its components.

    Raises:
        ValueError: the layout is no path of names and known keywords; the message says what is wrong.
    """

    def __init__(self, text: str) -> None:
        self.is_media = text == MEDIA
        self._components: tuple[str, ...] = () if self.is_media else _components(text)
        self.keywords: Sequence[str] = PATIENT_KEYWORDS if self.is_media else _keywords(text)
        self._taken: set[int] = set()

    def path(self, selected: Selected) -> str:
        """Return where an instance goes; to be asked once for each, in the order of the export."""
        number = 1
        while True:
            path = _media_path(selected, number) if self.is_media else self._path(selected, number)
            place = hash(path.casefold())
            if place not in self._taken:
                self._taken.add(place)
                return path
            number += 1

    def _path(self, selected: Selected, number: int) -> str:
        values = {keyword: _safe_value(_value(selected, keyword)) for keyword in self.keywords}
        *folders, name = (_safe_name(component.format_map(values)) for component in self._components)
        stem, ending = _split(name)
        version = "" if selected.served else f".v{selected.held.version}"
        again = "" if number == 1 else f"-{number}"
        return "/".join((*folders, f"{stem}{version}{again}{ending}"))


def _media_path(selected: Selected, number: int) -> str:
    return media_path(patient_identity(selected.values), selected.held.key, number)


def _components(text: str) -> tuple[str, ...]:
    components = tuple(text.split("/"))
    if any(component.strip(" .") == "" for component in components):
        raise ValueError(f"{text!r}: no component may be empty, '.' or '..'")
    return components


def _keywords(text: str) -> tuple[str, ...]:
    try:
        fields = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(text) if name is not None]
    except ValueError as exc:
        raise ValueError(f"{text!r}: {exc}") from exc
    for name, spec, conversion in fields:
        if spec or conversion:
            raise ValueError(f"{text!r}: {{{name}}} takes nothing but a keyword")
        check_given(known_attribute(name))
    return tuple(dict.fromkeys(name for name, _, _ in fields))


def _value(selected: Selected, keyword: str) -> str:
    key = selected.held.key
    uids = {"StudyInstanceUID": key.study, "SeriesInstanceUID": key.series, "SOPInstanceUID": key.instance}
    return uids.get(keyword) or str(selected.values.get(keyword, ""))


def _safe_value(text: str) -> str:
    safe = _UNSAFE.sub("_", text).strip("._") or "unknown"
    if len(safe) <= _LONGEST_VALUE:
        return safe
    return f"{safe[: _LONGEST_VALUE - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _safe_name(name: str) -> str:
    name = _UNSAFE.sub("_", name).rstrip(".")
    if name.startswith(".") or _RESERVED.fullmatch(name):
        name = f"_{name}"
    raw = name.encode()
    if len(raw) <= _LONGEST_NAME_BYTES:
        return name
    stem, ending = _split(name)
    kept = stem.encode()[: _LONGEST_NAME_BYTES - 20].decode("utf-8", "ignore")
    return f"{kept}-{hashlib.sha256(raw).hexdigest()[:8]}{ending}"


def _split(name: str) -> tuple[str, str]:
    """Return a name and its ending, with its dot; of a name without one, which may be a UID, the ending is empty."""
    ending = _ENDING.search(name)
    return (name[: ending.start()], ending[0]) if ending else (name, "")
