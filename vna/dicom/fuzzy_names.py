"""Fuzzy matching of person names (PS3.4 C.2.2.2.1.1): by their words, in any order, without accents, by their sound.

What counts as alike is for each node to say; here it is this. A name is cut into words at blanks, carets, hyphens,
apostrophes, commas and dots; case and the accents of Latin, Greek and Cyrillic letters do not count. Each word of the
key has to find a word of its own in one component group of the name: one that begins with it, that its wild cards
match, or that sounds like it. Sound is that of European names in Latin letters: vowels and double letters do not count,
and letters that are often taken for each other are one (`Meyer` and `Maier`, `Dupont` and `Dupond`).
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from vna.dicom.wild_cards import wild_card

WordTest = Callable[[str], bool]

_BETWEEN: Final = re.compile("[\\s^\\-'\N{RIGHT SINGLE QUOTATION MARK},.]+")
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
_LIGATURES: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\N{LATIN SMALL LETTER DOTLESS I}": "i"}
)
_SPELLINGS: Final = (
    (re.compile("sch|sh|ch(?=[ei])"), "s"),
    (re.compile("ph"), "f"),
    (re.compile("c(?=[eiy])"), "s"),
    (re.compile("x"), "ks"),
    (re.compile("[aeiouyh]"), ""),
)
_SOUNDS: Final = str.maketrans("bcdgqvwz", "pktkkffs")
_DOUBLE: Final = re.compile(r"(.)\1+")
_LEAST_SOUND: Final = 2
"""Of fewer consonants too many words sound alike: Lee, Li and Ali."""


def words_of(group: str) -> list[str]:
    """Return the words of a component group of a name, without case and accents.

    >>> words_of("Müller-Lüdenscheidt^Jörg")
    ['muller', 'ludenscheidt', 'jorg']
    """
    return [word for word in _BETWEEN.split(plain(group)) if word]


def plain(text: str) -> str:
    """Return a text without case and accents; what is composed in other scripts stays so."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold()).translate(_LIGATURES)
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))


@lru_cache(maxsize=4096)
def sound_of(word: str) -> str:
    """Return the consonants that are heard of a word of `words_of`, empty where there are too few to go by.

    >>> sound_of("meyer"), sound_of("maier"), sound_of("gauthier"), sound_of("lee")
    ('mr', 'mr', 'ktr', '')
    """
    if not (word.isascii() and word.isalpha()):
        return ""
    word = _DOUBLE.sub(r"\1", word)
    for spelling, heard in _SPELLINGS:
        word = spelling.sub(heard, word)
    heard = _DOUBLE.sub(r"\1", word.translate(_SOUNDS))
    return heard if len(heard) >= _LEAST_SOUND else ""


def key_words(group: str) -> list[str]:
    """Return the words of a component group of a key that ask for something."""
    return [word for word in words_of(group) if word.strip("*?")]


def word_test(key: str) -> WordTest:
    """Return the test whether a word of a name is what a word of a key may mean."""
    if "*" in key or "?" in key:
        matching = wild_card(key).fullmatch
        return lambda word: matching(word) is not None
    heard = sound_of(key)
    return lambda word: word.startswith(key) or (heard != "" and sound_of(word) == heard)


def name_test(key: str) -> Callable[[str], bool]:
    """Return the test whether a name is what a key may mean, group by group where the key has several (`=`)."""
    wanted = [[word_test(word) for word in key_words(group)] for group in key.split("=")]

    def test(name: str) -> bool:
        groups = [words_of(group) for group in name.split("=")]
        if len(wanted) == 1:
            return any(_each_has_one(wanted[0], words) for words in groups)
        missing: list[list[str]] = [[]] * (len(wanted) - len(groups))
        return all(_each_has_one(tests, words) for tests, words in zip(wanted, groups + missing, strict=False))

    return test


def _each_has_one(tests: Sequence[WordTest], words: Sequence[str]) -> bool:
    """Return whether each test can be given a word of its own that passes it; places are changed until all have one."""
    given: dict[int, int] = {}

    def place(number: int, tried: set[int]) -> bool:
        for at, word in enumerate(words):
            if at not in tried and tests[number](word):
                tried.add(at)
                if at not in given or place(given[at], tried):
                    given[at] = number
                    return True
        return False

    return all(place(number, set()) for number in range(len(tests)))
