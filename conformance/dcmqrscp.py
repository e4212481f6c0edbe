"""DCMTK's image archive, dcmqrscp, as a peer to be compared with."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from conformance.server import Server, accepts_connections, free_port, running, wait_until
from conformance.upper_layer import Address

AE_TITLE = "DCMQRSCP"
_START_TIMEOUT_S = 30


def find_dcmqrscp() -> str | None:
    """Return the path of the program, or None where it is not installed."""
    return shutil.which("dcmqrscp", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin")


@contextmanager
def dcmqrscp(
    program: str, folder: Path, *, destinations: Mapping[str, tuple[str, int]] | None = None
) -> Iterator[Server]:
    """Run dcmqrscp with everything in `folder` until the block ends; `destinations` are AE titles it may move to."""
    storage = folder / "db"
    storage.mkdir(parents=True)
    port = free_port()
    hosts = [
        f"{name.lower()} = ({name}, {host}, {its_port})" for name, (host, its_port) in (destinations or {}).items()
    ]
    configuration = folder / "dcmqrscp.cfg"
    configuration.write_text(
        "\n".join(
            (
                f"NetworkTCPPort = {port}",
                "MaxPDUSize = 131072",
                "MaxAssociations = 16",
                "HostTable BEGIN",
                *hosts,
                "HostTable END",
                "VendorTable BEGIN",
                "VendorTable END",
                "AETable BEGIN",
                f"{AE_TITLE} {storage} RW (200, 1024mb) ANY",
                "AETable END",
                "",
            )
        )
    )
    log = folder / "dcmqrscp.log"
    with running([program, "-c", str(configuration)], environment={"TCP_NODELAY": "1"}, log=log) as process:
        wait_until(lambda: accepts_connections("127.0.0.1", port), process, log=log, timeout_s=_START_TIMEOUT_S)
        yield Server("dcmqrscp", Address("127.0.0.1", port, AE_TITLE), process.pid, storage)
