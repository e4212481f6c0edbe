"""Giving back: instances become data sets again, byte for byte, or converted on request.

Another uncompressed transfer syntax is written on the fly; one that compresses pixels differently is made
whole first, by codec processes (`vna.pixels`).

Small instances are decoded in batches of about 4 MB, two of them while a third is being sent, so that
both decoding and sending have a core; large ones are streamed. Every blob is
checked against its digest before its last byte is handed out.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import islice

from vna.archive.kept import Chunk, Kept, Shelf, part_of
from vna.dicom.part10 import OURS, write_part10_head
from vna.dicom.recode import can_recode, recode
from vna.errors import CannotConvert, VnaError
from vna.index import HeldInstance
from vna.log_context import ContextThreads
from vna.pixels.codecs import COMPRESSIONS
from vna.pixels.targets import obstacle_of
from vna.pixels.transcode import Transcoder

_BATCH_BYTES = 4 * 2**20
_STREAM_ABOVE_BYTES = 8 * 2**20
_OUTLINED_AT_ONCE = 128
_AHEAD = 3
_THREADS = 4


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set on its way out, in `transfer_syntax`; `chunks` can be gone through once.

    `size` in bytes is None when it is not known before the last chunk (deflated on the way out). `part10_head` is what
    stands before it in a file (PS3.10 7.1): what it came with, so that the same file goes out; of what came without,
    or is given in another transfer syntax, our own. `later` gives what is behind so many bytes, if that is had sooner.
    """

    transfer_syntax: str
    size: int | None
    chunks: Iterator[Chunk]
    part10_head: bytes
    later: Callable[[int], Iterator[Chunk]] | None = None

    @property
    def file_size(self) -> int | None:
        """Bytes of it as a file, None where that is not known before its end."""
        return None if self.size is None else len(self.part10_head) + self.size

    def file_chunks(self, start: int = 0) -> Iterator[Chunk]:
        """Give it as a file from a byte on, piece by piece; of what is as stored nothing before that is decoded."""
        head = len(self.part10_head)
        if start < head:
            yield self.part10_head[start:]
        if start <= head:
            yield from self.chunks
        elif self.later is not None:
            yield from self.later(start - head)
        else:
            yield from part_of(self.chunks, range(start - head, sys.maxsize))


Choose = Callable[[HeldInstance], str | None]
"""Says in which transfer syntax an instance is to be delivered; None if the peer takes none."""


Wanted = Callable[[HeldInstance], Sequence[str]]
"""Says in which transfer syntaxes an instance may be delivered, best first."""


class Retriever:
    """Opens held instances for reading."""

    def __init__(self, shelf: Shelf, transcoder: Transcoder) -> None:
        """Read from a shelf; the transcoder is closed with this."""
        self._shelf, self._transcoder = shelf, transcoder
        self._ahead = ContextThreads(_THREADS, thread_name_prefix="retrieve")
        self._converting = ContextThreads(_THREADS, thread_name_prefix="convert")

    def close(self) -> None:
        """End the threads that decode ahead, and the codec processes."""
        self._ahead.shutdown()
        self._converting.shutdown()
        self._transcoder.close()

    def open(self, held: HeldInstance, *, transfer_syntax: str | None = None) -> DataSet:
        """Open one instance, as stored or in another transfer syntax.

        Raises:
            Damaged: stored bytes are missing (damage found later is raised from `chunks`).
            CannotConvert: the instance cannot be turned into the syntax asked for.
            OutOfResources: there is no room to convert it.
        """
        return self._data_set(self._shelf.fetch([held])[0], {}, transfer_syntax or held.transfer_syntax)

    def part10_head(self, held: HeldInstance) -> bytes:
        """Return the preamble and File Meta an instance came with, empty if it did not come as a file."""
        return self._shelf.fetch([held])[0].part10_head

    def retrieve(
        self, instances: Sequence[HeldInstance], choose: Choose
    ) -> Iterator[tuple[HeldInstance, DataSet | VnaError]]:
        """Go through instances in order, each with its data set or the reason why there is none."""
        batches = _batches(instances)
        ahead: deque[Future[list[DataSet | VnaError]]] = deque()
        waiting = iter(batches)
        try:
            for batch in batches:
                for following in islice(waiting, _AHEAD - len(ahead)):
                    ahead.append(self._threads_for(following, choose).submit(self._open_batch, following, choose))
                yield from zip(batch, ahead.popleft().result(), strict=True)
        finally:
            for not_wanted in ahead:  # whoever asked has gone
                not_wanted.cancel()

    def possible(self, instances: Sequence[HeldInstance], wanted: Wanted) -> dict[int, tuple[str, ...]]:
        """Return, by version, which of the syntaxes wanted for an instance can be had, as far as its header tells."""
        found = {held.version_id: tuple(wanted(held)) for held in instances}
        unsure = [held for held in instances if any(_is_compressed_anew(held, each) for each in found[held.version_id])]
        for at in range(0, len(unsure), _OUTLINED_AT_ONCE):
            for kept in self._shelf.fetch(unsure[at : at + _OUTLINED_AT_ONCE]):
                held, stored = kept.held, self._shelf.data_set(kept, {})
                found[held.version_id] = tuple(
                    each
                    for each in found[held.version_id]
                    if not _is_compressed_anew(held, each) or not obstacle_of(stored, each)
                )
        return found

    def outline(self, instances: Sequence[HeldInstance], choose: Choose) -> Iterator[DataSet | VnaError]:
        """Go through instances as `retrieve` does, to be told the size of each: no pixels are read or converted.

        `choose` names transfer syntaxes that need no codec (`is_plain`).
        """
        for at in range(0, len(instances), _OUTLINED_AT_ONCE):
            for kept in self._shelf.fetch(instances[at : at + _OUTLINED_AT_ONCE]):
                yield self._chosen(kept, {}, choose)

    def _threads_for(self, batch: Sequence[HeldInstance], choose: Choose) -> ContextThreads:
        """Conversions take seconds: they have threads of their own, so that nothing else waits for them."""
        for held in batch:
            syntax = choose(held)
            if syntax is not None and not is_plain(held, syntax):
                return self._converting
        return self._ahead

    def _open_batch(self, batch: Sequence[HeldInstance], choose: Choose) -> list[DataSet | VnaError]:
        """Open a batch together; when something in it is damaged, each alone, to see which."""
        try:
            return self._open_together(batch, choose)
        except VnaError as exc:
            if len(batch) == 1:
                return [exc]
            return [one for held in batch for one in self._open_batch([held], choose)]

    def _open_together(self, batch: Sequence[HeldInstance], choose: Choose) -> list[DataSet | VnaError]:
        kept = self._shelf.fetch(batch)
        decoded = self._shelf.decode([one for one in kept if one.held.size <= _STREAM_ABOVE_BYTES])
        return [self._chosen(one, decoded, choose) for one in kept]

    def _chosen(self, kept: Kept, decoded: Mapping[str, Chunk], choose: Choose) -> DataSet | VnaError:
        try:
            syntax = choose(kept.held)
            if syntax is None:
                raise CannotConvert(f"the peer takes no syntax that {kept.held.transfer_syntax} can be given in")
            return self._data_set(kept, decoded, syntax)
        except VnaError as exc:
            return exc

    def _data_set(self, kept: Kept, decoded: Mapping[str, Chunk], syntax: str) -> DataSet:
        if syntax == kept.held.transfer_syntax:
            head = kept.part10_head or _own_head(kept.held, syntax)
            whole, later = self._shelf.chunks(kept, decoded), partial(self._shelf.chunks, kept, decoded)
            return DataSet(syntax, kept.held.size, whole, head, later)
        stored = self._shelf.data_set(kept, decoded)
        if can_recode(stored.transfer_syntax, syntax):
            recoded = recode(stored, syntax)
            return DataSet(syntax, recoded.size, recoded.chunks(), _own_head(kept.held, syntax))
        transcoded = self._transcoder.transcode(stored, syntax)
        return DataSet(syntax, transcoded.size, transcoded.chunks(), _own_head(kept.held, syntax))


def is_plain(held: HeldInstance, transfer_syntax: str) -> bool:
    """Return whether a transfer syntax is had without a codec: as stored, or by writing uncompressed elements anew."""
    return transfer_syntax == held.transfer_syntax or can_recode(held.transfer_syntax, transfer_syntax)


def _is_compressed_anew(held: HeldInstance, transfer_syntax: str) -> bool:
    return transfer_syntax in COMPRESSIONS and transfer_syntax != held.transfer_syntax


def _own_head(held: HeldInstance, transfer_syntax: str) -> bytes:
    return write_part10_head(held.sop_class_uid, held.key.instance, transfer_syntax, OURS)


def _batches(instances: Sequence[HeldInstance]) -> list[list[HeldInstance]]:
    """Cut a list into batches of about 4 MB; a large instance stands alone."""
    batches: list[list[HeldInstance]] = []
    room = 0
    for held in instances:
        if held.size > room or not batches:
            batches.append([])
            room = _BATCH_BYTES
        batches[-1].append(held)
        room -= held.size
    return batches
