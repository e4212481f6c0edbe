"""The papers of an elimination as PDF: the bordereau that is decided on, and the certificate of what was destroyed.

They are printed from the JSON that `vna elimination show` and the signed certificate hold, in French or English;
`vna.cli.elimination_letters` has the fonts. The same JSON gives the same bytes where the same fonts are.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import partial
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

import orjson
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from vna.cli.elimination_letters import AT_READER, BOLD, REGULAR, fonts_of, markup, register_fonts
from vna.cli.elimination_words import Words

_MARGIN = 15 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_GREY = colors.HexColor("#e8e8e8")
_TITLE = ParagraphStyle("title", fontName=BOLD, fontSize=15, leading=19, spaceAfter=2 * mm)
_HEADING = ParagraphStyle("heading", fontName=BOLD, fontSize=10, leading=13, spaceBefore=5 * mm, spaceAfter=1.5 * mm)
_CELL = ParagraphStyle("cell", fontName=REGULAR, fontSize=7.5, leading=9.5, splitLongWords=True)
_NOTE = ParagraphStyle("note", parent=_CELL, spaceBefore=3 * mm)
_HEAD = ParagraphStyle("head", parent=_CELL, fontName=BOLD)
_SIGNING_HEIGHT = 16 * mm
_GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
    ]
)


def print_bordereau(shown: dict[str, Any], language: str) -> bytes:
    """Return the bordereau as PDF, with room to sign for the roles that have not decided.

    Args:
        shown: what `vna elimination show --json` prints.
        language: fr or en.
    """
    register_fonts()
    words = Words(language)
    title = words("bordereau", n=shown["number"])
    facts = [
        (words("archive"), shown["archive"]),
        (words("state"), words.term(shown["state"])),
        (words("proposed"), f"{shown['by']}, {words.day(shown['time'][:10])}"),
        *_described(shown["bordereau"], words),
        (words("counts"), words("volume", **{**shown["bordereau"], "size": words.size(shown["bordereau"]["size"])})),
        (words("wait"), words("days", n=shown["wait_days"])),
        (words("accepted"), ", ".join(words.term(each) for each in shown["accepted"]) or words("none")),
        (words("digest"), shown["list_digest"]),
    ]
    story = [_heading_table(facts), *_decisions(shown["bordereau"], shown["roles"], shown["steps"], words)]
    story += [_heading(words("list")), _list_table(shown["items"], words)]
    excluded = shown["bordereau"].get("excluded", ())
    story += [_heading(words("excluded")), _excluded_table(excluded, words)]
    story += _on_letters(orjson.dumps(shown), words)
    return _pdf(title, story, words, footer=shown["list_digest"])


def print_certificate(data: bytes, language: str) -> bytes:
    """Return a signed certificate as PDF.

    Args:
        data: the certificate, as it was signed.
        language: fr or en.
    """
    register_fonts()
    words, document = Words(language), orjson.loads(data)
    elimination, digest = document["elimination"], hashlib.sha256(data).hexdigest()
    title = words("certificate", n=elimination["number"])
    totals = document["totals"]
    facts = [
        (words("archive"), document["archive"]),
        (words("issued"), f"{_moment(document['issued'], words)} UTC"),
        (words("proposed"), f"{elimination['by']}, {words.day(elimination['time'][:10])}"),
        *_described(document["bordereau"], words),
        (words("counts"), words("destroyed_volume", **{**totals, "size": words.size(totals["size"])})),
        (words("wait"), words("days", n=elimination["wait_days"])),
        (words("accepted"), ", ".join(words.term(each) for each in elimination["accepted"]) or words("none")),
        (words("digest"), elimination["list_digest"]),
        (words("journal"), words("position", **document["journal"])),
    ]
    story = [
        _heading_table(facts),
        *_decisions(document["bordereau"], elimination["roles"], document["approvals"], words),
    ]
    story += [_heading(words("places")), _places_table(document["places"], words)]
    story += [_heading(words("destroyed")), _destroyed_table(document, words)]
    story += [_heading(words("kept")), _kept_table(document, words)]
    proof = [
        (words("file_digest"), digest),
        (words("public_key"), document["public_key"]),
        (words("signed"), document["signature"]),
        (words("verify"), f"{words('how')} {words('no_names')}"),
    ]
    story.append(KeepTogether([_heading(words("verify")), _heading_table(proof)]))
    story += _on_letters(data, words)
    return _pdf(title, story, words, footer=digest)


def _described(description: dict[str, Any], words: Words) -> list[tuple[str, str]]:
    profile = description["profile"]
    is_verified = bool(profile["verified_by"])
    verified = words("verified", by=profile["verified_by"], on=words.day(profile["verified_on"])) if is_verified else ""
    typology = ", ".join(f"{kind}\N{NO-BREAK SPACE}: {count}" for kind, count in description["typology"].items())
    return [
        (words("evaluated"), words.day(description["on"])),
        (words("establishments"), ", ".join(description["establishments"]) or words("none")),
        (words("departments"), ", ".join(description["departments"]) or words("none")),
        (words("typology"), typology or words("none")),
        (words("dates"), " - ".join(_dicom_day(each, words) for each in description["dates"]) or words("none")),
        (words("profile"), f"{profile['name']} {profile['version']}, {verified or words('unverified')}"),
        (words("rules"), "\n".join(f"{each['id']}\N{NO-BREAK SPACE}: {each['cite']}" for each in description["rules"])),
    ]


def _decisions(
    description: dict[str, Any], roles: Sequence[str], steps: Sequence[dict[str, Any]], words: Words
) -> list[Flowable]:
    kinds = {each["role"]: words.term(each["kind"]) for each in description.get("approvals", ())}
    rows = []
    for number, role in enumerate(roles):
        step = steps[number] if number < len(steps) else None
        named = "\n".join(filter(None, (words.term(role), kinds.get(role))))
        if step is None:
            rows.append([named, "", words("pending"), "", "", ""])
        else:
            dated = words.day(step["reference_date"])
            reference = "\n".join(filter(None, (step["reference"], dated, step["document"])))
            who = [named, step["by"], words.term(step["decision"])]
            rows.append([*who, reference, _moment(step["time"], words), ""])
    head = [words(name) for name in ("role", "person", "decision", "reference", "time", "signature")]
    table = _table(head, rows, (0.24, 0.16, 0.12, 0.19, 0.13, 0.16), room=_SIGNING_HEIGHT)
    return [KeepTogether([_heading(words("decisions")), table])]


def _list_table(items: Sequence[dict[str, Any]], words: Words) -> Flowable:
    rows = [
        [
            str(item["item"]),
            _uids(item),
            f"{'+'.join(item['modalities'])} {_dicom_day(item['study_date'], words)}",
            f"{', '.join(item['rules'])}\n{words.day(item['retain_until'])}",
            f"{item['instances']}\n{words.size(item['size'])}",
            _outcome(item, words),
        ]
        for item in items
    ]
    head = [words(name) for name in ("item", "uid", "kind", "rule", "amount", "outcome")]
    return _table(head, rows, (0.06, 0.36, 0.13, 0.17, 0.14, 0.14))


def _excluded_table(excluded: Iterable[dict[str, Any]], words: Words) -> Flowable:
    rows = [
        [_uids(each), words.day(each["retain_until"]), _cause(each["cause"], each["holds"], words)] for each in excluded
    ]
    return _table([words("uid"), words("until"), words("cause")], rows, (0.55, 0.15, 0.3), words=words)


def _places_table(places: Iterable[dict[str, Any]], words: Words) -> Flowable:
    rows = [
        [
            words.place(each["place"]),
            words.method(each["method"]),
            f"{each['files']}, {words.size(each['size'])}",
            _moment(each["time"], words),
        ]
        for each in places
    ]
    head = [words(name) for name in ("place", "method", "files", "time")]
    return _table(head, rows, (0.18, 0.42, 0.22, 0.18), words=words)


def _destroyed_table(document: dict[str, Any], words: Words) -> Flowable:
    rows = []
    for each in document["destroyed"]:
        listed = document["list"][each["item"] - 1]
        named = dict(zip(("study", "series", "instance"), listed, strict=False))
        rules = f"{', '.join(listed[3])}\n{words.day(listed[4])}"
        size = words.size(sum(one["size"] for one in each["objects"]))
        amount = f"{len(each['objects'])}\n{size}"
        rows.append([str(each["item"]), _uids(named), rules, amount, _moment(each["time"], words), each["manifest"]])
    head = [words(name) for name in ("item", "uid", "rule", "amount", "time", "manifest")]
    return _table(head, rows, (0.06, 0.32, 0.16, 0.13, 0.12, 0.21), words=words)


def _kept_table(document: dict[str, Any], words: Words) -> Flowable:
    rows = []
    for each in document["kept"]:
        named = dict(zip(("study", "series", "instance"), document["list"][each["item"] - 1], strict=False))
        cause = _cause(each["cause"], each["holds"], words)
        rows.append([str(each["item"]), _uids(named), cause, f"{each['by']}\n{_moment(each['time'], words)}"])
    head = [words(name) for name in ("item", "uid", "cause", "person")]
    return _table(head, rows, (0.06, 0.48, 0.24, 0.22), words=words)


def _outcome(item: dict[str, Any], words: Words) -> str:
    outcome = words.term(item["outcome"])
    if item["cause"]:
        outcome = f"{outcome}\N{NO-BREAK SPACE}: {_cause(item['cause'], item['holds'], words)}"
    term = item["communicable"]
    return f"{outcome}\n{words('communicable', day=words.day(term['after']), cite=term['cite'])}" if term else outcome


def _cause(cause: str, holds: Sequence[int], words: Words) -> str:
    named = [words("hold", n=number) for number in holds]
    return ", ".join(named) if named else words.term(cause)


def _uids(item: dict[str, Any]) -> str:
    return "\n".join(uid for uid in (item["study"], item["series"], item["instance"]) if uid)


def _dicom_day(day: str, words: Words) -> str:
    return words.day(f"{day[:4]}-{day[4:6]}-{day[6:8]}") if len(day) == 8 else day


def _moment(time: str, words: Words) -> str:
    return words.day(time[:16].replace("T", " "))


def _on_letters(data: bytes, words: Words) -> list[Flowable]:
    """Return what is to be known of letters that something in this JSON has, and that are not in the PDF."""
    fonts = fonts_of(_texts(orjson.loads(data)))
    said = {"by_number": "" in fonts, "by_reader": not fonts.isdisjoint(AT_READER)}
    return [_paragraph(words(name), _NOTE) for name, is_due in said.items() if is_due]


def _texts(value: object) -> str:
    """Return all texts in a document, one a line."""
    if isinstance(value, dict):
        return "\n".join(map(_texts, value.values()))
    if isinstance(value, list):
        return "\n".join(map(_texts, value))
    return value if isinstance(value, str) else ""


def _heading(text: str) -> Paragraph:
    return Paragraph(escape(text), _HEADING)


def _paragraph(text: str, style: ParagraphStyle = _CELL) -> Paragraph:
    return Paragraph(markup(text), style)


def _heading_table(facts: Sequence[tuple[str, str]]) -> LongTable:
    rows = [[_paragraph(name, _HEAD), _paragraph(value)] for name, value in facts]
    table = LongTable(rows, colWidths=[0.3 * _WIDTH, 0.7 * _WIDTH], splitInRow=1)
    table.setStyle(_GRID)
    table.setStyle(TableStyle([("BACKGROUND", (0, 0), (0, -1), _GREY)]))
    return table


def _table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[float],
    room: float = 0,
    words: Words | None = None,
) -> Flowable:
    """Return a table; `room` is the least height of the last column, to write into, and `words` say an empty one."""
    if not rows and words is not None:
        return _paragraph(words("none"))
    cells: list[list[Flowable]] = [[_paragraph(text, _HEAD) for text in head]]
    for row in rows:
        cells.append([_paragraph(text) for text in row])
        if room:
            cells[-1][-1] = Spacer(0, room)
    table = LongTable(cells, colWidths=[width * _WIDTH for width in widths], repeatRows=1, splitInRow=1)
    table.setStyle(_GRID)
    table.setStyle(TableStyle([("BACKGROUND", (0, 0), (-1, 0), _GREY)]))
    return table


def _pdf(title: str, story: Sequence[Flowable], words: Words, footer: str) -> bytes:
    target = BytesIO()
    document = SimpleDocTemplate(
        target,
        pagesize=A4,
        title=title,
        lang=words.language,
        invariant=1,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN + 5 * mm,
    )

    line = f"{title}  -  SHA-256 {footer}"
    document.build([Paragraph(escape(title), _TITLE), *story], canvasmaker=partial(_Numbered, line=line, words=words))
    return target.getvalue()


class _Numbered(Canvas):
    """Pages that say how many there are: each is held back until the last one is known."""

    def __init__(self, *args: Any, line: str, words: Words, **options: Any) -> None:
        super().__init__(*args, **options)
        self._line, self._words = line, words
        self._held_back: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        """Hold a page back."""
        self._held_back.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]  # its types leave it out

    def save(self) -> None:
        """Write all pages, each with its foot."""
        pages = self._held_back
        for number, page in enumerate(pages, 1):
            self.__dict__.update(page)
            self.setFont(REGULAR, 6.5)
            self.drawString(_MARGIN, _MARGIN, self._line)
            self.drawRightString(A4[0] - _MARGIN, _MARGIN, self._words("page", n=number, of=len(pages)))
            super().showPage()
        super().save()
