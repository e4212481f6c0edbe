"""Where a plain blob is cut into chunks, each compressed alone: the unit of a ranged read.

A chunk is whole image frames, as many as make at least 256 KiB; or a band of whole rows of one frame,
where a frame is larger than 4 MiB, because whoever encodes, streams or reads a part of a blob holds a
few chunks in memory and nothing else (prediction starts anew in each band: bands of 600 rows make a
radiograph of 1955 x 1841 0.25 % larger); or 1 MiB where frames are unknown, vary in length or are not byte-aligned.
Codec `smallest`, which codes frames of varying length whole, cuts where 16 of them fit, at 4 MiB at most.

The rule is two numbers: the blob is a row of periods of `period` bytes, of which the last may be
shorter, and each period is cut into spans of `span` bytes, of which the last may be shorter.
"""

from dataclasses import dataclass

from storage_backends.frame_table import FragmentedFrames, FrameTable, RegularFrames, Span
from storage_backends.planar import PixelShape

SMALLEST_FRAMES_CHUNK = 256 << 10
PLAIN_CHUNK = 1 << 20
LARGEST_CHUNK = 4 << 20


@dataclass(frozen=True, slots=True)
class Chunks:
    """The chunks of a blob of `plain_size` bytes, counted from 0."""

    plain_size: int
    period: int
    span: int

    def __post_init__(self) -> None:
        if self.plain_size < 0 or not 1 <= self.span <= min(self.period, LARGEST_CHUNK):
            raise ValueError(f"no such chunks: {self}")

    @property
    def count(self) -> int:
        """How many chunks there are; none for an empty blob."""
        periods, rest = divmod(self.plain_size, self.period)
        return periods * self._in_period + -(-rest // self.span)

    def __getitem__(self, number: int) -> Span:
        """Return where a chunk lies in the plain blob."""
        period, within = divmod(number, self._in_period)
        start = period * self.period + within * self.span
        end = min(start + self.span, (period + 1) * self.period, self.plain_size)
        return Span(start, end - start)

    def at(self, offset: int) -> int:
        """Return the number of the chunk that holds a byte of the plain blob."""
        period, within = divmod(offset, self.period)
        return period * self._in_period + within // self.span

    @property
    def _in_period(self) -> int:
        return -(-self.period // self.span)


def can_filter(shape: PixelShape | None, plain_size: int) -> bool:
    """Tell whether a blob is whole frames of this shape, with rows that fit in a chunk."""
    if shape is None or plain_size == 0 or shape.row_bytes > LARGEST_CHUNK:
        return False
    return plain_size % shape.frame_bytes == 0


def plan_chunks(
    plain_size: int, shape: PixelShape | None, frames: FrameTable | None, fragmented: int = PLAIN_CHUNK
) -> Chunks:
    """Choose the chunks of a blob; `shape` only if `can_filter`. Fragmented frames are cut at so many bytes."""
    if shape is not None:
        return _plan_frames(plain_size, shape.frame_bytes, shape.row_bytes)
    if isinstance(frames, RegularFrames):
        return _plan_frames(plain_size, frames.frame_bytes, 1)
    cut = fragmented if isinstance(frames, FragmentedFrames) else PLAIN_CHUNK
    return Chunks(plain_size, cut, cut)


def _plan_frames(plain_size: int, frame_bytes: int, row_bytes: int) -> Chunks:
    if frame_bytes > LARGEST_CHUNK:
        rows = frame_bytes // row_bytes
        bands = -(-rows // (LARGEST_CHUNK // row_bytes))
        return Chunks(plain_size, frame_bytes, -(-rows // bands) * row_bytes)
    together = -(-SMALLEST_FRAMES_CHUNK // frame_bytes) * frame_bytes
    return Chunks(plain_size, together, together)
