"""The words of all names of one attribute, in memory: which names a fuzzy key may mean (vna.dicom.fuzzy_names).

Made when the first such key comes: 0.3 s and 5 MiB for the 38,000 names of 100,000 synthetic studies, in which a word
is looked for in 3 to 9 ms. One thread adds at a time, others search meanwhile: everything here only grows.
"""

from array import array
from collections.abc import Iterable

from vna.dicom.fuzzy_names import key_words, sound_of, word_test, words_of


class Words:
    """Which row numbers of the dictionary have which word; `known` is the last row that has been looked at."""

    def __init__(self, known: int) -> None:
        self.known = known
        self._rows: dict[str, array[int]] = {}
        self._words: list[str] = []
        self._by_sound: dict[str, list[str]] = {}

    def add(self, forms: Iterable[tuple[str, int]]) -> None:
        """Enter component groups of names, each with the row number of its name."""
        for form, row in forms:
            for word in words_of(form):
                rows = self._rows.get(word)
                if rows is None:
                    rows = self._rows[word] = array("q")
                    self._words.append(word)
                    self._by_sound.setdefault(sound_of(word), []).append(word)
                rows.append(row)

    def meaning(self, group: str) -> set[int]:
        """Return the row numbers of the names that may match a component group of a key that asks for something."""
        found: set[int] | None = None
        for key in key_words(group):
            rows = {row for word in self._meant(key) for row in self._rows[word]}
            found = rows if found is None else found & rows
        return found or set()

    def _meant(self, key: str) -> set[str]:
        if "*" in key or "?" in key:
            return set(filter(word_test(key), self._words))
        heard = sound_of(key)
        alike = self._by_sound.get(heard, ()) if heard else ()
        return {word for word in self._words if word.startswith(key)}.union(alike)
