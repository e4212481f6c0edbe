"""A document as it is before it is Markdown or HTML: sections with paragraphs, lists, figures and tables.

Text between backticks is code; nothing else in a text is markup.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences."""

    text: str


@dataclass(frozen=True, slots=True)
class Points:
    """A list of points."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing made of characters; `caption` says what is to be seen."""

    caption: str
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first column of each row says what the row is about.

    Raises:
        ValueError: a row has not as many cells as there are headings.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.headings) for row in self.rows):
            raise ValueError(f"a row of the table {self.caption!r} is too short or too long")


Block = Paragraph | Points | Figure | Table


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter, or a section of one."""

    title: str
    blocks: tuple[Block, ...] = ()
    sections: "tuple[Section, ...]" = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A title, what stands below it, and the chapters."""

    title: str
    subtitle: str
    chapters: tuple[Section, ...]

    def numbered(self) -> Iterator[tuple[str, Section]]:
        """Go through all sections in reading order, with their numbers, such as 4.2.1."""
        for n, chapter in enumerate(self.chapters, start=1):
            yield from _numbered(str(n), chapter)


def paragraph(text: str) -> Paragraph:
    """Return a paragraph of a text that may be broken into lines anyhow."""
    return Paragraph(" ".join(text.split()))


def points(text: str) -> Points:
    """Return a list of a text in which each point begins on a line of its own with a dash."""
    return Points(tuple(" ".join(item.split()) for item in re.split(r"^\s*- ", text, flags=re.MULTILINE)[1:]))


def table(caption: str, headings: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    """Return a table of any rows."""
    return Table(caption, tuple(headings), tuple(tuple(row) for row in rows))


def _numbered(number: str, section: Section) -> Iterator[tuple[str, Section]]:
    yield number, section
    for n, below in enumerate(section.sections, start=1):
        yield from _numbered(f"{number}.{n}", below)
