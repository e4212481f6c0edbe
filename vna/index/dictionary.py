"""Which texts of the dictionary may match: names and descriptions, by value, by wild card, or names by their words.

A wild card that begins with plain text is a range of an index. For any other all forms of the attribute have to be
looked at: they are kept in memory, one behind the other, which is searched many times as fast as rows are. Row numbers
grow in the order of commits; so what has come since is read by row number, and what is in memory is never older than
the transaction that asks. Texts are removed by eliminations alone: after one everything is read anew.
"""

import re
import threading
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import bindparam, func, select

from vna.dicom.attributes import Attribute
from vna.dicom.fuzzy_names import key_words
from vna.dicom.matching import FuzzyName, Matcher, SingleValue, WildCard, fold
from vna.index import tables
from vna.index.narrowing import How, compared, like
from vna.index.records import forms_of
from vna.index.statements import Cursor
from vna.index.words import Words

_FORM, _TERM = tables.term_form.c, tables.term.c
_NAMED = _FORM.attribute == bindparam("attribute")
_BY_HOW = {
    how: select(_FORM.term_id).where(_NAMED, compared(_FORM.folded, "form", how)) for how in (How.EQUAL, How.BEGINS)
}
_ALL = select(_FORM.folded, _FORM.term_id).where(_NAMED)
_ELIMINATED_AT = select(tables.archive.c.eliminated_at)
_LATEST = select(func.coalesce(func.max(_TERM.id), 0))
_ADDED = select(_TERM.id, _TERM.attribute, _TERM.value).where(_TERM.id > bindparam("known")).order_by(_TERM.id)


class Dictionary:
    """The texts of one database. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[type, str], _Packed | Words] = {}
        self._eliminated_at = 0

    def matching(self, cursor: Cursor, attribute: Attribute, matcher: Matcher) -> Sequence[int] | None:
        """Return the row numbers of the texts that may match; None for any.

        Of a name with several groups each has to match; so it is enough that one of them may.
        """
        match matcher:
            case SingleValue(value) | WildCard(value):
                groups = value.split("=") if attribute.vr == "PN" else [value]
            case FuzzyName(name):
                words = self._forms(cursor, attribute.keyword, Words)
                asking = [group for group in name.split("=") if key_words(group)]
                return sorted({term for group in asking for term in words.meaning(group)})
            case _:
                return None
        wild = isinstance(matcher, WildCard)
        folded = [form for form in map(fold, groups) if (form.strip("*?") if wild else form)]
        if not folded:
            return None
        return sorted({term for form in folded for term in self._matching(cursor, attribute.keyword, form, wild=wild)})

    def _matching(self, cursor: Cursor, keyword: str, form: str, *, wild: bool) -> Sequence[int]:
        how, values = like("form", form) if wild else (How.EQUAL, {"form": form})
        if how is How.LIKE:
            return self._forms(cursor, keyword, _Packed).like(form)
        return [row[0] for row in cursor.all(_BY_HOW[how], {"attribute": keyword, **values})]

    def _forms(self, cursor: Cursor, keyword: str, kind: "type[_Kept]") -> "_Kept":
        with self._lock:
            eliminated_at = cursor.scalar(_ELIMINATED_AT, {})
            if eliminated_at != self._eliminated_at:
                self._kept.clear()
                self._eliminated_at = eliminated_at
            kept = self._kept.get((kind, keyword))
            if not isinstance(kept, kind):
                kept = self._kept[kind, keyword] = kind(cursor.scalar(_LATEST, {}))
                kept.add(cursor.all(_ALL, {"attribute": keyword}))
            for term_id, attribute, value in cursor.all(_ADDED, {"known": kept.known}):
                if attribute == keyword:
                    kept.add((form, term_id) for form in forms_of(keyword, value))
                kept.known = term_id
            return kept


class _Packed:
    """The forms of one attribute, each followed by a line feed; `known` is the last row that has been looked at.

    One thread adds at a time, others search meanwhile: they look no further than `_size`.
    """

    def __init__(self, known: int) -> None:
        self.known = known
        self._text, self._size = bytearray(), 0
        self._starts, self._term_ids = array("q"), array("q")

    def add(self, forms: Iterable[tuple[str, int]]) -> None:
        for form, term_id in forms:
            self._starts.append(len(self._text))
            self._term_ids.append(term_id)
            self._text += form.encode("utf-8", "surrogatepass") + b"\n"
        self._size = len(self._text)

    def like(self, form: str) -> list[int]:
        """Return the texts of the forms that a folded wild card with some plain text may match, and few others."""
        pieces = [piece.encode("utf-8", "surrogatepass") for piece in re.split(r"[*?]+", form) if piece]
        at_end = b"" if form[-1] in "*?" else pieces[-1] + b"\n"
        if len(pieces) == 1 and not at_end:
            return [self._term_ids[at] for at in self._having(pieces[0])]
        found = self._having(max(pieces, key=len))
        return [self._term_ids[at] for at in found if _in_order(pieces, at_end, self._line(at))]

    def _having(self, piece: bytes) -> Iterator[int]:
        """Yield the numbers of the lines that hold a piece of text."""
        text, starts, size = self._text, self._starts, self._size
        hit = text.find(piece, 0, size)
        while hit >= 0:
            number = bisect_right(starts, hit) - 1
            yield number
            if number + 1 == len(starts):
                return
            hit = text.find(piece, starts[number + 1], size)

    def _line(self, number: int) -> bytes:
        end = self._starts[number + 1] if number + 1 < len(self._starts) else self._size
        return bytes(self._text[self._starts[number] : end])


_Kept = TypeVar("_Kept", _Packed, Words)


def _in_order(pieces: Sequence[bytes], at_end: bytes, line: bytes) -> bool:
    """Return whether a line holds these pieces one behind the other, and ends so."""
    at = 0
    for piece in pieces:
        at = line.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return line.endswith(at_end)
