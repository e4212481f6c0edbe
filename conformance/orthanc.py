"""Debian's Orthanc as the peer to be measured against, at its best.

TCP_NODELAY=1 is set because without it Orthanc answers every C-STORE about 40 ms late on loopback (Nagle).
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from conformance.server import Server, accepts_connections, free_port, running, wait_until
from conformance.upper_layer import Address

AE_TITLE = "ORTHANC"
DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
_START_TIMEOUT_S = 30


def find_orthanc() -> str | None:
    """Return the path of the program, or None where it is not installed."""
    return shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


def dicomweb_settings() -> tuple[dict[str, object], str]:
    """Return the settings that make it serve DICOMweb on a free port, and the address of its HTTP server.

    The plugin's services are below /dicom-web, WADO-URI is /wado.
    """
    port = free_port()
    settings: dict[str, object] = {
        "HttpServerEnabled": True,
        "HttpPort": port,
        "AuthenticationEnabled": False,
        "Plugins": [str(DICOMWEB_PLUGIN)],
    }
    return settings, f"http://127.0.0.1:{port}"


@contextmanager
def orthanc(
    program: str,
    folder: Path,
    *,
    compressed: bool = False,
    destinations: Mapping[str, tuple[str, int]] | None = None,
    more: Mapping[str, object] | None = None,
) -> Iterator[Server]:
    """Run Orthanc with everything in `folder` until the block ends.

    `destinations` are AE titles it may move to, `more` are settings of its own beside ours.
    """
    storage = folder / "db"
    storage.mkdir(parents=True)
    dicom_port = free_port()
    settings = {
        "Name": AE_TITLE,
        "StorageDirectory": str(storage),
        "IndexDirectory": str(storage),
        "StorageCompression": compressed,
        "HttpServerEnabled": False,
        "DicomPort": dicom_port,
        "DicomAet": AE_TITLE,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {name: [name, host, port] for name, (host, port) in (destinations or {}).items()},
        **(more or {}),
    }
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps(settings))
    log = folder / "orthanc.log"
    with running([program, str(configuration)], environment={"TCP_NODELAY": "1"}, log=log) as process:
        wait_until(lambda: accepts_connections("127.0.0.1", dicom_port), process, log=log, timeout_s=_START_TIMEOUT_S)
        name = "orthanc compressed" if compressed else "orthanc"
        yield Server(name, Address("127.0.0.1", dicom_port, AE_TITLE), process.pid, storage)
