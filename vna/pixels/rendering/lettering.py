"""Writing on pictures: what a client wants to see of patient and technique, texts of presentation states, and tiles."""

from typing import Final

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from vna.dicom.tree import Tree
from vna.pixels.rendering.layout import Laid, Shown
from vna.pixels.rendering.request import Annotation

_MOST_LINES: Final = 40
_MOST_CHARACTERS: Final = 200
_LINES_OF_HEIGHT: Final = 36
_SMALLEST, _LARGEST = 9, 96
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_TILE_BACK, _TILE_INK = 40, 190

_PATIENT: Final = (("", 0x00100010), ("", 0x00100020), ("born ", 0x00100030), ("", 0x00100040))
_TECHNIQUE: Final = (
    ("", 0x00080060),
    ("", 0x00080020),
    ("", 0x00081030),
    ("", 0x0008103E),
    ("series ", 0x00200011),
    ("image ", 0x00200013),
    ("kVp ", 0x00180060),
    ("mA ", 0x00181151),
    ("mAs ", 0x00181152),
    ("TR ", 0x00180080),
    ("TE ", 0x00180081),
    ("slice mm ", 0x00180050),
    ("position ", 0x00201041),
    ("window ", 0x00281050),
    ("width ", 0x00281051),
)


def annotated(picture: Laid, header: Tree, wanted: frozenset[Annotation]) -> Laid:
    """Return a picture with what is wanted written on it: the patient at the top, the technique at the bottom."""
    if not wanted:
        return picture
    canvas = Picture.fromarray(picture.pixels).copy()
    draw = ImageDraw.Draw(canvas)
    margin = picture.size[1] // 100 + 1
    if Annotation.PATIENT in wanted:
        write(draw, (margin, margin), "\n".join(_lines(header, _PATIENT)), picture.size)
    if Annotation.TECHNIQUE in wanted:
        lines = _lines(header, _TECHNIQUE)
        top = picture.size[1] - margin - len(lines) * _line_height(picture.size)
        write(draw, (margin, max(top, margin)), "\n".join(lines), picture.size)
    return Laid(np.asarray(canvas), picture.matrix)


def write(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: tuple[int, int]) -> None:
    """Write lines, white with a black edge, as large as the size of the picture allows to read."""
    lines = [line[:_MOST_CHARACTERS] for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    height = _line_height(size)
    font = ImageFont.load_default(height * 0.8)
    gray = draw.mode == "L"
    ink, edge = (255, 0) if gray else (_WHITE, _BLACK)
    for number, line in enumerate(lines[:_MOST_LINES]):
        where = (place[0], place[1] + number * height)
        draw.text(where, _printable(line), fill=ink, font=font, stroke_width=max(height // 12, 1), stroke_fill=edge)


def tile(word: str, size: int) -> Shown:
    """Return a square that says what something is which has no picture."""
    canvas = Picture.new("L", (size, size), _TILE_BACK)
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((0, 0, size - 1, size - 1), outline=_TILE_INK)
    font = ImageFont.load_default(max(min(size / 3, size * 1.4 / max(len(word), 1)), 1))
    draw.text((size / 2, size / 2), _printable(word), fill=_TILE_INK, font=font, anchor="mm")
    return np.asarray(canvas)


def _lines(header: Tree, attributes: tuple[tuple[str, int], ...]) -> list[str]:
    """Return a line for each attribute that is there."""
    found = ((label, _shown(header, tag)) for label, tag in attributes)
    return [label + text for label, text in found if text]


def _shown(header: Tree, tag: int) -> str:
    """Return a value as it is written; of a name the first spelling, in letters that the font has."""
    text = header.text(tag)
    if header.vr(tag) != "PN":
        return text
    return next((spelling for spelling in text.replace("^", " ").split("=") if spelling.strip()), "").strip()


def _line_height(size: tuple[int, int]) -> int:
    return min(max(size[1] // _LINES_OF_HEIGHT, _SMALLEST), _LARGEST)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
