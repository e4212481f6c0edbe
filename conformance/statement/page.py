"""A document as one HTML page that needs nothing else: no script, no font, no picture from anywhere.

It can be read by ear and by keyboard: headings in order, tables with captions and header cells, wide ones in a region
that scrolls by itself, a link past the contents; light and dark as the reader's system is, and fit to print.
"""

from collections.abc import Iterable
from html import escape

from conformance.statement.document import Block, Document, Figure, Paragraph, Points, Table

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #4a5565; --page: #fff; --band: #f2f5f9; --line: #c9d2de;
  --link: #0b57a4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #aab4c2; --page: #14181f; --band: #1d232d;
  --line: #3a4452; --link: #8ec1ff; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, "Segoe UI", Roboto, sans-serif;
  color: var(--ink); background: var(--page); }
a { color: var(--link); }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem; background: var(--page); }
header, nav, main { max-width: 75rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; border-bottom: 3px solid var(--link); }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.5rem; margin-top: 3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.2rem; margin-top: 2rem; }
h4 { font-size: 1.05rem; }
header p, caption, figcaption { color: var(--soft); }
nav ol { list-style: none; columns: 20rem; padding: 0; }
nav li { margin: .1rem 0; break-inside: avoid; }
nav .below { padding-left: 1.25rem; }
p, li { max-width: 48rem; }
.wide { overflow-x: auto; margin: 1rem 0; }
.wide:focus-visible, a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; min-width: 60%; font-size: .9rem; }
caption { text-align: left; padding: .3rem 0; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
thead th { background: var(--band); position: sticky; top: 0; }
tbody th { font-weight: 600; }
td code { white-space: nowrap; }
code { font: .92em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
figure { margin: 1rem 0; }
pre { background: var(--band); padding: 1rem; overflow-x: auto; line-height: 1.3; }
@media print { nav { display: none; } .wide { overflow: visible; } h2 { break-before: page; }
  tr { break-inside: avoid; } }
"""


def as_html(document: Document) -> str:
    """Return the page."""
    contents, body = [], []
    tables = 0
    for number, section in document.numbered():
        anchor = f"s{number.replace('.', '-')}"
        depth = number.count(".")
        if depth < 2:
            link = f'<a href="#{anchor}">{number} {escape(section.title)}</a>'
            contents.append(f'<li class="below">{link}</li>' if depth else f"<li>{link}</li>")
        level = depth + 2
        body.append(f'<h{level} id="{anchor}">{number} {escape(section.title)}</h{level}>')
        for block in section.blocks:
            tables += isinstance(block, Table)
            body.append(_block(block, tables))
    return (
        "\n".join(
            [*_head(document), *contents, "</ol>", "</nav>", '<main id="main">', *body, "</main>", "</body>", "</html>"]
        )
        + "\n"
    )


def _head(document: Document) -> list[str]:
    return [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(document.title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        '<a class="skip" href="#main">Skip the contents</a>',
        f"<header><h1>{escape(document.title)}</h1><p>{_text(document.subtitle)}</p></header>",
        '<nav aria-label="Contents">',
        "<ol>",
    ]


def _block(block: Block, number: int) -> str:
    match block:
        case Paragraph(text):
            return f"<p>{_text(text)}</p>"
        case Points(items):
            return "<ul>" + "".join(f"<li>{_text(item)}</li>" for item in items) + "</ul>"
        case Figure(caption, text):
            drawing = f'<pre role="img" aria-label="{escape(caption)}">{escape(text)}</pre>'
            return f"<figure>{drawing}<figcaption>{_text(caption)}</figcaption></figure>"
        case Table(caption, headings, rows):
            return _table(f"Table {number}: {caption}", headings, rows)


def _table(caption: str, headings: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    label = escape(caption.replace("`", ""))
    head = "".join(f'<th scope="col">{_text(heading)}</th>' for heading in headings)
    lines = [
        f'<tr><th scope="row">{_text(first)}</th>' + "".join(f"<td>{_text(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    ]
    opening = (
        f'<div class="wide" role="region" aria-label="{label}" tabindex="0"><table><caption>{_text(caption)}</caption>'
    )
    return "\n".join([opening, f"<thead><tr>{head}</tr></thead>", "<tbody>", *lines, "</tbody></table></div>"])


def _text(text: str) -> str:
    """Return a text with what stands between backticks as code."""
    pieces = [escape(piece) for piece in text.split("`")]
    pieces[1::2] = [f"<code>{piece}</code>" for piece in pieces[1::2]]
    return "".join(pieces)
