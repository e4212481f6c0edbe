"""Handling one unit of an import: read it, have it taken, and say what became of it."""

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tarfile import TarInfo
from typing import IO

from vna.archive import Incoming
from vna.errors import CannotUnderstand, EliminatedBefore, OutOfResources, RejectedBefore, VnaError
from vna.transfer.containers import expand, sparse, tar_files
from vna.transfer.reading import (
    PIECE_BYTES,
    CannotRead,
    IsDirectory,
    NotDicom,
    Readable,
    Reader,
    judge,
    limited,
    pieces_of,
    read_into,
    reading_errors,
)
from vna.transfer.taking import Taker
from vna.transfer.units import Fate, TarStream, Unit, Verdict

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a unit, or of a part of it; `finished` says that nothing more comes of the unit."""

    number: int
    verdict: Verdict | None
    finished: bool = True


class Handler:
    """Handles units, from many threads."""

    def __init__(self, incoming: Callable[[], Incoming], taker: Taker, *, threads: int) -> None:
        self._incoming, self._taker, self._threads = incoming, taker, threads

    def reader(self) -> Reader:
        """Return a reader for one thread; to be closed."""
        return Reader(self._incoming)

    def handle(self, number: int, unit: Unit, reader: Reader) -> Iterator[Report]:
        """Do all there is to do for a unit; never raises because of what is in it."""
        try:
            yield from self._stream(number, unit) if isinstance(unit, TarStream) else self._one(number, unit, reader)
        except Exception as exc:  # noqa: BLE001 - one bad file must not end the import
            yield Report(number, _bug(unit.label, exc, progress=0))

    def _one(self, number: int, unit: Readable, reader: Reader) -> Iterator[Report]:
        def take() -> Fate:
            with reader.open(unit) as candidate:
                return self._taker.take(candidate)

        yield Report(number, _judged(unit.label, take, progress=unit.size))

    def _stream(self, number: int, unit: TarStream) -> Iterator[Report]:
        with ThreadPoolExecutor(self._threads) as pool:
            for verdict in _Stream(unit, self._incoming, self._taker, pool).verdicts(ahead=self._threads):
                yield Report(number, verdict, finished=False)
        yield Report(number, None)


class _Stream:
    """A compressed TAR: one thread reads it, others take what it holds meanwhile."""

    def __init__(
        self, unit: TarStream, incoming: Callable[[], Incoming], taker: Taker, pool: ThreadPoolExecutor
    ) -> None:
        self._unit, self._incoming, self._taker, self._pool = unit, incoming, taker, pool
        self._piece = memoryview(bytearray(PIECE_BYTES))
        self._passed = 0

    def verdicts(self, *, ahead: int) -> Iterator[Verdict]:
        """Yield what becomes of the members, at last of the rest when the TAR breaks off."""
        waiting: deque[Future[Verdict]] = deque()
        problem: Verdict | None = None
        try:
            with reading_errors(), closing(self._members()) as members:
                for begun in members:
                    waiting.append(begun)
                    if len(waiting) > ahead:
                        verdict = waiting.popleft().result()
                        yield verdict
                        if verdict.fate is Fate.REFUSED:
                            break
        except (CannotRead, CannotUnderstand) as exc:
            problem = _verdict_on(exc, self._unit.label, 0)
        yield from (future.result() for future in waiting)
        if problem is not None:
            yield problem

    def _members(self) -> Generator[Future[Verdict]]:
        with Path(self._unit.path).open("rb") as raw, expand(raw, self._unit.kind) as expanded:
            for info, stream in tar_files(expanded):
                progress, self._passed = raw.tell() - self._passed, raw.tell()
                yield self._begin(info, stream, progress)

    def _begin(self, info: TarInfo, stream: IO[bytes], progress: int) -> Future[Verdict]:
        """Read a member, and let another thread go on with it; what breaks the whole TAR is raised."""
        label = f"{self._unit.path}:{info.name}"
        incoming: Incoming | None = None
        try:
            if info.issparse():
                return _known(sparse(label))
            incoming = self._incoming()
            read_into(incoming, limited(pieces_of(stream, self._piece, size=info.size), self._unit.size), label)
        except (NotDicom, VnaError) as exc:
            if incoming is not None:
                incoming.discard()
            return _known(_verdict_on(exc, label, progress))
        except BaseException:
            if incoming is not None:
                incoming.discard()
            raise
        return self._pool.submit(_judged, label, lambda: self._take(incoming), progress=progress)

    def _take(self, incoming: Incoming) -> Fate:
        try:
            return self._taker.take(judge(incoming.finish()))
        finally:
            incoming.discard()


def _judged(label: str, take: Callable[[], Fate], *, progress: int) -> Verdict:
    """Take something and return the verdict on it, whatever happens."""
    try:
        return Verdict(label, take(), progress=progress)
    except (NotDicom, IsDirectory, CannotRead, VnaError) as exc:
        return _verdict_on(exc, label, progress)
    except Exception as exc:  # noqa: BLE001 - one bad file must not end the import
        return _bug(label, exc, progress=progress)


def _bug(label: str, exc: Exception, *, progress: int) -> Verdict:
    _log.error("import failed", exc_info=exc)
    return Verdict(label, Fate.FAILED, f"an error of this program: {type(exc).__name__}", progress)


def _verdict_on(exc: Exception, label: str, progress: int) -> Verdict:
    match exc:
        case NotDicom():
            fate = Fate.NOT_DICOM
        case IsDirectory():
            fate = Fate.DIRECTORY
        case CannotUnderstand():
            fate = Fate.DAMAGED
        case RejectedBefore() | EliminatedBefore():
            fate = Fate.REJECTED
        case OutOfResources():
            fate = Fate.REFUSED
        case _:
            fate = Fate.FAILED
    return Verdict(label, fate, str(exc), progress)


def _known(verdict: Verdict) -> Future[Verdict]:
    future: Future[Verdict] = Future()
    future.set_result(verdict)
    return future
