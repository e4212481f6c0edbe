"""From one frame to the same frame in another transfer syntax: what a codec process does."""

from dataclasses import dataclass, replace

import imagecodecs

from vna.pixels.codecs import ALWAYS_LOSSY, COMPRESSIONS, JPEG_BASELINE_UID, JPEG_XL_RECOMPRESSION_UID
from vna.pixels.decoding import decode_frame
from vna.pixels.encoding import NotEncoded, encode_frame
from vna.pixels.image import Image
from vna.pixels.lossy import encode_baseline


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done with a frame; a syntax without compression stands for native frames."""

    source: str
    target: str
    image: Image


@dataclass(frozen=True, slots=True)
class Converted:
    """A frame in the target syntax, and its image as the attributes are to describe it there.

    `lossy` says whether the pixels have been through a lossy compression, None if nothing tells.
    """

    frame: bytes
    image: Image
    lossy: bool | None


def convert_frame(frame: bytes, task: Task) -> Converted:
    """Convert one frame.

    Raises:
        NotDecoded, NotEncoded: it cannot be; the message says why.
    """
    if (task.source, task.target) == (JPEG_BASELINE_UID, JPEG_XL_RECOMPRESSION_UID):
        return Converted(_recompressed(frame), task.image, True)
    if (task.source, task.target) == (JPEG_XL_RECOMPRESSION_UID, JPEG_BASELINE_UID):
        return Converted(bytes(imagecodecs.jpegxl_decode_jpeg(frame, numthreads=1)), task.image, True)
    converted = Converted(frame, task.image, None)
    if task.source in COMPRESSIONS:
        decoded = decode_frame(frame, task.source, task.image)
        lossy = True if task.source in ALWAYS_LOSSY else decoded.lossy
        converted = Converted(decoded.frame, decoded.image, lossy)
    if task.target == JPEG_BASELINE_UID:
        stream, image = encode_baseline(converted.frame, converted.image)
        converted = Converted(stream, image, True)
    elif task.target in COMPRESSIONS:
        stream, image = encode_frame(converted.frame, task.target, converted.image)
        converted = replace(converted, frame=stream, image=image)
    return converted


def _recompressed(frame: bytes) -> bytes:
    stream = frame.rstrip(b"\0")
    recompressed = bytes(imagecodecs.jpegxl_encode_jpeg(stream, usecontainer=True))
    if imagecodecs.jpegxl_decode_jpeg(recompressed, numthreads=1) != stream:
        raise NotEncoded("JPEG XL: the JPEG stream does not come back from it")
    return recompressed
