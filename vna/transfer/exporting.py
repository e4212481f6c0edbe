"""An export: what is selected is written study by study, several files at a time, each proven."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from vna.archive import Archive, DataSet
from vna.errors import OutOfResources, VnaError
from vna.media import MediaDirectory
from vna.transfer.layout import Layout
from vna.transfer.part10_files import Part10File, part10_file
from vna.transfer.selection import Selected, Selection, selected
from vna.transfer.targets import Target

_THREADS: Final = 4
_AHEAD: Final = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


class Exported(StrEnum):
    """What became of an instance."""

    WRITTEN = "written"
    KEPT = "kept"
    """It was there already, and verifies."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """What became of one version; `size` in bytes."""

    path: str
    fate: Exported
    size: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """A version on its way to its path."""

    order: int
    path: str
    selected: Selected
    file: Part10File


class Exporter:
    """One export. `refusal` says why the target takes nothing more, if that ended it."""

    def __init__(self, archive: Archive, target: Target, layout: Layout, *, dicomdir: bool = False) -> None:
        """Prepare it.

        Args:
            dicomdir: write a DICOMDIR too; the layout must be that of media.
        """
        self._archive, self._target, self._layout = archive, target, layout
        self._directory = MediaDirectory() if dicomdir else None
        self._orders = itertools.count()
        self._stopping = self._done = False
        self.refusal: str | None = None

    def stop(self) -> None:
        """Begin nothing new; what is begun is finished. May be called from a signal handler."""
        self._stopping = True

    @property
    def was_stopped(self) -> bool:
        """Whether it ended before everything was written."""
        return self._stopping

    def run(self, selection: Selection) -> Iterator[ExportedFile]:
        """Export what is selected; yield what becomes of each version. Of nothing, nothing is written.

        Raises:
            InTheWay: a DICOMDIR is there that would be replaced, and cannot be gone on with; nothing is written.
        """
        finished = False
        try:
            before = self._target.listed() if self._directory is not None else []
            with ThreadPoolExecutor(_THREADS, thread_name_prefix="export") as pool:
                for study in selected(self._archive, selection, self._layout.keywords):
                    if self._stopping:
                        break
                    yield from self._study(study, pool)
            if self._done and not self._stopping:
                finished = True
                yield from self._finish(before)
        finally:
            if not finished:
                self._target.abandon()

    def _study(self, study: list[Selected], pool: ThreadPoolExecutor) -> Iterator[ExportedFile]:
        """Look what is there already, and write the rest."""
        missing: list[_Place] = []
        paths = ((next(self._orders), self._layout.path(one), one) for one in study)
        for (order, path, one), future in _ahead(pool, self._look, paths):
            try:
                place, start = future.result()
            except VnaError as exc:
                yield self._failed(path, exc)
                continue
            if start is None:
                missing.append(place)
            else:
                self._enter(order, path, one, start)
                yield ExportedFile(path, Exported.KEPT, place.file.size)
        yield from self._write(missing, pool)

    def _look(self, wanted: tuple[int, str, Selected]) -> tuple[_Place, bytes | None]:
        order, path, one = wanted
        file = part10_file(self._archive, one.held)
        return _Place(order, path, one, file), self._target.existing(path, file)

    def _write(self, places: list[_Place], pool: ThreadPoolExecutor) -> Iterator[ExportedFile]:
        opened = self._archive.retrieve([place.selected.held for place in places], lambda held: held.transfer_syntax)
        data_sets = (data_set for _, data_set in opened)
        pairs = itertools.takewhile(lambda _: not self._stopping, zip(places, data_sets, strict=True))
        for (place, _), future in _ahead(pool, self._put, pairs):
            try:
                start = future.result()
            except VnaError as exc:
                yield self._failed(place.path, exc)
            else:
                self._enter(place.order, place.path, place.selected, start)
                yield ExportedFile(place.path, Exported.WRITTEN, place.file.size)

    def _put(self, what: tuple[_Place, DataSet | VnaError]) -> bytes:
        place, data_set = what
        if isinstance(data_set, VnaError):
            raise data_set
        return self._target.put(place.path, place.file, data_set.chunks)

    def _enter(self, order: int, path: str, one: Selected, start: bytes) -> None:
        self._done = True
        if self._directory is not None:
            self._directory.add(order, path, one.held, start)

    def _finish(self, before: Iterable[str]) -> Iterator[ExportedFile]:
        try:
            if self._directory is not None:
                for path in [path for path in before if path not in self._directory.paths]:
                    file = self._target.listed_file(path)
                    self._directory.add(next(self._orders), path, file.held, file.start)
                self._target.put_directory(self._directory.to_bytes())
            wrong = self._target.finish()
        except OutOfResources as exc:
            self.refusal = str(exc)
            self.stop()
            return
        for path in wrong:
            yield ExportedFile(path, Exported.FAILED, reason="what was written does not read back as what is held")

    def _failed(self, path: str, exc: VnaError) -> ExportedFile:
        if isinstance(exc, OutOfResources):
            self.refusal = str(exc)
            self.stop()
        return ExportedFile(path, Exported.FAILED, reason=str(exc))


def _ahead(
    pool: ThreadPoolExecutor, act: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[tuple[Item, Future[Result]]]:
    """Do something with each item in other threads, some ahead; yield them in order as they are done."""
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    for item in items:
        waiting.append((item, pool.submit(act, item)))
        if len(waiting) > _AHEAD:
            yield waiting.popleft()
    yield from waiting
