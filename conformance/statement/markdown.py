"""A document as Markdown."""

from conformance.statement.document import Block, Document, Figure, Paragraph, Points, Table


def as_markdown(document: Document) -> str:
    """Return the document, tables as pipe tables with their captions above, numbered through."""
    parts = [f"# {document.title}", document.subtitle]
    tables = 0
    for number, section in document.numbered():
        parts.append(f"{'#' * (number.count('.') + 2)} {number} {_escaped(section.title)}")
        for block in section.blocks:
            tables += isinstance(block, Table)
            parts.append(_block(block, tables))
    return "\n\n".join(parts) + "\n"


def _block(block: Block, number: int) -> str:
    match block:
        case Paragraph(text):
            return _escaped(text)
        case Points(items):
            return "\n".join(f"- {_escaped(item)}" for item in items)
        case Figure(caption, text):
            return f"```text\n{text}\n```\n\n*{_escaped(caption)}*"
        case Table(caption, headings, rows):
            lines = [headings, ("---",) * len(headings), *rows]
            body = "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)
            return f"*Table {number}: {_escaped(caption)}*\n\n{body}"


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|")


def _escaped(text: str) -> str:
    """Return a text in which nothing but code between backticks is markup."""
    pieces = text.split("`")
    for n in range(0, len(pieces), 2):
        pieces[n] = pieces[n].replace("\\", "\\\\").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
    return "`".join(pieces)
