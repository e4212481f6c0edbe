"""Extra attributes (vna.dicom.extra), read from stored headers: for queries, and steadily for the index.

Of an instance its header alone is read, never a blob, unless the header itself is one: a header of more than 256 KiB,
or a deflated data set, which is kept whole.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Final

from vna.archive.kept import Kept, Shelf
from vna.dicom.extra import ExtraAttribute, value_of
from vna.dicom.scan import Scan, scan
from vna.errors import CannotUnderstand, Damaged
from vna.index import ExtraStretch, Index, Reached, index_errors

_PAGE: Final = 200
_HEADERS_AT_ONCE: Final = 50

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExtraProgress:
    """How far headers have been read for an attribute: up to one position of the journal, which stands at another."""

    setting: str
    read_upto: int
    position: int


class HeaderValues:
    """Reads values from stored headers. Thread-safe."""

    def __init__(self, index: Index, shelf: Shelf) -> None:
        self._index, self._shelf = index, shelf

    def read(self, version_ids: Sequence[int], attributes: Sequence[ExtraAttribute]) -> dict[int, dict[str, str]]:
        """Return what the headers of some versions say, by journal position and keyword; what is empty is left out.

        A version whose header is erased or damaged says nothing.

        Raises:
            OutOfResources: the index or the store cannot be read.
        """
        found = {}
        for start in range(0, len(version_ids), _HEADERS_AT_ONCE):
            for version_id, header in self._headers(version_ids[start : start + _HEADERS_AT_ONCE]):
                values = {each.keyword: value_of(header, each) for each in attributes}
                found[version_id] = {keyword: value for keyword, value in values.items() if value}
        return found

    def _headers(self, version_ids: Sequence[int]) -> list[tuple[int, Scan]]:
        with index_errors():
            instances = self._index.reader.held(version_ids)
            try:
                return [(kept.held.version_id, self._scanned(kept)) for kept in self._shelf.fetch(instances)]
            except (Damaged, CannotUnderstand) as exc:
                if len(version_ids) > 1:
                    return [one for version_id in version_ids for one in self._headers([version_id])]
                _log.warning("header not read for extra attributes position=%d reason=%s", version_ids[0], exc)
                return []

    def _scanned(self, kept: Kept) -> Scan:
        if kept.header:
            return scan(kept.header, kept.held.transfer_syntax, holes=kept.recipe.holes(kept.sizes))
        data = b"".join(self._shelf.chunks(kept, {}))
        return scan(data, kept.held.transfer_syntax)


class ExtraIndexer:
    """Keeps the index of the extra attributes: what came in is read, and what nobody asks for is deleted."""

    def __init__(self, index: Index, values: HeaderValues, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the index, whose attributes count; `clock` gives seconds."""
        self._index, self._values, self._clock = index, values, clock

    def progress(self) -> list[ExtraProgress]:
        """Return how far each attribute is that was asked for."""
        with index_errors():
            position = self._index.reader.position()
            return [ExtraProgress(each.setting, each.read_upto, position) for each in self._index.extra.reached()]

    def run(self, stopping: Event) -> None:
        """Read all headers that came since the last time, a page at a time, resting as long as each page took.

        Raises:
            OutOfResources: the index or the store cannot be used; it goes on there next time.
        """
        with index_errors():
            self._index.extra.ask_for(self._index.extra_attributes)
            while self._index.extra.purge():
                if stopping.is_set():
                    return
            position = self._index.reader.position()
        began = self._clock()
        while self._read_page(position):
            if stopping.wait(self._clock() - began):
                return
            began = self._clock()

    def _read_page(self, position: int) -> bool:
        """Read the next headers, for the attributes furthest behind; return whether any was behind."""
        asked = {each.setting: each for each in self._index.extra_attributes}
        with index_errors():
            reached = [each for each in self._index.extra.reached() if each.setting in asked]
            furthest = min((each.read_upto for each in reached), default=position)
            if furthest >= position:
                return False
            behind = [each for each in reached if each.read_upto == furthest]
            attributes = [asked[each.setting] for each in behind]
            levels = {attribute.level for attribute in attributes}
            owners = self._index.extra.owners(levels, after=furthest, upto=position, most=_PAGE)
            told = self._values.read(owners, attributes)
            upto = owners[-1] if len(owners) == _PAGE else position
            self._index.extra.enter([_stretch(asked[each.setting], each, upto, told) for each in behind])
        return True


def _stretch(
    attribute: ExtraAttribute, reached: Reached, upto: int, told: Mapping[int, Mapping[str, str]]
) -> ExtraStretch:
    values = {owner: found[attribute.keyword] for owner, found in told.items() if attribute.keyword in found}
    return ExtraStretch(attribute, reached, upto, values)
