"""Single frames of held instances, as stored or in another transfer syntax, reading only what holds them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from storage_backends import Span
from storage_backends.frame_table import StoredFrames
from vna.archive.kept import Chunk, OpenedBlob, Shelf
from vna.dicom.encoding import DOUBLE_FLOAT_PIXEL_DATA, EXPLICIT_LE_UID, FLOAT_PIXEL_DATA, PIXEL_DATA
from vna.dicom.values import Bulk, StoredDataSet, Value, inflated, read_some
from vna.errors import CannotConvert, NotFound
from vna.index import HeldInstance
from vna.pixels.attributes import IMAGE_TAGS, image_of
from vna.pixels.codecs import JPEG_BASELINE_UID
from vna.pixels.conversion import Task
from vna.pixels.image import Image
from vna.pixels.picking import Picker, picker_of
from vna.pixels.targets import UNCOMPRESSED, targets_of
from vna.pixels.transcode import Transcoder

_PIXELS: Final = (PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: native little endian if its transfer syntax is Explicit VR Little Endian, else a compressed stream.

    `image` describes it, as the attributes of a data set in this transfer syntax would; it is None where they describe
    no image of integers.
    """

    number: int
    data: bytes
    image: Image | None


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames of an instance that has `count` in all, in one transfer syntax, to be gone through once.

    `length` gives the bytes of a frame by its number, before it is read; it is None where frames are converted.
    """

    transfer_syntax: str
    count: int
    numbers: Sequence[int]
    frames: Iterator[Frame]
    length: Callable[[int], int] | None

    def __iter__(self) -> Iterator[Frame]:
        return self.frames


class FrameReader:
    """Reads frames of held instances. Thread-safe."""

    def __init__(self, shelf: Shelf, transcoder: Transcoder) -> None:
        self._shelf, self._transcoder = shelf, transcoder

    def open(self, held: HeldInstance, numbers: Sequence[int], transfer_syntax: str | None = None) -> Frames:
        """Open frames by their numbers, counted from 1, in the order asked for.

        What is wrong with the first frame is found out here; with a later one, while they are gone through.

        Args:
            held: the instance.
            numbers: at least one.
            transfer_syntax: what they are to be given in; as stored without it, native ones little endian. Nothing is
                compressed with loss but to JPEG Baseline, which is never anything else.

        Raises:
            NotFound: the instance has no pixel data, or not so many frames.
            CannotConvert: they cannot be told apart, or not be given in this transfer syntax.
            Damaged: stored bytes are missing or damaged.
        """
        kept = self._shelf.fetch([held])[0]
        stored = inflated(self._shelf.data_set(kept, {}))
        bulk, values = _pixel_data(stored)
        if bulk.digest in kept.blobs:
            blob = kept.blobs[bulk.digest]
            source: _Blob | _Memory = _Blob(self._shelf.opened(blob), bulk.blob_size, lambda: self._shelf.stream(blob))
        else:
            source = _Memory(b"".join(stored.open_blob(bulk.digest)))
        picker = picker_of(bulk, values, source)
        picker.check(numbers)
        stored_as = held.transfer_syntax if bulk.fragments else EXPLICIT_LE_UID
        target = EXPLICIT_LE_UID if transfer_syntax in UNCOMPRESSED else transfer_syntax or stored_as
        image = _image(bulk, values)
        if target == stored_as:
            frames, length = _as_stored(picker, numbers, image), picker.length
        else:
            frames, length = self._converted(picker, numbers, _task(stored_as, target, image)), None
        return Frames(target, picker.count, numbers, _begun(frames), length)

    def _converted(self, picker: Picker, numbers: Sequence[int], task: Task) -> Iterator[Frame]:
        for number, data in zip(numbers, picker.pick(numbers), strict=True):
            try:
                converted = self._transcoder.convert(data, task)
            except CannotConvert as exc:
                raise CannotConvert(f"frame {number} of {picker.count}: {exc}") from exc
            yield Frame(number, converted.frame, converted.image)


@dataclass(frozen=True, slots=True)
class _Blob:
    """Pixel data in a stored blob."""

    opened: OpenedBlob
    size: int
    chunks: Callable[[], Iterator[Chunk]]

    def range(self, span: Span) -> bytes:
        return self.opened.range(span)

    def frames(self) -> StoredFrames | None:
        return self.opened.frames()


@dataclass(frozen=True, slots=True)
class _Memory:
    """Pixel data that had to be inflated."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def range(self, span: Span) -> bytes:
        return self.data[span.offset : span.offset + span.length]

    def chunks(self) -> Iterator[Chunk]:
        return iter((self.data,))

    def frames(self) -> None:
        return None


def _pixel_data(stored: StoredDataSet) -> tuple[Bulk, Mapping[int, bytes]]:
    """Return the pixel data of a data set, and the values that describe it."""
    values: dict[int, bytes] = {}
    for token in read_some(stored, (*IMAGE_TAGS, *_PIXELS)):
        if isinstance(token, Bulk):
            return token, values
        if isinstance(token, Value):
            values[token.tag] = token.data
    raise NotFound("the instance has no pixel data")


def _image(bulk: Bulk, values: Mapping[int, bytes]) -> Image | None:
    if bulk.tag != PIXEL_DATA:
        return None
    try:
        return image_of(values)
    except CannotConvert:
        return None


def _task(source: str, target: str, image: Image | None) -> Task:
    """Return what is to be done with each frame.

    Raises:
        CannotConvert: it cannot be done.
    """
    if image is None:
        raise CannotConvert("such pixels are given as they are stored alone")
    if target not in targets_of(source) and not (target == JPEG_BASELINE_UID and image.bits_stored <= 8):
        raise CannotConvert(f"frames in {source} cannot be given as {target}")
    return Task(source, target, image)


def _as_stored(picker: Picker, numbers: Sequence[int], image: Image | None) -> Iterator[Frame]:
    for number, data in zip(numbers, picker.pick(numbers), strict=True):
        yield Frame(number, data, image)


def _begun(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Have the first frame read, so that what is wrong with it shows before anything is said."""
    return chain([next(frames)], frames)
