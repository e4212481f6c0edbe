"""Giving a stored data set in a transfer syntax that compresses pixels differently, or not at all.

All frames are converted before the first byte is given out: what cannot be converted is found out while it can still be
said, the size is known, and no codec process waits for a slow peer. One frame at a time lies in memory; the result goes
where received data sets go, into memory while there is room and into a nameless file else.

The data set keeps its SOP Instance UID: decoding, and compressing without loss, make no new instance (PS3.3
C.7.6.1.1.5). Pixel data inside of sequences (icons) becomes native, which every transfer syntax allows (PS3.5 A.4).
"""

import time
import weakref
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from storage_backends import Content
from vna.dicom.encoding import EXPLICIT_LE_UID, PIXEL_DATA
from vna.dicom.frames import EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS
from vna.dicom.recode import Recoded, written
from vna.dicom.values import Bulk, OpenBlob, StoredDataSet, Value, bulk_chunks, inflated, read_values
from vna.errors import CannotConvert
from vna.pixels.attributes import (
    Loss,
    declared_frames,
    frame_changes,
    image_changes,
    image_of,
    loss_changes,
    says_nothing_of_loss,
)
from vna.pixels.codecs import COMPRESSIONS, MAYBE_LOSSY, Compression
from vna.pixels.conversion import Converted, Task
from vna.pixels.frames import (
    Chunks,
    EncapsulatedFrames,
    OffsetTables,
    basic_offset_table,
    end_to_end,
    fragment,
    native_frames,
)
from vna.pixels.image import Image
from vna.pixels.pool import CodecPool, CodecProcess, Limits
from vna.pixels.rendering.request import RenderTask, TileTask
from vna.pixels.targets import FLOATING, NEVER_FLOATING, targets_of
from vna.pixels.tokens import Level, TokenList

_RESULT: Final = "converted pixels"
_STEP: Final = 2**20
_LEAST_S: Final = 0.001
"""Seconds for a frame when the others took all there were: its codec is ended, as any that is late."""


class Scratch(Protocol):
    """A place for a result, made by whoever knows where there is room; `vna.archive` has it."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes."""
        ...

    def finish(self) -> Content:
        """Return what was written; valid until `discard`."""
        ...

    def discard(self) -> None:
        """Give the place back; may be called more than once."""
        ...


class Transcoded:
    """A data set in another transfer syntax, to be gone through once; its place is given back then, or when dropped."""

    def __init__(self, recoded: Recoded, scratch: Scratch) -> None:
        self._recoded = recoded
        self._discard = weakref.finalize(self, scratch.discard)

    @property
    def size(self) -> int | None:
        """Bytes of the data set; None if it is deflated, because only streaming tells."""
        return self._recoded.size

    def chunks(self) -> Iterator[bytes | memoryview]:
        """Give the data set, piece by piece."""
        try:
            yield from self._recoded.chunks()
        finally:
            self._discard()


class Transcoder:
    """Converts data sets; starts codec processes when there are pixels to convert. Thread-safe; close it when done."""

    def __init__(self, scratch: Callable[[], Scratch], limits: Limits | None = None) -> None:
        self._scratch = scratch
        self._pool = CodecPool(limits or Limits())

    @property
    def codec_pids(self) -> list[int]:
        """Process ids of the codec processes that have nothing to do now."""
        return self._pool.pids

    def close(self) -> None:
        """End the codec processes."""
        self._pool.close()

    def convert(self, frame: bytes, task: Task) -> Converted:
        """Convert one frame in a codec process.

        Raises:
            CannotConvert: the codec cannot; says why.
        """
        with self._pool.process() as process:
            return process.convert(frame, task)

    def render(self, frame: bytes, task: RenderTask | TileTask) -> bytes:
        """Render one frame, or draw a tile, in a codec process, and return the file.

        Raises:
            CannotConvert: it cannot be rendered as asked for; says why.
        """
        with self._pool.process() as process:
            return process.render(frame, task)

    def transcode(self, stored: StoredDataSet, target: str) -> Transcoded:
        """Convert a data set.

        Raises:
            CannotConvert: these syntaxes, or this data set, cannot be converted; says why.
            CannotUnderstand: the data set is broken in a place that was not read when it came.
            OutOfResources: there is no room for the result.
        """
        if target not in targets_of(stored.transfer_syntax):
            raise CannotConvert(f"{stored.transfer_syntax} cannot be given as {target}")
        scratch = self._scratch()
        try:
            conversion = _Conversion(self._pool, inflated(stored), target, scratch)
            return Transcoded(conversion.run(), scratch)
        except BaseException:
            scratch.discard()
            raise


class _Conversion:
    """One data set on its way into another transfer syntax."""

    def __init__(self, pool: CodecPool, stored: StoredDataSet, target: str, scratch: Scratch) -> None:
        self._pool, self._stored, self._target, self._scratch = pool, stored, target, scratch
        self._tokens = TokenList(read_values(stored))
        self._offsets = b""

    def run(self) -> Recoded:
        tokens = self._tokens
        for item in tokens.levels[1:]:
            self._make_native(item)
        top = tokens.top
        if self._target in COMPRESSIONS and any(tag in top.places for tag in FLOATING):
            raise CannotConvert(NEVER_FLOATING)
        pixels = tokens.token(top, PIXEL_DATA)
        if isinstance(pixels, Value | Bulk) and (pixels.fragments or self._target in COMPRESSIONS):
            self._convert(pixels)
        for tag in (EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS):
            if tag in top.places:
                tokens.replace(top, tag, None)
        return written(tokens, self._target, self._open_blob(self._scratch.finish()))

    def _convert(self, pixels: Value | Bulk) -> None:
        """Convert Pixel Data of the data set itself into the scratch place, and set what describes it."""
        tokens, top = self._tokens, self._tokens.top
        values = tokens.values(top)
        frames = _Frames(self._stored, pixels, values)
        with self._pool.process() as process:
            results = _Results(process, Task(self._source(pixels), self._target, frames.image), self._pool.limits)
            size = self._write(results, frames)
        is_compressed = self._target in COMPRESSIONS
        vr = "OB" if is_compressed or results.image.bits_allocated <= 8 else "OW"
        changed = Bulk(PIXEL_DATA, vr, _RESULT, size, size, little_endian=True, fragments=is_compressed)
        tokens.replace(top, PIXEL_DATA, changed)
        tokens.set(top, frame_changes(frames.count, values) + image_changes(frames.image, results.image, values))
        if self._is_lossy(results.lossy, values):
            native = frames.image.frame_bytes * frames.count
            tokens.set(top, loss_changes(Loss(self._stored.transfer_syntax, native, frames.size), values))

    def _write(self, results: "_Results", frames: "_Frames") -> int:
        """Convert all frames into the scratch place and return the size of the value they make."""
        write, size = self._scratch.write, 0
        if self._target not in COMPRESSIONS:
            for piece in end_to_end(results.of(frames), frames.image):
                write(piece)
                size += len(piece)
            write(bytes(size % 2))
            return size + size % 2
        sizes = []
        for frame in results.of(frames):
            encapsulated = fragment(frame)
            write(encapsulated)
            sizes.append(len(encapsulated))
        self._offsets = basic_offset_table(sizes)
        return len(self._offsets) + sum(sizes)

    def _make_native(self, item: Level) -> None:
        """Decode compressed pixel data of an item where it stands: it is small."""
        tokens = self._tokens
        pixels = tokens.token(item, PIXEL_DATA)
        if not isinstance(pixels, Value | Bulk) or not pixels.fragments:
            return
        values = tokens.values(item)
        frames = _Frames(self._stored, pixels, values)
        with self._pool.process() as process:
            task = Task(self._stored.transfer_syntax, EXPLICIT_LE_UID, frames.image)
            results = _Results(process, task, self._pool.limits)
            native = b"".join(end_to_end(results.of(frames), frames.image))
        vr = "OB" if results.image.bits_allocated <= 8 else "OW"
        tokens.replace(item, PIXEL_DATA, Value(PIXEL_DATA, vr, native + bytes(len(native) % 2)))
        tokens.set(item, image_changes(frames.image, results.image, values))

    def _source(self, pixels: Value | Bulk) -> str:
        return self._stored.transfer_syntax if pixels.fragments else EXPLICIT_LE_UID

    def _is_lossy(self, found: bool | None, values: dict[int, bytes]) -> bool:
        """Return whether the pixels were compressed with loss; what does not tell, in JPEG XL, is taken to be lossy."""
        source = self._stored.transfer_syntax
        if found is None and source in MAYBE_LOSSY and COMPRESSIONS[source] is Compression.JPEG_XL:
            return says_nothing_of_loss(values)
        return found is True

    def _open_blob(self, result: Content) -> OpenBlob:
        stored, offsets = self._stored, self._offsets

        def open_blob(name: str) -> Chunks:
            return _result_chunks(offsets, result) if name == _RESULT else stored.open_blob(name)

        return open_blob


def _result_chunks(offsets: bytes, result: Content) -> Chunks:
    """Give a result as copies: its place is used again when it was gone through."""
    if offsets:
        yield offsets
    for at in range(0, result.size, _STEP):
        yield bytes(result.read(at, min(_STEP, result.size - at)))


class _Frames:
    """The frames of a stored value, as they are stored; `size` is in bytes, of the value."""

    def __init__(self, stored: StoredDataSet, pixels: Value | Bulk, values: dict[int, bytes]) -> None:
        self.image = image_of(values)
        self.size = pixels.size if isinstance(pixels, Bulk) else len(pixels.data)
        declared = declared_frames(values)

        def open_value() -> Chunks:
            if isinstance(pixels, Value):
                return iter((pixels.data,))
            return bulk_chunks(pixels, stored.open_blob, little_endian=True)

        if pixels.fragments:
            tables = (values.get(tag, b"") for tag in (EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS))
            encapsulated = EncapsulatedFrames(open_value, declared, OffsetTables(*tables))
            self.count, self._frames = encapsulated.count, iter(encapsulated)
        else:
            self.count = declared or 1
            self._frames = native_frames(open_value(), self.size, self.count, self.image)

    def __iter__(self) -> Iterator[bytes]:
        return self._frames


class _Results:
    """Frames as they come out of a codec process; `image` and `lossy` are known when the first has."""

    def __init__(self, process: CodecProcess, task: Task, limits: Limits) -> None:
        self._process, self._task, self._limits = process, task, limits
        self.image: Image = task.image
        self.lossy: bool | None = None

    def of(self, frames: _Frames) -> Iterator[bytes]:
        """Convert frame after frame.

        Raises:
            CannotConvert: one cannot be converted, or becomes another kind of image than the first; or all of them
                take longer than their size allows.
        """
        left = self._limits.instance_seconds(frames.image.frame_bytes * frames.count)
        for number, frame in enumerate(frames, start=1):
            began = time.monotonic()
            try:
                converted = self._process.convert(frame, self._task, within_s=max(left, _LEAST_S))
                self._agree(converted, first=number == 1)
            except CannotConvert as exc:
                raise CannotConvert(f"frame {number} of {frames.count}: {exc}") from exc
            left -= time.monotonic() - began
            yield converted.frame

    def _agree(self, converted: Converted, *, first: bool) -> None:
        if first:
            self.image, self.lossy = converted.image, converted.lossy
        elif converted.image != self.image:
            raise CannotConvert(f"its pixels are {converted.image.photometric}, those before {self.image.photometric}")
        self.lossy = self.lossy or converted.lossy
