"""A data set as a list of tokens, to be changed at every level before it is written down.

Levels are the data set itself and the items of its sequences; of each it is known which token holds which element.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from vna.dicom.elements import Mark
from vna.dicom.values import Bulk, SequenceStart, Token, Value


@dataclass(slots=True)
class Level:
    """One data set or item: the place of each element's token by tag, and `end`, the place behind the last one."""

    places: dict[int, int] = field(default_factory=dict)
    end: int = 0


class TokenList:
    """The tokens of a data set; changes are noted first and made when it is gone through."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._tokens = list(tokens)
        self._instead: dict[int, Token | None] = {}
        self._before: dict[int, list[Value]] = {}
        self.levels = _levels(self._tokens)

    @property
    def top(self) -> Level:
        """The data set itself; the other levels are items."""
        return self.levels[0]

    def token(self, level: Level, tag: int) -> Token | None:
        """Return an element of a level, None if it is absent."""
        place = level.places.get(tag)
        return None if place is None else self._tokens[place]

    def values(self, level: Level) -> dict[int, bytes]:
        """Return the values of a level that lie in the header, by tag."""
        found = {}
        for tag, place in level.places.items():
            token = self._tokens[place]
            if isinstance(token, Value) and not token.fragments:
                found[tag] = token.data
        return found

    def replace(self, level: Level, tag: int, token: Value | Bulk | None) -> None:
        """Put another token in the place of an element that is there, or leave it out."""
        self._instead[level.places[tag]] = token

    def set(self, level: Level, values: Sequence[Value]) -> None:
        """Set elements, those that are there in their places and others where their tags belong."""
        for value in values:
            if value.tag in level.places:
                self.replace(level, value.tag, value)
            else:
                behind = (place for tag, place in level.places.items() if tag > value.tag)
                self._before.setdefault(min(behind, default=level.end), []).append(value)

    def __iter__(self) -> Iterator[Token]:
        for place, token in enumerate(self._tokens):
            yield from self._before.get(place, ())
            changed = self._instead.get(place, token)
            if changed is not None:
                yield changed
        yield from self._before.get(len(self._tokens), ())


def _levels(tokens: list[Token]) -> list[Level]:
    levels = [Level()]
    inside = [levels[0]]
    for place, token in enumerate(tokens):
        if token is Mark.ITEM:
            levels.append(Level())
            inside.append(levels[-1])
        elif token is Mark.ITEM_END:
            inside.pop().end = place
        elif isinstance(token, Value | Bulk | SequenceStart):
            inside[-1].places[token.tag] = place
    levels[0].end = len(tokens)
    return levels
