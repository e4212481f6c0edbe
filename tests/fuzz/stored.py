"""What lies in the store and may have been tampered with: blobs, the sealed journal, and the names of documents."""

import io
import lzma
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cbor2
import imagecodecs
import numpy as np

from conformance import phantoms
from fuzz.target import Finding
from journals import SealedArchive
from storage_backends import (
    BlobDamaged,
    BlobRef,
    BlobStore,
    Codec,
    FilesystemDocuments,
    FrameNotFound,
    FrameTable,
    Memory,
    MemoryContent,
    MemoryDocuments,
    PixelShape,
)
from storage_backends.frame_table import FragmentedFrames, RegularFrames, Span
from storage_backends.planar import Workspace
from storage_backends.smallest import unpack as unpack_chunk
from vna.archive import Spool
from vna.dicom.recipe import Recipe, plan
from vna.errors import Damaged, VnaError
from vna.events import payload_digest
from vna.journal.packing import Unreadable, pack, unpack
from vna.journal.payloads import PayloadFile, PayloadReader
from vna.journal.segment import Segment
from vna.journal.signing import read_head
from vna.transfer.containers import kind_of, start_of, units_in
from vna.transfer.reading import CannotRead, IsDirectory, NotDicom, Readable, Reader
from vna.transfer.units import TarStream, Verdict, WholeFile


@dataclass(frozen=True, slots=True)
class _Blob:
    """A blob, its file, and how its frames should read."""

    ref: BlobRef
    plain: bytes
    file: bytes


@cache
def _blobs() -> Sequence[_Blob]:
    """Return blobs of every layout: empty, plain, filtered with all widths, with frames of both kinds."""
    rng = np.random.default_rng(0)
    ramp = (np.arange(64 * 64 * 3).reshape(3, 64, 64) // 7).astype("<u2").tobytes()
    noise = rng.integers(0, 256, 5000, np.uint8).tobytes()
    large = np.tile(rng.integers(0, 900, 300_000), 4).astype("<u2").tobytes()
    fragments = FragmentedFrames(((Span(0, 10),), (Span(10, 100), Span(200, 4000))))
    return [
        _encoded(b"", None, None),
        _encoded(b"a document " * 50, None, None),
        _encoded(ramp, PixelShape(64, 64, 1, 2), RegularFrames(64 * 64 * 2, 3)),
        _encoded(ramp, PixelShape(64, 64, 1, 1, ">"), RegularFrames(64 * 64, 6)),
        _encoded(noise, None, fragments),
        _encoded(large, None, None),
        _encoded(noise, None, None, Codec.RAW),
        _encoded(ramp, PixelShape(64, 64, 1, 2), RegularFrames(64 * 64 * 2, 3), Codec.SMALLEST),
        _encoded(b"a document " * 50, None, fragments_of_text(), Codec.SMALLEST),
    ]


def fragments_of_text() -> FragmentedFrames:
    """Return two frames in a few hundred bytes."""
    return FragmentedFrames(((Span(0, 10), Span(20, 30)), (Span(100, 400),)))


def _encoded(plain: bytes, shape: PixelShape | None, frames: FrameTable | None, codec: Codec = Codec.DENSE) -> _Blob:
    memory = Memory()
    store = BlobStore(memory, codec=codec)
    ref = store.put(MemoryContent(plain), shape=shape, frames=frames)
    store.close()
    return _Blob(ref, plain, memory.read(ref.name))


_MEMORY = Memory()
_STORE = BlobStore(_MEMORY)


def blob(data: bytes) -> None:
    """Read a blob from a file that may be any: it is damaged, or gives the right bytes."""
    if not data:
        return
    right = _blobs()[data[0] % len(_blobs())]
    staged = _MEMORY.stage()
    staged.write(data[1:])
    staged.commit(right.ref.name)
    size = right.ref.plain_size
    parts = (
        () if right.ref.codec is Codec.RAW else ((0, size), (size // 3, size // 3), (max(0, size - 1), min(1, size)))
    )
    for first, length in parts:  # of a raw file, only the whole has a digest
        _right(right.plain[first : first + length], lambda f=first, n=length: _STORE.range(right.ref, f, n))
    _right(right.plain, lambda: _STORE.get(right.ref))
    _right(right.plain, lambda: bytes(_STORE.get_many([right.ref])[0]))
    try:
        for number in range(1, min(4, _STORE.frame_count(right.ref)) + 1):
            _STORE.frame(right.ref, number)
    except (BlobDamaged, FrameNotFound):
        return


def _right(plain: bytes, read: object) -> None:
    try:
        found = read()
    except BlobDamaged:
        return
    if found != plain:
        raise Finding("other bytes than were stored")


def blobs() -> Iterator[bytes]:
    """Files of blobs as they should be."""
    for number, each in enumerate(_blobs()):
        if len(each.file) < 60_000:
            yield bytes([number]) + each.file


_CODED_SHAPE = PixelShape(8, 8, 1, 2)
_CODED_BYTES = 128


def chunk(data: bytes) -> None:
    """Read a coded chunk that may be any, as if its checksum were right: it is refused, or gives as many bytes."""
    try:
        found = unpack_chunk(data, _CODED_BYTES, _CODED_SHAPE, Workspace())
    except ValueError:
        return
    if len(found) != _CODED_BYTES:
        raise Finding("a chunk of another size")


def chunks() -> Iterator[bytes]:
    """Coded chunks of every method."""
    image = np.arange(64, dtype=np.uint16).reshape(8, 8) * 5
    head = (900).to_bytes(4, "little") + b"\x02"
    yield bytes([32]) + head + bytes(imagecodecs.jpegls_encode(image))
    yield bytes([33]) + head + bytes(imagecodecs.jpegxl_encode(image, lossless=True, usecontainer=False))
    jpeg = bytes(imagecodecs.jpeg8_encode(image.astype(np.uint8)))
    file = bytes(imagecodecs.jpegxl_encode_jpeg(jpeg, usecontainer=True, numthreads=1))
    yield bytes([34]) + bytes(4) + image.tobytes()
    yield bytes([34]) + struct.pack("<5I", 1, len(file), 1, 0, len(jpeg)) + file
    yield from (bytes([kind]) + image.tobytes() for kind in range(4))
    yield from (bytes([16 + kind]) + lzma.compress(image.tobytes()) for kind in range(4))


def recipe(data: bytes) -> None:
    """Read a recipe, and follow it over a short header."""
    try:
        found = Recipe.from_cbor(data)
        plan(b"header", found, {piece.digest: 3 for piece in found.pieces})
    except Damaged:
        return


def recipes() -> Iterator[bytes]:
    """Recipes as they should be."""
    yield Recipe(()).to_cbor()
    yield cbor2.dumps([1, [[0, bytes(32)], [3, bytes(range(32))]]])


@cache
def _journal() -> Sequence[bytes]:
    """Return the documents of a small sealed journal."""
    documents = MemoryDocuments()
    with tempfile.TemporaryDirectory() as folder:
        archive = SealedArchive(f"sqlite:///{folder}/index", Spool(Path(folder)), documents)
        archive.live()
        archive.sealer.seal()
        archive.close()
    return [documents.read(name) for name in documents.names() if name.endswith(".zst")]


def journal(data: bytes) -> None:
    """Read a segment and a payload file from any file, and from a proper frame around any items."""
    if not data:
        return
    file = pack([data[1:]]) if data[0] % 2 else data[1:]
    _head(data[1:])
    try:
        segment = Segment.unpack(file)
    except Unreadable:
        pass
    else:
        _events(segment)
    try:
        payloads = PayloadFile.unpack(file)
    except Unreadable:
        return
    reader = PayloadReader(payloads.bases)
    for kept in payloads.payloads.values():
        try:
            plain = reader.checked(kept, bytes(32))
        except Unreadable:
            continue
        raise Finding(f"a payload of digest {payload_digest(kept.salt, plain)!r} passed for another")


def _head(data: bytes) -> None:
    try:
        read_head(data)
    except Unreadable:
        return


def _events(segment: Segment) -> None:
    segment.heads()
    for event in segment.events:
        try:
            event.record()
        except ValueError:
            continue


def journals() -> Iterator[bytes]:
    """Documents of a journal as they lie in the store, and what is in them."""
    for file in _journal():
        yield b"\0" + file
        yield b"\1" + b"".join(map(cbor2.dumps, unpack(file)))


def document_name(data: bytes) -> None:
    """Create a document of any name: it is refused, or is one file below its folder, found under that name."""
    name = data.decode("utf-8", "surrogateescape")
    with tempfile.TemporaryDirectory() as folder:
        documents = FilesystemDocuments(Path(folder) / "documents")
        try:
            documents.create_exclusively(name, b"content")
        except ValueError:
            if list(Path(folder).iterdir()):
                raise Finding("a refused name has left something") from None
            return
        if documents.names() != [name] or [path.name for path in Path(folder).iterdir()] != ["documents"]:
            raise Finding("a document lies elsewhere than its name says")


def document_names() -> Iterator[bytes]:
    """Names that are fine, and names that must not be."""
    fine = (b"journal/000000000001.cbor.zst", b"payloads/000000000001-000000000009/1.2.3.cbor.zst", b"a/b/c")
    bad = (
        b"../x",
        b"a/../../x",
        b"/etc/passwd",
        b"a//b",
        b"a/./b",
        b"staging/x",
        b"abc/0",
        b"a\0b",
        "é/x".encode(),
        b"",
    )
    yield from (*fine, *bad, b"a/" * 40, b"x" * 101)


def container(data: bytes) -> None:
    """Look into what may be a ZIP, a TAR or a file of DICOM, and read what is in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "container"
        path.write_bytes(data)
        spool = Spool(Path(folder) / "spool")
        with closing(Reader(spool.incoming)) as reader:
            for unit in units_in(WholeFile(str(path), len(data), 0), kind_of(start_of(str(path)))):
                if not isinstance(unit, Verdict | TarStream):
                    _read_unit(reader, unit)
        if sorted(each.name for each in Path(folder).iterdir()) != ["container", "spool"]:
            raise Finding("something was unpacked")


def _read_unit(reader: Reader, unit: Readable) -> None:
    try:
        with reader.open(unit):
            pass
    except (NotDicom, IsDirectory, CannotRead, VnaError):
        return


def containers() -> Iterator[bytes]:
    """A ZIP and a TAR of slices and of names that lead elsewhere."""
    content = phantoms.part10(phantoms.ct_slice(size=16))
    for kind in ("zip", "tar", "tar.gz"):
        out = io.BytesIO()
        if kind == "zip":
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
                for name in ("a.dcm", "../../b.dcm", "/c.dcm"):
                    opened.writestr(name, content)
        else:
            with tarfile.open(fileobj=out, mode="w:gz" if kind == "tar.gz" else "w") as opened:
                for name in ("a.dcm", "../../b.dcm"):
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    opened.addfile(info, io.BytesIO(content))
        yield out.getvalue()
