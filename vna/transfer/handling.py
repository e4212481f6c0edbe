"""Handling units of an import: read them, have them taken, and say what became of each."""

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tarfile import TarInfo
from typing import IO

from vna.archive import Incoming
from vna.errors import CannotUnderstand, EliminatedBefore, OutOfResources, RejectedBefore, VnaError, tried
from vna.transfer.containers import expand, sparse, tar_files
from vna.transfer.reading import (
    PIECE_BYTES,
    Candidate,
    CannotRead,
    IsDirectory,
    NotDicom,
    NotOpened,
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

_EXPECTED = (NotDicom, IsDirectory, CannotRead, VnaError)

Batch = Sequence[tuple[int, Unit]]
"""Units with the numbers that reports call them by."""


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

    def handle(self, batch: Batch, reader: Reader) -> Iterator[Report]:
        """Do all there is to do for some units, those that are one file each together; never raises because of them."""
        together = [(number, unit) for number, unit in batch if not isinstance(unit, TarStream)]
        if together:
            yield from self._files(together, reader)
        for number, unit in batch:
            if isinstance(unit, TarStream):
                try:
                    yield from self._stream(number, unit)
                except Exception as exc:  # noqa: BLE001 - one bad file must not end the import
                    yield Report(number, _verdict(exc, unit.label, progress=0))

    def _files(self, batch: Sequence[tuple[int, Readable]], reader: Reader) -> Iterator[Report]:
        with ExitStack() as opened:
            read = [tried(_opened, opened, reader, unit, expected=_EXPECTED) for _, unit in batch]
            fates = iter(self._taken([each for each in read if isinstance(each, Candidate)]))
            outcomes = [next(fates) if isinstance(each, Candidate) else each for each in read]
        for (number, unit), outcome in zip(batch, outcomes, strict=True):
            yield Report(number, _verdict(outcome, unit.label, progress=unit.size))

    def _taken(self, candidates: Sequence[Candidate]) -> Sequence[Fate | Exception]:
        fates = tried(self._taker.take, candidates)
        return [fates] * len(candidates) if isinstance(fates, Exception) else fates

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
            problem = _verdict(exc, self._unit.label, progress=0)
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
            return _known(_verdict(exc, label, progress=progress))
        except BaseException:
            if incoming is not None:
                incoming.discard()
            raise
        return self._pool.submit(
            lambda: _verdict(tried(self._take, incoming, expected=_EXPECTED), label, progress=progress)
        )

    def _take(self, incoming: Incoming) -> Fate | Exception:
        try:
            [outcome] = self._taker.take([judge(incoming.finish())])
            return outcome
        finally:
            incoming.discard()


def _opened(files: ExitStack, reader: Reader, unit: Readable) -> Candidate:
    return files.enter_context(reader.open(unit))


def _verdict(outcome: Fate | Exception, label: str, *, progress: int) -> Verdict:
    """Return the verdict on something by what became of it."""
    reason = "" if isinstance(outcome, Fate) else str(outcome)
    match outcome:
        case Fate():
            fate = outcome
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
        case CannotRead() | NotOpened() | VnaError():
            fate = Fate.FAILED
        case _:
            _log.error("import failed", exc_info=outcome)
            fate, reason = Fate.FAILED, f"an error of this program: {type(outcome).__name__}"
    return Verdict(label, fate, reason, progress)


def _known(verdict: Verdict) -> Future[Verdict]:
    future: Future[Verdict] = Future()
    future.set_result(verdict)
    return future
