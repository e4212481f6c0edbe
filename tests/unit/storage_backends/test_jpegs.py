"""JPEG streams in encapsulated pixel data: smaller, byte for byte the same again, and odd ones harm nobody."""

import struct
from functools import partial
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

import blob_file_reader
from data_sets import file_scanned
from shared_samples import SAMPLES, needs_samples
from storage_backends import BlobRef, BlobStore, Codec, FragmentedFrames, Memory, MemoryContent, Span
from storage_backends import jpegs as jpegs_module
from storage_backends.codec import Tools
from storage_backends.jpegs import code_jpegs, pack_jpeg, plain_of_jpegs, unpack_jpeg
from storage_backends.layout import parse_head
from storage_backends.planar import Workspace
from storage_backends.smallest import pack, unpack
from vna.dicom.frames import frame_table

TOOLS = Tools()
FAST, HARD = partial(TOOLS.compress, -50), partial(TOOLS.compress, 3)


def picture(samples: int = 3, seed: int = 0) -> Any:
    y, x = np.mgrid[0:180, 0:140]
    smooth = 110 + 60 * np.sin(y / 31) * np.cos(x / 17)
    noise = np.random.default_rng(seed).normal(0, 9, (180, 140, samples))
    return (smooth[..., None] + noise).clip(0, 255).astype(np.uint8).squeeze()


def jpeg(samples: int = 3, seed: int = 0, **options: Any) -> bytes:
    file = BytesIO()
    image = Image.fromarray(picture(samples=samples, seed=seed))
    (image.convert("CMYK") if samples == 4 else image).save(file, "JPEG", quality=90, **options)
    return file.getvalue()


def changed(stream: bytes, place: int, *values: int) -> bytes:
    """Return a JPEG stream with other bytes behind the head of its frame header."""
    at = stream.index(b"\xff\xc0") + place
    return stream[:at] + bytes(values) + stream[at + len(values) :]


TAKEN = {
    "grey": jpeg(samples=1),
    "colour": jpeg(seed=1),
    "colour-444": jpeg(seed=2, subsampling=0),
    "progressive": jpeg(seed=3, progressive=True),
    "restarts": jpeg(seed=4, restart_marker_blocks=3),
    "comment": jpeg(seed=5, comment=b"a comment"),
    "padded": jpeg(seed=6) + b"\0",
    "two-streams": jpeg(seed=7) + jpeg(seed=8, samples=1),
}
LEFT = {
    "cmyk": jpeg(samples=4),
    "12-bit": bytes(imagecodecs.jpeg8_encode(picture(samples=1).astype(np.uint16) * 16, level=90, bitspersample=12)),
    "lossless": bytes(imagecodecs.ljpeg_encode(picture(samples=1))),
    "arithmetic": changed(jpeg(), 0, 0xFF, 0xC9),
    "no-samples": changed(jpeg(), 5, 0, 0, 0, 0),
    "more-components-than-said": changed(jpeg(), 9, 1),
    "no-sampling": changed(jpeg(samples=1), 11, 0),
    "huge": changed(jpeg(), 5, 0xFF, 0xDC, 0xFF, 0xDC),
    "more-lines-than-sent": changed(jpeg(), 5, 2, 0),
    "cut": jpeg()[:2000] + b"\xff\xd9",
    "no-end": jpeg()[:-2],
    "start": b"\xff\xd8\xff",
    "frame-header-cut": jpeg()[: jpeg().index(b"\xff\xc0") + 6],
    "jpeg-ls": bytes(imagecodecs.jpegls_encode(picture(samples=1))),
    "nothing": b"",
}


def encapsulated(*frames: bytes, fragments: int = 1) -> tuple[bytes, FragmentedFrames]:
    """Return encapsulated pixel data as it stands in a file, and where the frames lie."""
    plain, spans = item(b""), []
    for frame in frames:
        pieces, step = [], -(-len(frame) // fragments) or 1
        for start in range(0, max(1, len(frame)), step):
            piece = frame[start : start + step]
            pieces.append(Span(len(plain) + 8, len(piece)))
            plain += item(piece)
        spans.append(tuple(pieces))
    return plain + b"\xfe\xff\xdd\xe0\0\0\0\0", FragmentedFrames(tuple(spans))


def item(value: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


def stored(plain: bytes, frames: FragmentedFrames) -> tuple[BlobStore, BlobRef, bytes]:
    store = BlobStore(Memory(), codec=Codec.SMALLEST)
    ref = store.put(MemoryContent(plain), frames=frames, incompressible=True)
    return store, ref, store.backend.read(ref.name)


def test_jpeg_streams_become_smaller_and_give_back_the_very_bytes() -> None:
    streams = [*TAKEN.values(), *LEFT.values()]
    plain, frames = encapsulated(*streams, fragments=3)

    store, ref, file = stored(plain, frames)

    (chunk,) = blob_file_reader.read_chunks(file)
    assert (chunk[0], int.from_bytes(chunk[1:5], "little")) == (34, len(TAKEN))
    assert store.get(ref) == blob_file_reader.read_blob(file) == plain
    assert [store.frame(ref, number + 1) for number in range(len(streams))] == streams
    assert ref.stored_size < len(plain) - 0.1 * sum(map(len, TAKEN.values()))
    store.close()


@pytest.mark.parametrize("kind", TAKEN)
def test_what_is_a_jpeg_of_8_bits_is_taken_whatever_stands_behind_it(kind: str) -> None:
    file = pack_jpeg(TAKEN[kind])

    assert 0 < len(file) < len(TAKEN[kind])
    assert unpack_jpeg(file, len(TAKEN[kind])) == TAKEN[kind]


def test_a_stream_that_names_more_samples_than_there_is_room_for_is_given_to_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[bytes] = []
    monkeypatch.setattr(jpegs_module, "_packed", lambda streams: given.extend(streams) or [b""] * len(streams))
    streams = [*LEFT.values(), TAKEN["grey"]]
    plain, frames = encapsulated(*streams)

    assert code_jpegs(plain, frames.spans) == b""

    assert given == [LEFT[kind] for kind in ("more-lines-than-sent", "cut", "no-end")] + [TAKEN["grey"]]


def test_where_the_process_dies_the_chunk_is_stored_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpegs_module, "_MEMORY", 1 << 20)
    plain, frames = encapsulated(TAKEN["grey"])

    store, ref, file = stored(plain, frames)

    assert blob_file_reader.read_chunks(file)[0][0] != 34
    assert store.get(ref) == plain
    store.close()


def test_a_frame_that_is_cut_between_two_chunks_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, frames = encapsulated(TAKEN["grey"], TAKEN["colour-444"], TAKEN["grey"])
    monkeypatch.setattr("storage_backends.codec.LARGEST_CHUNK", len(plain) // 2 + 1)
    given: list[bytes] = []
    monkeypatch.setattr(
        jpegs_module, "_packed", lambda streams: given.extend(streams) or [pack_jpeg(stream) for stream in streams]
    )

    store, ref, file = stored(plain, frames)

    assert given == [TAKEN["grey"], TAKEN["grey"]]
    coded = blob_file_reader.read_chunks(file)
    assert [(chunk[0], chunk[1]) for chunk in coded] == [(34, 1), (34, 1)]
    assert store.get(ref) == blob_file_reader.read_blob(file) == plain
    assert store.frame(ref, 2) == TAKEN["colour-444"]
    store.close()


def test_for_a_small_stream_no_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[bytes] = []
    monkeypatch.setattr(jpegs_module, "_packed", lambda streams: given.extend(streams) or [b""] * len(streams))
    small = bytes(imagecodecs.jpeg8_encode(picture(samples=1)[:60, :60], level=90))

    for count in (1, 5):
        plain, frames = encapsulated(*[small] * count)
        code_jpegs(plain, frames.spans)

    assert given == [small] * 5


@pytest.mark.parametrize(("length", "span"), [(20, 1000), (100, 1600), (500, 4000)])
def test_chunks_are_as_large_as_few_frames_are_and_no_larger(
    length: int, span: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage_backends.codec.PLAIN_CHUNK", 1000)
    monkeypatch.setattr("storage_backends.codec.LARGEST_CHUNK", 4000)
    plain, frames = encapsulated(bytes(length), bytes(length // 2))

    store, _, file = stored(plain, frames)

    assert parse_head(file).chunks.span == span
    store.close()


def test_frames_that_lie_upon_each_other_are_coded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpegs_module, "_packed", lambda streams: [pack_jpeg(stream) for stream in streams])
    plain, frames = encapsulated(TAKEN["grey"], TAKEN["colour"])
    first, second = frames.spans

    store, ref, file = stored(plain, FragmentedFrames((second, first, second, (first[0], first[0]), ())))

    assert blob_file_reader.read_chunks(file)[0][:2] == b"\x22\x01"
    assert store.get(ref) == plain
    assert store.frame(ref, 2) == TAKEN["grey"]
    store.close()


def test_streams_that_repeat_are_left_to_what_makes_them_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpegs_module, "_packed", lambda streams: [pack_jpeg(stream) for stream in streams])
    plain, frames = encapsulated(*[TAKEN["grey"] + bytes([number]) for number in range(6)])

    frame, _ = pack(plain, frames.spans, Workspace(), hard=HARD, fast=FAST)

    assert len(frame) < len(TAKEN["grey"]) + 1000


def body(*numbers: int, files: bytes = b"", rest: bytes = b"") -> bytes:
    return b"\x22" + struct.pack(f"<{len(numbers)}I", *numbers) + files + rest


FILE = pack_jpeg(TAKEN["grey"])
SIZE = len(TAKEN["grey"])


def test_a_body_is_read_as_it_is_drawn() -> None:
    forged = body(1, len(FILE), 2, 3, SIZE - 10, 2, 10, files=FILE, rest=b"abcdefgh")

    assert unpack(forged, SIZE + 8, None, Workspace()) == (
        b"abc" + TAKEN["grey"][:-10] + b"de" + TAKEN["grey"][-10:] + b"fgh"
    )


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(b"\x22", id="no-table"),
        pytest.param(body(2**32 - 1), id="table-cut-off"),
        pytest.param(body(1, len(FILE), 2**32 - 1, 0, SIZE), id="pieces-cut-off"),
        pytest.param(body(1, len(FILE), 1, 0, SIZE - 1, files=FILE, rest=b"x"), id="longer-stream"),
        pytest.param(body(1, len(FILE), 1, 0, SIZE - 9, files=FILE, rest=b"123456789"), id="much-longer-stream"),
        pytest.param(body(1, len(FILE), 1, 0, SIZE, files=FILE, rest=b"x"), id="more-than-the-chunk"),
        pytest.param(body(1, len(FILE), 1, 9, SIZE, files=FILE), id="gap-outside"),
        pytest.param(body(1, len(FILE) - 9, 1, 0, SIZE - 9, files=FILE), id="file-cut-off"),
        pytest.param(body(1, 4, 1, 0, SIZE, files=b"JPEG"), id="no-file"),
        pytest.param(body(1, 2**32 - 1, 1, 0, SIZE, files=FILE), id="file-outside"),
        pytest.param(body(2, 2**31, 1, 0, SIZE, 2**31, 1, 0, SIZE, files=FILE), id="twice-the-chunk"),
        pytest.param(
            body(1, 1, 1, 0, SIZE, files=bytes(imagecodecs.jpegxl_encode(picture(samples=1), lossless=True))),
            id="other",
        ),
    ],
)
def test_a_forged_body_is_refused(forged: bytes) -> None:
    with pytest.raises(ValueError):
        unpack(forged, SIZE, None, Workspace())


@needs_samples
@pytest.mark.parametrize(
    "name",
    [
        "pylibjpeg-data/JPEGExtended/JPEGExtended_3s_1f_u_08_08.dcm",
        "synthetic/valid/jpeg-multiframe-3fragments-per-frame.dcm",
        "fo-dicom/GH195.dcm",
    ],
)
def test_samples_become_smaller_and_are_got_back(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpegs_module, "_packed", lambda streams: [pack_jpeg(stream) for stream in streams])
    _, found = file_scanned(str(SAMPLES / name))
    (bulk,) = [each for each in found.bulk if each.encapsulated]
    plain, frames = bytes(found.buffer[bulk.offset : bulk.offset + bulk.length]), frame_table(found, bulk)
    assert isinstance(frames, FragmentedFrames)

    coded = code_jpegs(plain, frames.spans)

    assert 0 < len(coded) < 0.9 * len(plain)
    assert plain_of_jpegs(memoryview(coded), len(plain)) == plain
