"""Tables for people: rows of texts as lines, their cells below each other."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from rich.cells import cell_len


def columns(rows: Iterable[Sequence[str]], *, right: Collection[int] = ()) -> Iterator[str]:
    """Yield a line for each row; cells end below each other in the columns of `right`, else they begin so.

    A column without any text is left out. Wide letters, as in Japanese, count twice.

    >>> list(columns([("7", "CT", "", "x"), ("12", "MR+SR", "", "")], right=[0]))
    [' 7  CT     x', '12  MR+SR']
    """
    table = [[*row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (_padded(row[at], width, at_end=at in right) for at, width in enumerate(widths) if width)
        yield "  ".join(cells).rstrip()


def _padded(cell: str, width: int, *, at_end: bool) -> str:
    blanks = " " * (width - cell_len(cell))
    return blanks + cell if at_end else cell + blanks
