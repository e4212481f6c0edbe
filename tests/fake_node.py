"""The DIMSE server in front of a door that only keeps and gives back, and what the tests of it say."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from fake_door import FakeArchive
from raw_peer import CT, EXPLICIT, IMPLICIT, VERIFICATION, RawPeer, command_set, message
from vna.dimse import DimseServer, listen
from vna.dimse.associate import Roles
from vna.settings import DimseSettings

NODE = DimseSettings(host="127.0.0.1", port=0, artim_timeout_s=2, idle_timeout_s=5, move_retry_pause_s=0.02)
STORE = (CT, [EXPLICIT])
ECHO = command_set(VERIFICATION, 0x30, data_set=False)
TAKES_CT = {CT: Roles(scu=False, scp=True)}


@dataclass(frozen=True, slots=True)
class FakeNode:
    """A server and the door behind it."""

    archive: FakeArchive
    server: DimseServer
    address: tuple[str, int]

    def peer(self) -> RawPeer:
        """Connect to it."""
        return RawPeer(socket.create_connection(self.address))

    def assert_alive(self) -> None:
        """See that it answers a C-ECHO."""
        with self.peer() as peer:
            peer.associate((VERIFICATION, [IMPLICIT]))
            peer.send(message(1, ECHO))
            assert peer.read_message().command.status == 0
            peer.release()


@contextmanager
def fake_node(**settings: object) -> Iterator[FakeNode]:
    """Run a server until the block ends; `settings` differ from those of NODE."""
    archive = FakeArchive()
    chosen = NODE.model_copy(update=settings)
    listener = listen(chosen)
    host, port = listener.getsockname()
    server = DimseServer(archive, chosen, listener)  # type: ignore[arg-type]
    server.start()
    try:
        yield FakeNode(archive, server, (host, port))
    finally:
        server.stop(0)


def store_command(instance: str = "1.2.3.1.1", **more: bytes) -> bytes:
    """Return the command set of a C-STORE-RQ of a CT image; `more` replaces or adds elements."""
    uid = instance.encode() + b"\0" * (len(instance) % 2)
    return command_set(CT, 1, **({"x0700": b"\0\0", "x1000": uid} | more))


def identifier(**keys: str) -> bytes:
    """Return an identifier in Implicit VR Little Endian."""
    dataset = Dataset()
    for keyword, value in keys.items():
        setattr(dataset, keyword, value)
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, True
    write_dataset(out, dataset)
    return bytes(out.getvalue())


def decoded(data: bytes) -> Dataset:
    """Return the data set in Implicit VR Little Endian."""
    return read_dataset(DicomBytesIO(data), is_implicit_VR=True, is_little_endian=True)
