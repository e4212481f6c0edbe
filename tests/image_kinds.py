"""Images of every kind of pixel, made from code, and ways to read them that are not the archive's own."""

import subprocess
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder, pixel_array
from pydicom.uid import UID, SecondaryCaptureImageStorage

import dcmtk
from conformance import phantoms
from held_data_sets import DataSet, held
from vna.pixels.transcode import Transcoder

EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
DEFLATED_FRAME, RLE = "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.5"
JPEG_XL = "1.2.840.10008.1.2.4.110"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of pixels (PS3.3 C.7.6.3)."""

    allocated: int
    stored: int
    signed: bool = False
    photometric: str = "MONOCHROME2"
    by_plane: bool = False
    frames: int = 1
    rows: int = 37
    columns: int = 41

    @property
    def samples(self) -> int:
        """Samples per Pixel."""
        return 3 if self.photometric in ("RGB", "YBR_FULL") else 1

    def pixels(self) -> NDArray[np.int64]:
        """Return pixel values, (frames, rows, columns, samples): an image with noise, and the extreme values."""
        low = -(1 << (self.stored - 1)) if self.signed else 0
        high = low + (1 << self.stored) - 1
        rng = np.random.default_rng(self.stored)
        shape = (self.frames, self.rows, self.columns, self.samples)
        f, y, x, s = np.ogrid[tuple(slice(n) for n in shape)]
        wave = np.sin((x + 3 * s) / 9) + np.cos((y + 5 * f) / 7)
        values = (low + (high - low) * (0.5 + wave / 5)).astype(np.int64) + rng.integers(-2, 3, shape)
        values[:, 0, 0], values[:, -1, -1] = low, high
        return values.clip(low, high)

    def data_set(self) -> Dataset:
        """Return an instance with these pixels, in Explicit VR Little Endian."""
        ds = phantoms.new_instance(SecondaryCaptureImageStorage, "OT", study=900, number=1)
        ds.ConversionType, ds.SamplesPerPixel, ds.PhotometricInterpretation = "WSD", self.samples, self.photometric
        if self.samples == 3:
            ds.PlanarConfiguration = int(self.by_plane)
        if self.frames > 1:
            ds.NumberOfFrames = self.frames
        ds.Rows, ds.Columns, ds.PixelRepresentation = self.rows, self.columns, int(self.signed)
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = self.allocated, self.stored, self.stored - 1
        data = self.native()
        ds.add_new("PixelData", "OB" if self.allocated <= 8 else "OW", data + bytes(len(data) % 2))
        return ds

    def native(self) -> bytes:
        """Return native Pixel Data without padding (PS3.5 8.1.1)."""
        values = self.pixels()
        if self.by_plane:
            values = np.moveaxis(values, -1, 1)
        if self.allocated == 1:
            return np.packbits(values.astype(np.uint8).reshape(-1), bitorder="little").tobytes()
        return values.astype(f"<{'i' if self.signed else 'u'}{self.allocated // 8}").tobytes()


KINDS: dict[str, Kind] = {
    "grey-8": Kind(8, 8),
    "grey-8-signed": Kind(8, 8, signed=True),
    "grey-7-of-8": Kind(8, 7, frames=3),
    "grey-8-of-16": Kind(16, 8),
    "grey-10-monochrome1": Kind(16, 10, photometric="MONOCHROME1", frames=2),
    "grey-12": Kind(16, 12),
    "grey-12-signed": Kind(16, 12, signed=True, frames=2),
    "grey-16": Kind(16, 16),
    "grey-16-signed": Kind(16, 16, signed=True),
    "grey-16-of-32": Kind(32, 16),
    "grey-20-of-32": Kind(32, 20),
    "grey-32": Kind(32, 32, signed=True),
    "bits": Kind(1, 1, frames=3),
    "bits-whole-bytes": Kind(1, 1, frames=2, columns=48),
    "palette-8": Kind(8, 8, photometric="PALETTE COLOR"),
    "palette-16": Kind(16, 16, photometric="PALETTE COLOR"),
    "rgb-8": Kind(8, 8, photometric="RGB", frames=2),
    "rgb-8-by-plane": Kind(8, 8, photometric="RGB", by_plane=True, frames=3),
    "rgb-16": Kind(16, 16, photometric="RGB"),
    "rgb-12-of-16-by-plane": Kind(16, 12, photometric="RGB", by_plane=True),
    "ybr-full-8": Kind(8, 8, photometric="YBR_FULL"),
    "one-pixel": Kind(8, 8, rows=1, columns=1),
    "one-column": Kind(16, 12, rows=70, columns=1),
    "wide": Kind(16, 12, signed=True, rows=3, columns=2100),
}


def convert(transcoder: Transcoder, data_set: DataSet, target: str) -> DataSet:
    """Return a data set in another transfer syntax; the size promised is checked on the way."""
    transcoded = transcoder.transcode(held(data_set.data, data_set.transfer_syntax), target)
    data = b"".join(transcoded.chunks())
    assert transcoded.size in (None, len(data))
    return DataSet(data_set.name, target, data)


def as_held(ds: Dataset, name: str = "") -> DataSet:
    """Return a pydicom data set as it would arrive."""
    syntax = ds.file_meta.TransferSyntaxUID
    return DataSet(name, syntax, phantoms.data_set_bytes(ds))


def parsed(data_set: DataSet) -> Dataset:
    """Return what pydicom reads."""
    return dcmread(BytesIO(phantoms.part10_head("1.2", "1.2.3", data_set.transfer_syntax) + data_set.data), force=True)


def native_pixels(data_set: DataSet) -> NDArray[np.int64]:
    """Return the pixels of an uncompressed data set as pydicom reads them, (frames, rows, columns, samples)."""
    ds = parsed(data_set)
    pixels = np.asarray(pixel_array(ds, raw=True)).astype(np.int64)
    return pixels.reshape(int(ds.get("NumberOfFrames") or 1), ds.Rows, ds.Columns, ds.SamplesPerPixel)


def decoded_elsewhere(data_set: DataSet, folder: Path) -> NDArray[np.int64] | None:
    """Return the pixels of a compressed data set, decoded by a program or library the archive does not decode with.

    DCMTK for JPEG and JPEG-LS, libjxl's program for JPEG XL of 8 and 16 bits, zlib, pydicom for the rest: its own
    decoder for RLE, pylibjpeg's OpenJPEG, and pyjpegls for JPEG-LS where precision is not Bits Allocated, which DCMTK
    does not read. None if it is not installed.
    """
    name = data_set.transfer_syntax.removeprefix("1.2.840.10008.1.2.")
    with_dcmtk = {"4.57": "dcmdjpeg", "4.70": "dcmdjpeg", "4.80": "dcmdjpls"}.get(name)
    ds = parsed(data_set)
    if with_dcmtk and not (name == "4.80" and ds.BitsStored <= 8 and ds.BitsStored != ds.BitsAllocated):
        return _by_dcmtk(data_set, with_dcmtk, folder)
    frames = list(generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames") or 1)))
    if data_set.transfer_syntax == DEFLATED_FRAME:
        return np.stack([_inflated(frame, ds) for frame in frames])
    if data_set.transfer_syntax == JPEG_XL:
        return _by_djxl(ds, frames, folder)
    plugin = "pydicom" if data_set.transfer_syntax == RLE else ""
    raw = get_decoder(UID(data_set.transfer_syntax)).as_array(ds, raw=True, decoding_plugin=plugin)[0]
    return raw.astype(np.int64).reshape(len(frames), ds.Rows, ds.Columns, ds.SamplesPerPixel)


def run_dcmtk(name: str, folder: Path, source: DataSet, *options: str) -> DataSet | None:
    """Have one of DCMTK's programs turn a data set into another one; None if it is not installed."""
    program = dcmtk.program(name)
    if program is None:
        return None
    head = phantoms.part10_head("1.2.840.10008.5.1.4.1.1.7", "1.2.3", source.transfer_syntax)
    (folder / "in.dcm").write_bytes(head + source.data)
    command = [str(program), *options, "in.dcm", "out.dcm"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)
    ds = dcmread(folder / "out.dcm")
    meta_end = 144 + ds.file_meta.FileMetaInformationGroupLength
    return DataSet(source.name, ds.file_meta.TransferSyntaxUID, (folder / "out.dcm").read_bytes()[meta_end:])


def _by_dcmtk(data_set: DataSet, program: str, folder: Path) -> NDArray[np.int64] | None:
    raw = ("+cn",) if program == "dcmdjpeg" else ()
    native = run_dcmtk(program, folder, data_set, *raw)
    return None if native is None else native_pixels(native)


def _by_djxl(ds: Dataset, frames: list[bytes], folder: Path) -> NDArray[np.int64] | None:
    program = dcmtk.program("djxl")
    if program is None or ds.BitsStored not in (8, 16):
        return None
    suffix = "ppm" if ds.SamplesPerPixel == 3 else "pgm"
    images = []
    for frame in frames:
        (folder / "in.jxl").write_bytes(frame)
        subprocess.run(
            [str(program), "in.jxl", f"out.{suffix}"], cwd=folder, check=True, capture_output=True, timeout=30
        )
        kind, size = (">u2", 2) if ds.BitsStored > 8 else ("u1", 1)
        cells = ds.Rows * ds.Columns * ds.SamplesPerPixel
        images.append(np.frombuffer((folder / f"out.{suffix}").read_bytes()[-cells * size :], kind))
    return np.stack(images).astype(np.int64).reshape(len(frames), ds.Rows, ds.Columns, ds.SamplesPerPixel)


def _inflated(frame: bytes, ds: Dataset) -> NDArray[np.int64]:
    data = zlib.decompress(frame, wbits=-zlib.MAX_WBITS)
    cells = ds.Rows * ds.Columns * ds.SamplesPerPixel
    if ds.BitsAllocated == 1:
        values = np.unpackbits(np.frombuffer(data, np.uint8), count=cells, bitorder="little")
    else:
        values = np.frombuffer(data, f"<{'i' if ds.PixelRepresentation else 'u'}{ds.BitsAllocated // 8}")
    if ds.get("PlanarConfiguration"):
        return np.moveaxis(values.reshape(ds.SamplesPerPixel, ds.Rows, ds.Columns), 0, -1).astype(np.int64)
    return values.reshape(ds.Rows, ds.Columns, ds.SamplesPerPixel).astype(np.int64)
