"""One node: the data folder, the archive in it and the servers in front of it, started and stopped together."""

import os
from contextlib import ExitStack
from datetime import UTC, datetime

import vna
from vna.archive import Archive
from vna.console import NodeFacts, create_app
from vna.dimse import DimseServer
from vna.errors import StartRefused
from vna.node.data_folder import Address, DataFolder, NodeRecord
from vna.node.http import HttpServer
from vna.node.parts import open_archive, open_backend
from vna.node.readiness import readiness_checks
from vna.settings import Settings


class Node:
    """A node that runs inside this process; `start` and `stop` are called once each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = DataFolder(settings.data_dir)
        self._open = ExitStack()
        self._not_ready: str | None = "the node is starting"
        self._dimse: DimseServer | None = None
        self._drain_s = 0.0
        self._record: NodeRecord | None = None

    @property
    def record(self) -> NodeRecord:
        """Where the started node listens."""
        if self._record is None:
            raise RuntimeError("the node is not started")
        return self._record

    def start(self) -> None:
        """Take the data folder and serve it; on failure everything is given back.

        Raises:
            StartRefused: the folder, the index, the store or a port cannot be had; the message says which and why.
        """
        with ExitStack() as stack:
            self._folder.create()
            self._folder.lock()
            stack.callback(self._folder.unlock)
            self._folder.empty_spool()
            open_backend(self._settings).clear_staging()
            archive = open_archive(self._settings)
            stack.callback(archive.close)
            http = self._console(archive)
            stack.callback(http.stop)
            stack.callback(self._folder.remove_record)
            self._dimse = dimse = _listening(archive, self._settings)
            stack.callback(lambda: dimse.stop(self._drain_s))
            self._record = self._describe(dimse, http)
            self._folder.write_record(self._record)
            http.start()
            self._open = stack.pop_all()
        self._not_ready = None

    def stop(self, drain_s: float) -> None:
        """Take nothing new, let running associations finish for up to `drain_s` seconds, and give everything back."""
        self._not_ready = "the node is stopping"
        self._drain_s = drain_s
        self._open.close()

    def _console(self, archive: Archive) -> HttpServer:
        checks = {
            "node": lambda: self._not_ready,
            "dimse": self._dimse_does_not_listen,
            **readiness_checks(archive, open_backend(self._settings)),
        }
        return HttpServer(create_app(lambda: self._facts(archive), checks), self._settings.http)

    def _dimse_does_not_listen(self) -> str | None:
        try:
            listens = self._dimse is not None and self._dimse.address
        except OSError as exc:
            return f"the DIMSE port is lost: {exc.strerror}"
        return None if listens else "DIMSE does not listen yet"

    def _describe(self, dimse: DimseServer, http: HttpServer) -> NodeRecord:
        return NodeRecord(
            pid=os.getpid(),
            version=vna.__version__,
            ae_title=self._settings.dimse.ae_title,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            dimse=Address(*dimse.address),
            http=http.address,
        )

    def _facts(self, archive: Archive) -> NodeFacts:
        counts = archive.counts()
        return NodeFacts(
            version=vna.__version__,
            ae_title=self.record.ae_title,
            dimse=str(self.record.dimse),
            http=str(self.record.http),
            patients=counts.patients,
            studies=counts.studies,
            series=counts.series,
            instances=counts.instances,
        )


def _listening(archive: Archive, settings: Settings) -> DimseServer:
    server = DimseServer(archive, settings.dimse)
    try:
        server.start()
    except OSError as exc:
        where = Address(settings.dimse.host, settings.dimse.port)
        raise StartRefused(f"dimse.host, dimse.port: cannot listen on {where}: {exc.strerror}") from exc
    return server
