"""One node: the data folder, the workers that serve DIMSE and HTTP, and the housekeeper."""

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TypeVar

import vna
from storage_backends import Recent
from vna.archive import Archive
from vna.dimse import listen
from vna.errors import StartRefused
from vna.index import Election
from vna.journal import SigningKey, make_key
from vna.node.apart import run_apart
from vna.node.caring import caring
from vna.node.catching_up import catch_up_index, follow_ledger
from vna.node.data_folder import Address, DataFolder, NodeRecord
from vna.node.duties import computing_retention, destroying, duties, indexing_extra, reporting
from vna.node.housekeeper import Housekeeper
from vna.node.journal import open_sealing_archive
from vna.node.lifecycle import living
from vna.node.parts import (
    clear_staging,
    index_url,
    open_archive,
    refuse_silent_store,
)
from vna.node.watch import NODE, Watch
from vna.node.web import Around
from vna.node.worker import Listeners, work, worker_count
from vna.node.workers import Workers, start_workers
from vna.settings import DimseSettings, HttpSettings, Settings
from vna.web import complain_of_open_http, listen_for_http

_Listening = TypeVar("_Listening", DimseSettings, HttpSettings)


class Node:
    """A node of this process and its workers; `start` and `stop` are called once each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = DataFolder(settings.data_dir)
        self._open = ExitStack()
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
            clear_staging(self._settings)
            run_apart(self._ask_the_store)
            key = make_key(self._folder.signing_key)
            self._serve(stack)
            archive = open_sealing_archive(self._settings, metrics=self._metrics, recent=self._recent)
            stack.callback(archive.close)
            self._keep_house(stack, key, archive)
            stack.callback(self._folder.remove_record)
            self._folder.write_record(self.record)
            self._open = stack.pop_all()

    def has_lost_its_workers(self) -> bool:
        """Return whether nobody serves DIMSE any more, nor will: the process that replaces dead workers died itself."""
        return self._workers is None or not self._workers.is_alive()

    def stop(self) -> None:
        """Take nothing new, let running associations finish for `serve.drain_s`, and give everything back."""
        self._listeners.close()
        if self._workers is not None:
            self._workers.stop()
        self._open.close()

    def _ask_the_store(self) -> None:
        """See that the store answers, that the index is where the journal in it ends, and what ledgers say has gone.

        The index is migrated, and found sound, before anything else is forked.
        """
        refuse_silent_store(self._settings)
        open_archive(self._settings).close()
        catch_up_index(self._settings)
        follow_ledger(self._settings)

    def _serve(self, stack: ExitStack) -> None:
        """Listen, and have the workers accept; they drain before anything else is given back."""
        settings, count = self._settings, worker_count(self._settings.serve)
        self._listeners = listeners = _listening(settings)
        stack.callback(listeners.close)
        self._record = record = _record(settings, listeners)
        self._watch = watch = Watch(count)
        watch.take(watch.supervisor)
        self._recent = Recent(settings.store.recent_bytes)  # before the processes that share it are forked
        stack.callback(self._recent.close)
        around = Around(record, watch, count, self._recent)
        self._workers = start_workers(
            count, lambda number: work(settings, listeners, around, number=number), let_go=listeners.close
        )
        stack.callback(self._workers.stop)
        self._metrics = watch.take(NODE)
        stack.callback(watch.leave)
        complain_of_open_http(settings.http)

    def _keep_house(self, stack: ExitStack, key: SigningKey, archive: Archive) -> None:
        """Begin with what is done again and again; it ends when the workers have ended."""
        kept = (*duties(self._settings, key, self._metrics, stack), reporting(archive, self._settings.dimse))
        kept = (*kept, *caring(archive, self._settings.store), indexing_extra(archive), computing_retention(archive))
        kept = (*kept, destroying(archive), *living(archive, self._settings.lifecycle))
        election = Election(index_url(self._settings))
        stack.callback(election.close)
        housekeeper = Housekeeper(kept, is_elected=election.is_elected)
        stack.callback(housekeeper.stop)
        housekeeper.start()


def _record(settings: Settings, listeners: Listeners) -> NodeRecord:
    return NodeRecord(
        pid=os.getpid(),
        version=vna.__version__,
        ae_title=settings.dimse.ae_title,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        dimse=Address(*listeners.dimse.getsockname()[:2]),
        http=Address(*listeners.http.getsockname()[:2]),
    )


def _listening(settings: Settings) -> Listeners:
    """Listen for both protocols.

    Raises:
        StartRefused: an address cannot be listened on.
    """
    dimse = _socket("dimse", settings.dimse, listen)
    try:
        return Listeners(dimse, _socket("http", settings.http, listen_for_http))
    except StartRefused:
        dimse.close()
        raise


def _socket(section: str, settings: _Listening, open_socket: Callable[[_Listening], socket.socket]) -> socket.socket:
    try:
        return open_socket(settings)
    except OSError as exc:
        where = Address(settings.host, settings.port)
        raise StartRefused(f"{section}.host, {section}.port: cannot listen on {where}: {exc.strerror}") from exc
