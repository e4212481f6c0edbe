"""Comparing what arrives with what is held under the same key: another encoding, or another content?"""

from collections.abc import Iterator

from storage_backends import Content
from vna.archive.kept import Shelf
from vna.dicom.equality import same_content
from vna.dicom.recipe import cut
from vna.dicom.scan import Scan
from vna.dicom.values import StoredDataSet
from vna.errors import CannotConvert, CannotUnderstand
from vna.events import Arrival
from vna.index import HeldInstance, Reader

_STEP = 2**20


class Comparer:
    """Compares arrivals with held versions; seldom needed, so not on the hot path."""

    def __init__(self, reader: Reader, shelf: Shelf) -> None:
        self._reader, self._shelf = reader, shelf

    def compare(self, arrival: Arrival, content: Content, scanned: Scan, digests: tuple[str, ...]) -> dict[str, bool]:
        """Return, by digest of the held versions asked for, whether the arrival says the same in another encoding."""
        arrived = _as_stored(content, scanned)
        held = {each.digest: each for each in self._reader.held_versions(arrival.key)}
        return {digest: digest in held and self._same(arrived, held[digest]) for digest in digests}

    def _same(self, arrived: StoredDataSet, held: HeldInstance) -> bool:
        kept = self._shelf.fetch([held])[0]
        try:
            return same_content(arrived, self._shelf.data_set(kept, {}))
        except (CannotConvert, CannotUnderstand):
            return False  # not comparable is kept as other content: nothing is lost by that


def _as_stored(content: Content, scanned: Scan) -> StoredDataSet:
    """Return an arrived data set in the form of a stored one; its blobs are windows onto it."""
    parts = cut(scanned, content.size)
    windows = {f"arriving {n}": content.part(value.offset, value.length) for n, value in enumerate(parts.bulk)}

    def open_blob(name: str) -> Iterator[memoryview]:
        window = windows[name]
        for offset in range(0, window.size, _STEP):
            yield window.read(offset, min(_STEP, window.size - offset))

    sizes = {name: window.size for name, window in windows.items()}
    return StoredDataSet(scanned.transfer_syntax, parts.header, parts.recipe(tuple(windows)), sizes, open_blob)
