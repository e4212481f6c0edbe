"""An archive in a folder that destroys: its parts opened as a node opens them, and eliminations that all agreed to."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

import zstandard
from pydicom.dataset import Dataset

from conformance.phantoms import data_set_bytes
from storage_backends import (
    MAIN,
    Backend,
    BlobStore,
    Codec,
    Documents,
    Filesystem,
    FilesystemDocuments,
    MemoryContent,
)
from vna.archive import Archive, Arrived, Derived, Ledger, Means, Remaining, Room, Sealer, Spool
from vna.archive.recording import record
from vna.events import EliminationDecided, EliminationItem, EliminationProposed, StepDecision
from vna.index import Index, Recorded, Spared, open_index
from vna.journal import SealedJournal, make_key
from vna.model import EliminatedAgain, Scope, Source
from vna.node.journal import open_sealing_archive
from vna.settings import Settings

MODALITY = Source("MODALITY")
_NONE: Final[Mapping[str, Path]] = MappingProxyType({})
_NOTHING: Final[Mapping[str, Backend]] = MappingProxyType({})


class DestroyingArchive:
    """One archive: its index at a URL, its stores and everything else in a folder."""

    def __init__(
        self,
        folder: Path,
        *,
        url: str = "",
        stores: Mapping[str, Backend] = _NOTHING,
        ledgers: Mapping[str, Path] = _NONE,
        again: EliminatedAgain = EliminatedAgain.REFUSE,
    ) -> None:
        """Open it, making what is missing; of `stores` MAIN is a folder of its own unless given, others are replicas.

        Args:
            ledgers: folders of copies of the ledger.
        """
        self.folder, self._open = folder, ExitStack()
        self.url = url or f"sqlite:///{folder / 'index.sqlite'}"
        folder.mkdir(exist_ok=True)
        self.index: Index = open_index(self.url, eliminated_again=again)
        replicas = {name: BlobStore(each, codec=Codec.ZSTD) for name, each in stores.items() if name != MAIN}
        main = stores[MAIN] if MAIN in stores else Filesystem(folder / "blobs")
        self.blobs = BlobStore(main, codec=Codec.ZSTD, replicas=replicas, mirrored=bool(replicas))
        room = Room(self.blobs, min_free_percent=0, min_free_bytes=0)
        self.archive = Archive(self.index, self.blobs, Spool(folder / "spool"), room)
        self._open.callback(self.archive.close)
        self.archive.keep_derived(Derived(folder / "derived", 10**8))
        self.documents: Documents = FilesystemDocuments(folder / "blobs")
        self.journal = SealedJournal(self.documents)
        self.sealer = Sealer(open_index(self.url), self.journal)
        self._open.callback(self.sealer.close)
        places = {"here": folder / "tombstones", **ledgers}
        pages = {name: FilesystemDocuments(path) for name, path in places.items()}
        self.ledger = Ledger(self.index, pages, lambda: make_key(folder / "keys" / "key.pem"))
        self.archive.destruction.equip(Means(self.journal, self.sealer, self.ledger))

    def close(self) -> None:
        """Close everything."""
        self._open.close()

    def __enter__(self) -> "DestroyingArchive":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def store(self, *data_sets: Dataset) -> None:
        """Store data sets, over one association."""
        session = self.archive.session(MODALITY, "test")
        for ds in data_sets:
            session.store(Arrived(MemoryContent(data_set_bytes(ds)), str(ds.file_meta.TransferSyntaxUID)))

    def agreed(self, *scopes: Scope, wait_days: int = 0) -> tuple[int, list[EliminationItem]]:
        """Propose an elimination and have the one role that is asked agree; return its number and its items."""
        return _agreed(self.index, *scopes, wait_days=wait_days)

    def eliminate(self, number: int, item: EliminationItem) -> Recorded | Spared:
        """Eliminate one item, evaluated now."""
        position = self.index.reader.position()
        return self.archive.destruction.eliminate(number, item, evaluated_at=position, actor="runner")

    def destroy(self, *scopes: Scope) -> Remaining:
        """Eliminate scopes, all in one elimination, and destroy them."""
        number, items = self.agreed(*scopes)
        for item in items:
            went = self.eliminate(number, item)
            assert isinstance(went, Recorded), went
        return self.archive.destruction.finish(number)


def destroy_beside(settings: Settings, scope: Scope) -> int:
    """Eliminate a scope, agreed to by all, and destroy it as a command beside the node does; return the number."""
    with closing(open_sealing_archive(settings)) as archive:
        index = archive.destruction.index
        number, (item,) = _agreed(index, scope)
        position = index.reader.position()
        went = archive.destruction.eliminate(number, item, evaluated_at=position, actor="runner")
        assert isinstance(went, Recorded), went
        assert archive.destruction.finish(number).is_done
    return number


def _agreed(index: Index, *scopes: Scope, wait_days: int = 0) -> tuple[int, list[EliminationItem]]:
    items = tuple(EliminationItem(scope, ("rule",), "2020-01-01", 1, 1) for scope in scopes)
    asked = {"roles": ("director",), "visas": (), "wait_days": wait_days, "max_per_day": 0, "accepted": ()}
    proposed = EliminationProposed(owner="list", profile=1, action="destroy", digest="", items=items, **asked)
    number = record(index, proposed, "archivist")
    record(index, EliminationDecided(number, "director", StepDecision.FAVOURABLE, "", "", ""), "director")
    return number, list(items)


def study_of(ds: Dataset) -> Scope:
    """Return the study of a data set."""
    return Scope(ds.StudyInstanceUID)


def needles(*data_sets: Dataset) -> list[bytes]:
    """Return what is not to be found of data sets: names, IDs, and pixels as stored and as filtered."""
    wanted = []
    for ds in data_sets:
        wanted += [str(ds.PatientName).encode(), str(ds.PatientName).lower().encode(), ds.PatientID.encode()]
        data = data_set_bytes(ds)
        at = data.index(b"\x08\x00\x18\x00UI")
        wanted += [bytes(ds.PixelData)[:16], data[at : at + 8 + len(ds.SOPInstanceUID)]]
    return list(dict.fromkeys(wanted))


def found_among(data: bytes, wanted: Sequence[bytes]) -> list[bytes]:
    """Return which of these byte strings are in some bytes, as they are or in any zstd frame."""
    plain = b"\n".join([data, *_frames(data)])
    return [each for each in wanted if each in plain]


def _frames(data: bytes) -> Iterator[bytes]:
    at = data.find(zstandard.FRAME_HEADER)
    while at >= 0:
        with suppress(zstandard.ZstdError):
            yield zstandard.ZstdDecompressor().decompressobj().decompress(data[at:])
        at = data.find(zstandard.FRAME_HEADER, at + 1)
