"""The letters of the papers of an elimination: which font has each, and how one that no font has is told all the same.

    Vera             comes with reportlab, and is in the file: western European languages
    DejaVu Sans      where this machine has it (Debian: fonts-dejavu-core), and is in the file: Greek, Cyrillic, and
                     the rest of Latin
    Adobe's own      Chinese, Japanese and Korean, and Greek and Cyrillic without accents; never in the file: who reads
                     it needs fonts for these languages, as most systems have
    [U+0627]         whatever none of them has, by its number in Unicode

Arabic, Hebrew and the other scripts that run from right to left are told by number, too: their letters would stand in
the wrong order, and not be joined.
"""

import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import reportlab
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

REGULAR: Final = "Vera"
BOLD: Final = "VeraBd"

_FONTS: Final = Path(reportlab.__file__).parent / "fonts"
_WIDER: Final = "DejaVuSans"
_CODECS: Final[Mapping[str, str]] = {
    "STSong-Light": "gbk",
    "MSung-Light": "big5",
    "HeiseiMin-W3": "cp932",
    "HYSMyeongJo-Medium": "cp949",
}
"""Fonts that readers have, each with the codec of Python that has the same letters."""
AT_READER: Final = frozenset(_CODECS)
_KANA: Final = ("HIRAGANA", "KATAKANA")
_FROM_RIGHT: Final = frozenset({"R", "AL", "AN"})

_Has = Callable[[str], bool]


def markup(text: str) -> str:
    """Return text as the markup of a paragraph in `REGULAR`: lines, and for each letter a font that has it."""
    if text.isascii():
        return _run(text, REGULAR)
    text = unicodedata.normalize("NFC", text)
    fonts = _order(text)
    runs = groupby(text, lambda letter: _font_of(letter, fonts))
    return "".join(_run("".join(letters), font) for font, letters in runs)


def fonts_of(text: str) -> set[str]:
    """Return the fonts that a text is printed in, with an empty name where letters are told by number."""
    fonts = _order(text)
    return {_font_of(letter, fonts) for letter in set(unicodedata.normalize("NFC", text))}


@cache
def register_fonts() -> Mapping[str, _Has]:
    """Make the fonts known to reportlab, and return by name what each one has, those first that are in the file."""
    known: dict[str, _Has] = {}
    pdfmetrics.registerFont(TTFont(BOLD, str(_FONTS / f"{BOLD}.ttf")))
    known[REGULAR] = _registered(TTFont(REGULAR, str(_FONTS / f"{REGULAR}.ttf")))
    with suppress(TTFError):  # reportlab looks for it in the folders where systems keep fonts
        known[_WIDER] = _registered(TTFont(_WIDER, f"{_WIDER}.ttf"))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
    for name, codec in _CODECS.items():
        pdfmetrics.registerFont(UnicodeCIDFont(name))
        known[name] = _at_reader(codec)
    return known


def _registered(font: TTFont) -> _Has:
    """Make a font known that goes into the file, and return what it has."""
    pdfmetrics.registerFont(font)
    codes = frozenset(font.face.charToGlyph)
    return lambda letter: ord(letter) in codes


def _at_reader(codec: str) -> _Has:
    def has(letter: str) -> bool:
        try:
            return len(letter.encode(codec)) > 1
        except UnicodeEncodeError:
            return False

    return has


def _order(text: str) -> tuple[str, ...]:
    """Return the fonts to be tried: the same ideograph is drawn as is usual where the text comes from."""
    fonts = tuple(register_fonts())
    names = {unicodedata.name(letter, "").partition(" ")[0] for letter in set(text) if ord(letter) > 0x7F}
    first = "HYSMyeongJo-Medium" if "HANGUL" in names else "HeiseiMin-W3" if names.intersection(_KANA) else ""
    return tuple(sorted(fonts, key=lambda name: (name in _CODECS, name != first)))


def _font_of(letter: str, fonts: tuple[str, ...]) -> str:
    """Return the first font that has a letter; empty if none does."""
    if letter == "\n":
        return REGULAR
    if unicodedata.bidirectional(letter) in _FROM_RIGHT:
        return ""
    known = register_fonts()
    return next((name for name in fonts if known[name](letter)), "")


def _run(letters: str, font: str) -> str:
    if not font:
        return "".join(f"[U+{ord(letter):04X}]" for letter in letters)
    told = escape(letters).replace("\n", "<br/>")
    return told if font == REGULAR else f'<font name="{font}">{told}</font>'
