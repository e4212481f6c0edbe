"""One node: the data folder, the workers that serve DIMSE and the HTTP server, started and stopped together."""

import os
import socket
from contextlib import ExitStack
from datetime import UTC, datetime

import vna
from vna.archive import Archive, Overview
from vna.console import Check, NodeFacts, create_app, failing
from vna.dimse import listen
from vna.errors import StartRefused
from vna.index import Election
from vna.journal import SigningKey, make_key
from vna.node.apart import run_apart
from vna.node.caring import caring
from vna.node.data_folder import Address, DataFolder, NodeRecord
from vna.node.duties import duties, reporting
from vna.node.exposition import Exposition
from vna.node.housekeeper import Housekeeper
from vna.node.http import HttpServer
from vna.node.journal import catch_up_index, open_sealing_archive
from vna.node.parts import (
    clear_staging,
    index_url,
    open_archive,
    open_store,
    refuse_silent_store,
    refuse_unmounted_store,
)
from vna.node.readiness import readiness_checks
from vna.node.watch import NODE, Watch
from vna.node.worker import work, worker_count
from vna.node.workers import Workers, start_workers
from vna.settings import DimseSettings, Settings


class Node:
    """A node of this process and its workers; `start` and `stop` are called once each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = DataFolder(settings.data_dir)
        self._open = ExitStack()
        self._not_ready: str | None = "the node is starting"
        self._workers: Workers | None = None
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
            refuse_unmounted_store(self._settings)
            clear_staging(self._settings)
            open_archive(self._settings).close()  # migrated and found sound before anything is forked
            run_apart(self._ask_the_store)
            key = make_key(self._folder.signing_key)
            self._serve_dimse(stack)
            archive = open_sealing_archive(self._settings, metrics=self._metrics)
            stack.callback(archive.close)
            self._keep_house(stack, key, archive)
            http = self._console(archive)
            stack.callback(http.stop)
            stack.callback(self._folder.remove_record)
            self._record = self._describe(http)
            self._folder.write_record(self._record)
            http.start()
            self._open = stack.pop_all()
        self._not_ready = None

    def has_lost_its_workers(self) -> bool:
        """Return whether nobody serves DIMSE any more, nor will: the process that replaces dead workers died itself."""
        return self._workers is None or not self._workers.is_alive()

    def stop(self) -> None:
        """Take nothing new, let running associations finish for `serve.drain_s`, and give everything back."""
        self._not_ready = "the node is stopping"
        self._listener.close()
        if self._workers is not None:
            self._workers.stop()
        self._open.close()

    def _ask_the_store(self) -> None:
        """See that the store answers, and that the index is where the journal in it ends."""
        refuse_silent_store(self._settings)
        catch_up_index(self._settings)

    def _serve_dimse(self, stack: ExitStack) -> None:
        """Listen, and have the workers accept; they drain before anything else is given back."""
        settings = self._settings
        self._listener = listener = _listening(settings.dimse)
        stack.callback(listener.close)
        count = worker_count(settings.serve)
        self._watch = watch = Watch(count)
        watch.take(watch.supervisor)
        self._workers = start_workers(
            count,
            lambda number: work(settings, listener, watch, number=number, workers=count),
            let_go=listener.close,
        )
        stack.callback(self._workers.stop)
        self._metrics = watch.take(NODE)
        stack.callback(watch.leave)

    def _keep_house(self, stack: ExitStack, key: SigningKey, archive: Archive) -> None:
        """Begin with what is done again and again; it ends when the workers have ended."""
        kept = (*duties(self._settings, key, stack), reporting(archive, self._settings.dimse))
        kept = (*kept, *caring(archive, self._settings.store))
        election = Election(index_url(self._settings))
        stack.callback(election.close)
        housekeeper = Housekeeper(kept, is_elected=election.is_elected)
        stack.callback(housekeeper.stop)
        housekeeper.start()

    def _console(self, archive: Archive) -> HttpServer:
        checks: dict[str, Check] = {
            "node": lambda: self._not_ready,
            "dimse": self._dimse_does_not_listen,
            **readiness_checks(archive, open_store(self._settings)),
        }
        exposition = Exposition(self._watch, lambda: _overview(archive), lambda: not failing(checks))
        return HttpServer(create_app(lambda: self._facts(archive), checks, exposition.render), self._settings.http)

    def _dimse_does_not_listen(self) -> str | None:
        if self.has_lost_its_workers():
            return "nobody accepts DIMSE associations"
        return None

    def _describe(self, http: HttpServer) -> NodeRecord:
        return NodeRecord(
            pid=os.getpid(),
            version=vna.__version__,
            ae_title=self._settings.dimse.ae_title,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            dimse=Address(*self._listener.getsockname()[:2]),
            http=http.address,
        )

    def _facts(self, archive: Archive) -> NodeFacts:
        return NodeFacts(
            version=vna.__version__,
            ae_title=self.record.ae_title,
            dimse=str(self.record.dimse),
            http=str(self.record.http),
            overview=_overview(archive),
            workers=self._watch.workers(),
            complaints=self._watch.complaints(),
        )


def _overview(archive: Archive) -> Overview:
    return archive.overview(datetime.now(UTC).astimezone())


def _listening(settings: DimseSettings) -> socket.socket:
    try:
        return listen(settings)
    except OSError as exc:
        where = Address(settings.host, settings.port)
        raise StartRefused(f"dimse.host, dimse.port: cannot listen on {where}: {exc.strerror}") from exc
