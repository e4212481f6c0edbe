"""Rendering what is held: pictures, made in codec processes out of one frame and the attributes it takes.

What is read of a header is kept a while, because who looks at one frame looks at the next one too.
"""

import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Final

from vna.archive.frames import FrameReader
from vna.archive.kept import Shelf
from vna.archive.subjects import Kind, Subject, subject_of
from vna.dicom.encoding import DOUBLE_FLOAT_PIXEL_DATA, EXPLICIT_LE_UID, FLOAT_PIXEL_DATA
from vna.dicom.image_layout import BITS_ALLOCATED, COLUMNS, ROWS
from vna.dicom.tree import Tree
from vna.dicom.values import inflated
from vna.errors import CannotConvert, NotFound
from vna.index import HeldInstance
from vna.pixels.attributes import image_of
from vna.pixels.codecs import COMPRESSIONS
from vna.pixels.image import PACKED_BITS, Image
from vna.pixels.rendering.request import (
    FRAME_GROUPS,
    SHARED_GROUPS,
    Floats,
    Options,
    Region,
    RenderTask,
    TileTask,
)
from vna.pixels.transcode import Transcoder

_TAKEN_GROUPS: Final = frozenset({0x0008, 0x0010, 0x0018, 0x0020, 0x0028, 0x2050, *range(0x6000, 0x6020, 2)})
_TAKEN_SEQUENCES: Final = frozenset({SHARED_GROUPS, 0x00283000, 0x00283010, 0x20500010, 0x00480105})
"""What a picture takes of a header: Modality, VOI and Presentation LUTs, optical paths with their ICC profiles."""

_KEPT_HEADER_BYTES: Final = 8 * 2**20
_STATES: Final = "1.2.840.10008.5.1.4.1.1.11."
_APPLIED_STATES: Final = frozenset(_STATES + number for number in ("1", "2", "3", "5"))
"""Grayscale, colour and pseudo-colour softcopy states, and the one of X-ray; others blend or show volumes."""

_FLOAT_BITS: Final = {FLOAT_PIXEL_DATA: 32, DOUBLE_FLOAT_PIXEL_DATA: 64}


class NotInPicture(CannotConvert):
    """The region that is asked for is not in the picture."""


class Renderer:
    """Renders held instances. Thread-safe."""

    def __init__(self, shelf: Shelf, frames: FrameReader, transcoder: Transcoder) -> None:
        self._shelf, self._frames, self._transcoder = shelf, frames, transcoder
        self._lock = threading.Lock()
        self._read: OrderedDict[int, tuple[Subject, int]] = OrderedDict()

    def subject(self, held: HeldInstance) -> Subject:
        """Read what an instance is.

        Raises:
            Damaged: stored bytes are missing or damaged.
            CannotUnderstand: its header is broken inside.
        """
        with self._lock:
            if held.version_id in self._read:
                self._read.move_to_end(held.version_id)
                return self._read[held.version_id][0]
        stored = inflated(self._shelf.data_set(self._shelf.fetch([held])[0], {}))
        subject = subject_of(held, stored)
        with self._lock:
            self._read[held.version_id] = subject, len(stored.header)
            while len(self._read) > 1 and sum(size for _, size in self._read.values()) > _KEPT_HEADER_BYTES:
                self._read.popitem(last=False)
        return subject

    def picture(self, subject: Subject, frame: int, options: Options, state: Subject | None = None) -> bytes:
        """Return the picture of a frame as a file.

        Args:
            subject: an image.
            frame: its number, from 1.
            options: how it is to look.
            state: the presentation state to be applied, None for none.

        Raises:
            NotFound: there is no such frame.
            NotInPicture: the region of the viewport.
            CannotConvert: it cannot be rendered, or not as asked for; says why.
            Damaged: stored bytes are missing or damaged.
        """
        task = task_of(subject, frame, options, state)
        source, data = self._frame(subject.held, frame)
        return self._transcoder.render(data, replace(task, source=source))

    def tile(self, word: str, options: Options) -> bytes:
        """Return the picture of a tile with a word on it, which stands for what has no picture.

        Raises:
            CannotConvert: no codec process could draw it.
        """
        return self._transcoder.render(b"", TileTask(word, options))

    def _frame(self, held: HeldInstance, number: int) -> tuple[str, bytes]:
        """Return the transfer syntax of a frame that can be decoded, and the frame."""
        try:
            frames = self._frames.open(held, [number])
        except NotFound as exc:
            if number > 1:
                raise
            raise CannotConvert(f"the instance has no picture: {exc}") from exc
        if frames.transfer_syntax != EXPLICIT_LE_UID and frames.transfer_syntax not in COMPRESSIONS:
            raise CannotConvert(f"{frames.transfer_syntax} cannot be decoded")
        return frames.transfer_syntax, next(iter(frames)).data


def task_of(subject: Subject, frame: int, options: Options, state: Subject | None = None) -> RenderTask:
    """Return what a codec process is given to render a native frame; as `Renderer.picture`.

    Raises:
        NotInPicture, CannotConvert: it cannot be rendered so.
    """
    if subject.kind is not Kind.IMAGE:
        raise CannotConvert("the instance is no image that can be rendered")
    if state is not None and state.held.sop_class_uid not in _APPLIED_STATES:
        raise CannotConvert("this kind of presentation state cannot be applied")
    if options.viewport is not None and options.viewport.region is not None and state is None:
        _check_region(options.viewport.region, subject.header)
    return RenderTask(
        source=EXPLICIT_LE_UID,
        image=_image(subject.header),
        header=_of_frame(subject.header, frame),
        frame=frame,
        options=options,
        instance=subject.held.key.instance,
        presentation=None if state is None else state.header,
    )


def _check_region(region: Region, header: Tree) -> None:
    """See that a region lies in the image: its edges do, however large it is said to be.

    Raises:
        NotInPicture: it does not.
    """
    columns, rows = header.whole(COLUMNS), header.whole(ROWS)
    if region.x + max(region.width, 1) > columns or region.y + max(region.height, 1) > rows:
        raise NotInPicture(f"the region of the viewport is not within the {columns} x {rows} pixels of the image")


def _image(header: Tree) -> Image | Floats:
    """Return how the pixels of a header lie.

    Raises:
        CannotConvert: as pixels that occur nowhere.
    """
    for tag, bits in _FLOAT_BITS.items():
        if tag in header:
            return Floats(header.whole(ROWS), header.whole(COLUMNS), bits)
    values = {tag: leaf.data for tag, leaf in header.values.items()}
    if header.whole(BITS_ALLOCATED) == PACKED_BITS:
        wider = image_of({**values, BITS_ALLOCATED: (16).to_bytes(2, "little")})
        return replace(wider, bits_allocated=PACKED_BITS)
    return image_of(values)


def _of_frame(header: Tree, frame: int) -> Tree:
    """Return what a picture of a frame takes of a header: of the functional groups per frame those of this one."""
    values = {tag: leaf for tag, leaf in header.values.items() if tag >> 16 in _TAKEN_GROUPS}
    sequences = {tag: header.sequences[tag] for tag in _TAKEN_SEQUENCES & header.sequences.keys()}
    groups = header.items(FRAME_GROUPS)
    if frame <= len(groups):
        sequences[FRAME_GROUPS] = [groups[frame - 1]]
    return Tree(values, sequences, header.charset)
