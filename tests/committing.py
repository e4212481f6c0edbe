"""Nodes of this process that commit to what they store, and the SCU that asks them: pynetdicom."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

from conformance import phantoms
from conformance.corpus import Instance
from conformance.requests import store, store_proposals
from conformance.upper_layer import Address, Requestor
from conformance.upper_layer import Association as Wire
from storage_backends import BlobStore, Filesystem, FilesystemDocuments
from vna.archive import Archive, Room, Sealer, Spool
from vna.dicom.supported import STORAGE_COMMITMENT_INSTANCE
from vna.dimse import DimseServer, Reporter, listen
from vna.index import open_index
from vna.journal import SealedJournal
from vna.settings import DimseSettings

EXPLICIT = "1.2.840.10008.1.2.1"
TRANSACTION = "2.25.4711"
SLICES = [phantoms.ct_slice(number=number, size=16) for number in (1, 2, 3)]
SETTINGS = DimseSettings(
    host="127.0.0.1", port=0, artim_timeout_s=5, idle_timeout_s=5, commitment_retry_pause_s=0.001, commitment_retry_s=60
)
_WAIT_S = 10.0


def reference(ds: Dataset) -> tuple[str, str]:
    """Return SOP Class and Instance UID of a data set."""
    return str(ds.SOPClassUID), str(ds.SOPInstanceUID)


def open_committing_archive(folder: Path) -> Archive:
    """Open an archive that lies in a folder and seals its journal there."""
    url, blobs = f"sqlite:///{folder / 'index.sqlite'}", BlobStore(Filesystem(folder / "blobs"))
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    archive = Archive(open_index(url), blobs, Spool(folder / "spool"), room)
    journal = SealedJournal(FilesystemDocuments(folder / "blobs"))
    archive.commitments.seal_with(Sealer(open_index(url), journal))
    return archive


@dataclass(frozen=True, slots=True)
class CommittingNode:
    """A DIMSE server in front of an archive."""

    archive: Archive
    settings: DimseSettings
    address: tuple[str, int]

    def report_once(self) -> None:
        """Do what the housekeeper does again and again: tell what is owed over associations of our own."""
        Reporter(self.archive, self.settings).report_all(threading.Event())


@contextmanager
def committing_node(folder: Path, **settings: object) -> Iterator[CommittingNode]:
    """Run a node on a folder until the block ends; another one may go on with the folder."""
    archive, chosen = open_committing_archive(folder), SETTINGS.model_copy(update=settings)
    listener = listen(chosen)
    server = DimseServer(archive, chosen, listener)
    host, port = listener.getsockname()
    server.start()
    try:
        yield CommittingNode(archive, chosen, (host, port))
    finally:
        server.stop(0)
        archive.close()


@dataclass
class Scu:
    """An application that stores, asks for commitment, and is told; it answers reports with `status`."""

    ae_title: str = "MODALITY"
    status: int = 0x0000
    reports: "SimpleQueue[tuple[int, Dataset]]" = field(default_factory=SimpleQueue)
    taken: list[tuple[int, Dataset]] = field(default_factory=list)

    def store(self, address: tuple[str, int], data_sets: Sequence[Dataset]) -> None:
        """Store instances, over an association of their own: pynetdicom loses answers on a busy machine."""
        instances = [Instance(*reference(ds), EXPLICIT, phantoms.data_set_bytes(ds)) for ds in data_sets]
        us = Requestor(self.ae_title)
        with Wire.open(Address(*address), store_proposals(instances), requestor=us) as association:
            assert [store(association, instance).status for instance in instances] == [0] * len(instances)

    def associate(self, address: tuple[str, int]) -> Association:
        """Establish an association for commitment."""
        application = AE(self.ae_title)
        application.add_requested_context(StorageCommitmentPushModel)
        handlers = [(evt.EVT_N_EVENT_REPORT, self._take), (evt.EVT_PDU_SENT, self._sent)]
        association = application.associate(*address, ae_title="VNA", evt_handlers=handlers)
        assert association.is_established
        return association

    def ask(
        self,
        association: Association,
        instances: Sequence[tuple[str, str]],
        *,
        action: int = 1,
        about: str = STORAGE_COMMITMENT_INSTANCE,
        **changed: Any,
    ) -> int:
        """Ask for commitment and return the status of the answer; `changed` are attributes of the request."""
        ds = Dataset()
        ds.TransactionUID, ds.ReferencedSOPSequence = TRANSACTION, []
        for sop_class, uid in instances:
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
            ds.ReferencedSOPSequence.append(item)
        for keyword, value in changed.items():
            setattr(ds, keyword, value)
        answer, _reply = association.send_n_action(ds, action, StorageCommitmentPushModel, about)
        return int(answer.Status)

    def next_report(self) -> tuple[int, Dataset]:
        """Wait for the next report: its event type, and what it says."""
        return self.reports.get(timeout=_WAIT_S)

    @contextmanager
    def listening(self, port: int = 0) -> Iterator[int]:
        """Take reports over associations of the archive's until the block ends; yields the port."""
        application = AE(self.ae_title)
        application.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
        handlers = [(evt.EVT_N_EVENT_REPORT, self._take), (evt.EVT_PDU_SENT, self._sent)]
        server = application.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
        assert server is not None
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()

    def _take(self, event: evt.Event) -> tuple[int, Dataset]:
        if self.status == 0x0000:
            self.taken.append((event.event_type, event.event_information))
        return self.status, Dataset()

    def _sent(self, event: evt.Event) -> None:
        """Give out a report when its answer is on the wire: pynetdicom must not be made to release before."""
        while isinstance(event.pdu, P_DATA_TF) and self.taken:
            self.reports.put(self.taken.pop())


__all__ = ["SLICES", "TRANSACTION", "CommittingNode", "Scu", "committing_node", "reference"]
