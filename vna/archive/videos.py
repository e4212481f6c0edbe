"""What a video says of itself (PS3.18 10.5.2): MP4 files (ISO/IEC 14496-12) and MPEG-2 streams (ISO/IEC 13818-2).

Of MP4 the boxes of the video track are read, of MPEG-2 its first sequence header; the pictures of either are not looked
at. What cannot be told is left to the sender.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack_from
from typing import Final

from storage_backends import Content
from vna.archive.media import Media, number_value, text_value
from vna.dicom.values import Value
from vna.errors import CannotUnderstand, SyntaxNotSupported

_J: Final = "1.2.840.10008.1.2.4."
_CONTAINERS: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_MOST_BOXES: Final = 10_000
_HIGH_PROFILE: Final = 100
_LEVEL_4_1: Final = 41
_MAIN_10: Final = 2
_SEQUENCE_HEADER: Final = b"\x00\x00\x01\xb3"
_SEQUENCE_WITHIN: Final = 1024 * 1024
_LARGEST_MAIN_LEVEL: Final = 720
_RATES: Final = {1: 24000 / 1001, 2: 24.0, 3: 25.0, 4: 30000 / 1001, 5: 30.0, 6: 50.0, 7: 60000 / 1001, 8: 60.0}


@dataclass(slots=True)
class _Track:
    """What is known of a video; 0 and empty for what is not."""

    columns: int = 0
    rows: int = 0
    frames: int = 0
    frame_time_ms: float = 0.0
    syntax: str = ""


def describe_video(media_type: str, content: Content, *, said: str = "") -> Media:
    """Read the headers of a video.

    Args:
        media_type: `video/mp4` or `video/mpeg`.
        content: all of it.
        said: the transfer syntax the sender names, empty if it does not.

    Raises:
        CannotUnderstand: it is no such video, or has no video track.
        SyntaxNotSupported: it is compressed in a way that no transfer syntax has.
    """
    track = _mp4(content.buffer()) if media_type == "video/mp4" else _mpeg_2(content.buffer())
    if not track.rows or not track.columns:
        raise CannotUnderstand(f"{media_type}: there is no picture in it")
    syntax = said or track.syntax
    if not syntax:
        raise SyntaxNotSupported(f"{media_type}: DICOM has no such compression")
    return Media(syntax, tuple(_attributes(track)))


def _attributes(track: _Track) -> list[Value]:
    numbers = {
        0x00280002: 3,
        0x00280006: 0,
        0x00280010: track.rows,
        0x00280011: track.columns,
        0x00280100: 8,
        0x00280101: 8,
        0x00280102: 7,
        0x00280103: 0,
    }
    values = [number_value(tag, number) for tag, number in numbers.items()]
    values.append(text_value(0x00280004, "CS", "YBR_PARTIAL_420"))
    values.append(text_value(0x00282110, "CS", "01"))
    if track.frames:
        values.append(text_value(0x00280008, "IS", str(track.frames)))
    if track.frame_time_ms:
        values.append(text_value(0x00181063, "DS", f"{track.frame_time_ms:.6g}"))
        values.append(Value(0x00280009, "AT", b"\x18\x00\x63\x10"))
    return sorted(values)


def _mp4(data: memoryview) -> _Track:
    track, in_video, duration_s = _Track(), False, 0.0
    for kind, body in _boxes(data):
        if kind == b"mdhd":
            in_video, duration_s = False, _duration_s(body)
        elif kind == b"hdlr":
            in_video = bytes(body[8:12]) == b"vide" and not track.rows
        elif in_video and kind == b"stsd":
            _sample_entry(body, track)
        elif in_video and kind == b"stsz" and len(body) >= 12:
            (track.frames,) = unpack_from(">I", body, 8)
            track.frame_time_ms = 1000 * duration_s / track.frames if track.frames else 0.0
    return track


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the boxes of a file in order, those inside of others behind them."""
    ends, at = [len(data)], 0
    for _ in range(_MOST_BOXES):
        while len(ends) > 1 and at >= ends[-1]:
            at = ends.pop()
        if at + 8 > ends[-1]:
            return
        size, kind = unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= ends[-1]:
            (size,), head = unpack_from(">Q", data, at + 8), 16
        end = ends[-1] if size == 0 else at + size
        if size and not at + head <= end <= ends[-1]:
            raise CannotUnderstand("video/mp4: a box is longer than what it lies in")
        if kind in _CONTAINERS:
            ends.append(end)
            at += head
        else:
            yield kind, data[at + head : end]
            at = end


def _duration_s(body: memoryview) -> float:
    wide = bool(body) and body[0] == 1
    if len(body) < (32 if wide else 20):
        return 0.0
    scale, duration = unpack_from(">IQ", body, 20) if wide else unpack_from(">II", body, 12)
    return duration / scale if scale else 0.0


def _sample_entry(body: memoryview, track: _Track) -> None:
    """Read size and compression of the first sample entry of a video track (ISO/IEC 14496-15)."""
    if len(body) < 8 + 86:
        return
    entry = body[8:]
    codec = bytes(entry[4:8])
    track.columns, track.rows = unpack_from(">HH", entry, 32)
    extra = dict(_boxes(entry[86:]))
    if codec in (b"avc1", b"avc3") and len(extra.get(b"avcC", b"")) >= 4:
        profile, level = extra[b"avcC"][1], extra[b"avcC"][3]
        if profile <= _HIGH_PROFILE:
            track.syntax = _J + ("102" if level <= _LEVEL_4_1 else "104")
    elif codec in (b"hvc1", b"hev1") and len(extra.get(b"hvcC", b"")) >= 2:
        track.syntax = _J + ("108" if extra[b"hvcC"][1] & 0x1F == _MAIN_10 else "107")


def _mpeg_2(data: memoryview) -> _Track:
    head = bytes(data[:_SEQUENCE_WITHIN])
    at = head.find(_SEQUENCE_HEADER)
    if at < 0 or len(head) < at + 8:
        raise CannotUnderstand("video/mpeg: no sequence header at its beginning")
    sizes = int.from_bytes(head[at + 4 : at + 7], "big")
    columns, rows = sizes >> 12, sizes & 0xFFF
    rate = _RATES.get(head[at + 7] & 0x0F)
    syntax = _J + ("100" if columns <= _LARGEST_MAIN_LEVEL else "101")
    return _Track(columns, rows, frame_time_ms=1000 / rate if rate else 0.0, syntax=syntax)
