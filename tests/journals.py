"""Sealed journals made by hand: an index with a few studies, and its journal in memory."""

from conformance.phantoms import ct_slice, data_set_bytes
from storage_backends import BlobStore, Codec, Documents, Memory, MemoryContent
from vna.archive import Archive, Arrived, Room, Spool, Statement
from vna.archive.sealing import Sealer
from vna.index import Index, open_index
from vna.journal import SealedJournal
from vna.model import Peer, RejectionReason, Scope, Source, StudyUID

PACS = Source("PACS")


class SealedArchive:
    """An archive whose index lies at a URL and whose store is in memory, and what seals it."""

    def __init__(self, url: str, spool: Spool, documents: Documents, blobs: Memory | None = None) -> None:
        self.index: Index = open_index(url)
        self.blobs = BlobStore(blobs or Memory(), codec=Codec.ZSTD)
        room = Room(self.blobs, min_free_percent=0, min_free_bytes=0)
        self.archive = Archive(self.index, self.blobs, spool, room)
        self.journal = SealedJournal(documents)
        self.sealer = Sealer(open_index(url), self.journal)

    def close(self) -> None:
        """Close both."""
        self.sealer.close()
        self.archive.close()

    def store(self, *numbers: int, study: int = 1) -> None:
        """Store small slices of a study."""
        session = self.archive.session(PACS, "test")
        for number in numbers:
            ds = ct_slice(study=study, number=number, size=16)
            syntax = ds.file_meta.TransferSyntaxUID
            session.store(Arrived(MemoryContent(data_set_bytes(ds)), str(syntax)))

    def live(self) -> None:
        """Let all kinds of events happen, with two seals in between and one at the end."""
        self.archive.add_peer(Peer("PACS", "192.0.2.1", 104), actor="test")
        self.store(1, 2, 3)
        self.sealer.seal()
        self.store(1, 2, study=2)
        self.store(1)
        uid = StudyUID(ct_slice(study=2, number=1, size=16).StudyInstanceUID)
        number = self.archive.rejections.reject(Scope(uid), RejectionReason.QUALITY, Statement("somebody", "blurred"))
        self.sealer.seal()
        self.archive.rejections.restore(number, Statement("somebody"))
        self.store(4)
        self.archive.remove_peer("PACS", actor="test")
        self.sealer.seal()
