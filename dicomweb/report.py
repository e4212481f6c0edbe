"""A structured report as something to read: HTML or plain text (PS3.18 8.7.4), out of its content tree (PS3.3 C.17.3).

Simple on purpose: the content items in order, each with what it is and what it says. All text is escaped; the HTML is
well-formed XML too, and takes nothing from elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Final

from vna.dicom.tree import Tree

_DEEPEST: Final = 64
_CONTENT: Final = 0x0040A730
_TYPE, _CONCEPT, _RELATIONSHIP = 0x0040A040, 0x0040A043, 0x0040A010
_CODE, _MEANING, _LONG_CODE = 0x00080100, 0x00080104, 0x00080119
_MEASURED, _NUMBER, _UNITS, _QUALIFIER = 0x0040A300, 0x0040A30A, 0x004008EA, 0x0040A301
_REFERENCED, _INSTANCE, _CLASS = 0x00081199, 0x00081155, 0x00081150
_GRAPHIC, _POINTS = 0x00700023, 0x00700022
_TITLE: Final = "Structured report"
_SIMPLE: Final = {
    "TEXT": 0x0040A160,
    "DATETIME": 0x0040A120,
    "DATE": 0x0040A121,
    "TIME": 0x0040A122,
    "PNAME": 0x0040A123,
    "UIDREF": 0x0040A124,
}
_HEAD: Final = (
    ("Patient", 0x00100010),
    ("Patient ID", 0x00100020),
    ("Birth date", 0x00100030),
    ("Sex", 0x00100040),
    ("Study", 0x00081030),
    ("Study date", 0x00080020),
    ("Accession number", 0x00080050),
    ("Content date", 0x00080023),
    ("Completion", 0x0040A491),
    ("Verification", 0x0040A493),
)
_STYLE: Final = (
    "body{font-family:sans-serif;margin:2em;max-width:60em}li{margin:.3em 0}"
    "dt{float:left;clear:left;width:10em;color:#555}dd{margin-left:11em}pre{white-space:pre-wrap;font:inherit}"
)


@dataclass(frozen=True, slots=True)
class _Item:
    """One content item: how deep it lies, what it is and what it says."""

    depth: int
    name: str
    text: str


def report_html(header: Tree) -> str:
    """Return a report as a page."""
    title = escape(_meaning(header.item(_CONCEPT)) or _TITLE)
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}&#160;</dd>" for name, text in _facts(header))
    body = "".join(_list(list(_items(header))))
    return (
        f'<html xmlns="http://www.w3.org/1999/xhtml"><head><meta charset="utf-8"/><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1><dl>{facts}</dl>{body}</body></html>"
    )


def report_text(header: Tree) -> str:
    """Return a report as plain text."""
    lines = [_meaning(header.item(_CONCEPT)) or _TITLE, ""]
    lines += [f"{name}: {text}" for name, text in _facts(header)]
    lines.append("")
    for item in _items(header):
        indent = "  " * item.depth
        text = item.text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\n" + indent + "  ")
        lines.append(f"{indent}{item.name}: {text}" if item.name and text else f"{indent}{item.name}{text}")
    return "\n".join(lines) + "\n"


def _list(items: list[_Item]) -> Iterator[str]:
    """Yield nested lists; an item is deeper than the one before by one at most."""
    depth = -1
    for item in items:
        if item.depth > depth:
            yield "<ul><li>"
        else:
            yield "</li>" + "</ul></li>" * (depth - item.depth) + "<li>"
        depth = item.depth
        if item.name:
            yield f"<b>{escape(_clean(item.name))}</b> "
        if item.text:
            yield f"<pre>{escape(_clean(item.text))}</pre>" if "\n" in item.text else escape(_clean(item.text))
    yield "</li></ul>" * (depth + 1)


def _facts(header: Tree) -> Iterator[tuple[str, str]]:
    for name, tag in _HEAD:
        text = _clean(header.text(tag).replace("^", " ").strip(" ="))
        if text:
            yield name, text


def _items(header: Tree) -> Iterator[_Item]:
    """Yield content items in order, depth first, without recursion: a report may nest as deep as its sender likes."""
    waiting = [(0, item) for item in reversed(header.items(_CONTENT))]
    while waiting:
        depth, item = waiting.pop()
        yield _Item(depth, _meaning(item.item(_CONCEPT)), _said(item))
        waiting += [(min(depth + 1, _DEEPEST), below) for below in reversed(item.items(_CONTENT))]


def _said(item: Tree) -> str:
    """Return what an item says, by its Value Type (PS3.3 table C.17.3-7)."""
    kind = item.text(_TYPE)
    if kind in _SIMPLE:
        text = item.text(_SIMPLE[kind])
        return text.replace("^", " ").strip() if kind == "PNAME" else text
    if kind == "CODE":
        return _meaning(item.item(0x0040A168))
    if kind == "NUM":
        measured = item.item(_MEASURED)
        units = measured.item(_UNITS)
        unit = units.text(_CODE)
        qualifier = _meaning(item.item(_QUALIFIER))
        return " ".join(
            filter(None, (measured.text(_NUMBER), "" if unit == "1" else unit or _meaning(units), qualifier))
        )
    if kind in ("IMAGE", "COMPOSITE", "WAVEFORM"):
        return f"{kind.lower()} {item.item(_REFERENCED).text(_INSTANCE)}"
    if kind in ("SCOORD", "SCOORD3D", "TCOORD"):
        points = ", ".join(f"{number:g}" for number in item.numbers(_POINTS)[:12])
        return f"{item.text(_GRAPHIC).lower()} {points}".strip()
    return ""


def _meaning(code: Tree) -> str:
    return code.text(_MEANING) or code.text(_CODE) or code.text(_LONG_CODE)


def _clean(text: str) -> str:
    """Return a text without what XML cannot hold."""
    return "".join(char for char in text if char.isprintable() or char in "\n\t ")
