"""A board: the memory in which one process counts and another one reads.

The boards of a node are anonymous shared memory, made by the process at the top before it forks the others. So there
are no files to name, clear away or keep apart from those of the last start; what a process has counted is there
after it was killed; and the process that takes its place goes on from there, so that no total goes backwards.
prometheus-client's own way for several processes is files named by process id, in a folder that an environment
variable must name before the library is imported: each restart of a worker leaves files for good, and every command
that counts by accident would write among them.

    word 0        words in use, this one included
    words 1..128  where is counted what does not fit any more
    record        values N | key length in bytes | key, UTF-8 JSON list of text, padded | N float64
    record        ...

Words are 8 bytes, in the machine's own order. A record is never moved or removed. A **note** is a record whose
values are: how often, when last (Unix time), length of a text in bytes, and the text.

Invariant: one process writes a board. Words are written and read whole, so a reader sees each value as it was at some
moment, though not all of them as of the same one; what is written last makes a new record visible.
"""

import json
import mmap
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SIZE_BYTES: Final = 4 * 2**20
"""Room for some ten thousand series; pages that are not written cost nothing."""

NOTE: Final = "note"
"""The first part of a note's key."""

_WORD = 8
_TEXT_WORDS = 64
_NOTE_VALUES = 3 + _TEXT_WORDS
_SPARE_VALUES = 128

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One record: what it counts, and its values."""

    key: Key
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was said `count` times, last at `at` (Unix time) in the words of `text`."""

    key: Key
    count: int
    at: float
    text: str


class Board:
    """One process's numbers. Thread-safe; what does not fit is counted in a place nobody reads."""

    def __init__(self, memory: memoryview | None = None) -> None:
        """Take one of `boards`, with what stands on it; without one, memory that no other process sees."""
        plain = boards(1)[0] if memory is None else memory
        self._bytes, self._words, self._values = plain, plain.cast("q"), plain.cast("d")
        self._lock = threading.Lock()
        self._known: dict[Key, int] = {record.key: place for place, record in self._records()}

    def place(self, key: Key, values: int) -> int:
        """Return where the values of a series begin, for `add`; the series is made when it is new."""
        known = self._known.get(key)
        if known is not None:
            return known
        with self._lock:
            return self._known.get(key) or self._make(key, values)

    def add(self, place: int, amount: float) -> None:
        """Add to one value."""
        with self._lock:
            self._values[place] += amount

    def add_two(self, place: int, amount: float, other: int, other_amount: float) -> None:
        """Add to two values at once."""
        with self._lock:
            self._values[place] += amount
            self._values[other] += other_amount

    def reset(self, key: Key) -> None:
        """Set a series of one value to nothing."""
        with self._lock:
            self._values[self._known[key]] = 0.0

    def note(self, key: Key, at: float, text: str) -> None:
        """Note that something was said once more; a text too long is cut."""
        encoded = text.encode("utf-8", "replace")[: _TEXT_WORDS * _WORD]
        place = self.place((NOTE, *key), _NOTE_VALUES)
        start = (place + 3) * _WORD
        with self._lock:
            self._values[place + 2] = 0.0
            self._bytes[start : start + len(encoded)] = encoded
            self._values[place + 2] = float(len(encoded))
            self._values[place + 1] = at
            self._values[place] += 1

    def series(self) -> list[Series]:
        """Return all series as they stand now, notes left out."""
        return [record for _, record in self._records() if record.key[0] != NOTE]

    def notes(self) -> list[Note]:
        """Return all notes as they stand now."""
        found = []
        for place, record in self._records():
            if record.key[0] == NOTE and record.values[0]:
                count, at, length = record.values[:3]
                start = (place + 3) * _WORD
                text = bytes(self._bytes[start : start + int(length)]).decode("utf-8", "replace")
                found.append(Note(record.key[1:], int(count), at, text))
        return found

    def _make(self, key: Key, values: int) -> int:
        """Append a record; the lock is held."""
        encoded = json.dumps(key, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        end = self._words[0]
        place = end + 2 + -(-len(encoded) // _WORD)
        if (place + values) * _WORD > len(self._bytes):
            return 1
        start = (end + 2) * _WORD
        self._bytes[start : start + len(encoded)] = encoded
        self._words[end], self._words[end + 1] = values, len(encoded)
        self._words[0] = place + values
        self._known[key] = place
        return place

    def _records(self) -> Iterator[tuple[int, Series]]:
        at, end = 1 + _SPARE_VALUES, self._words[0]
        while at < end:
            values, length = self._words[at], self._words[at + 1]
            start = (at + 2) * _WORD
            key = tuple(json.loads(bytes(self._bytes[start : start + length])))
            place = at + 2 + -(-length // _WORD)
            yield place, Series(key, tuple(self._values[place : place + values]))
            at = place + values


def boards(count: int) -> list[memoryview]:
    """Return the memory of so many boards, shared with every process that is forked from now on."""
    memory = memoryview(mmap.mmap(-1, count * SIZE_BYTES))
    made = [memory[number * SIZE_BYTES : (number + 1) * SIZE_BYTES] for number in range(count)]
    for each in made:
        each.cast("q")[0] = 1 + _SPARE_VALUES
    return made
