"""The sealed journal of the node's archive: where it lies, who signs it, and whether the index is of its history.

It lies beside the blobs, in the same folder or bucket.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from storage_backends import (
    Recent,
)
from vna.archive import (
    Archive,
    Means,
    Notary,
    Rebuilder,
    Sealer,
    ahead_of,
    catch_up,
    storage_errors,
)
from vna.errors import StartRefused
from vna.events import JournalMark
from vna.index import JournalReader, open_index, open_journal, open_replay, position_of, sqlite_path
from vna.journal import SEGMENTS, Problem, Report, SealedJournal, make_key
from vna.metrics import Metrics
from vna.node.data_folder import DataFolder
from vna.node.ledger import open_ledger, unknown_here
from vna.node.parts import database_url, index_url, open_archive, open_documents, open_store, refuse_no_archive
from vna.settings import Settings


def open_sealer(settings: Settings) -> Sealer:
    """Open what seals the journal. Close it when done.

    Raises:
        StartRefused: the index or the place of the sealed journal cannot be opened.
    """
    folder = DataFolder(settings.data_dir)
    return Sealer(open_index(index_url(settings)), SealedJournal(open_documents(settings)), note=folder.note_sealed)


def open_sealing_archive(
    settings: Settings, *, workers: int = 1, metrics: Metrics | None = None, recent: Recent | None = None
) -> Archive:
    """Open the archive as `open_archive` does, with what seals its journal before a commitment is given, and destroys.

    Whenever it has to connect to its index anew, it sees whether that is still the one of this journal.

    Raises:
        StartRefused: as `open_archive`.
    """
    archive = open_archive(settings, workers=workers, metrics=metrics, recent=recent)
    sealer, journal = open_sealer(settings), SealedJournal(open_documents(settings))
    archive.commitments.seal_with(sealer)
    archive.compare_with(journal)
    archive.destruction.equip(Means(journal, sealer, open_ledger(settings, archive.destruction.index)))
    key_file = DataFolder(settings.data_dir).signing_key
    archive.executor.certify_with(Notary(sealer, lambda: make_key(key_file), journal.documents))
    return archive


def open_existing_sealing_archive(settings: Settings) -> Archive:
    """Open the archive as `open_sealing_archive` does, where there is one.

    Raises:
        StartRefused: there is no data folder; or as `open_archive`.
    """
    refuse_no_archive(settings)
    return open_sealing_archive(settings)


def lost_end(settings: Settings, report: Report) -> Problem | None:
    """Say what a sound journal lacks at its end by what else is known here; None where it lacks nothing.

    From the store alone a journal that lost its end is a journal, and one that was deleted is none. So it is compared
    with what the data folder remembers; and where nothing is sealed, an archive in which something happened is asked
    to have a journal.
    """
    cut_off = _cut_off(DataFolder(settings.data_dir), report.mark)
    if cut_off is not None or report.segments:
        return cut_off
    happened = position_of(index_url(settings))
    if happened:
        nothing = f"nothing is sealed of the {happened} events in the index"
        hope = "so it is in the first minute of an archive, and `vna journal seal` seals them; later, it was deleted"
        return Problem(1, SEGMENTS, f"no journal here: {nothing}; {hope}")
    if happened is None:
        return Problem(1, SEGMENTS, "no journal here, and no index that could say whether there should be one")
    return None


def _cut_off(folder: DataFolder, found: JournalMark) -> Problem | None:
    known = folder.sealed()
    if known is None or found.position > known.position or found == known:
        return None
    return Problem(found.position + 1, SEGMENTS, f"it ends here, and was sealed up to {known.position} before")


def _is_same(url: str, other: str) -> bool:
    """Return whether two URLs name one database; of files, whichever way they are written."""
    one, two = sqlite_path(url), sqlite_path(other)
    if one is None or two is None:
        return url == other
    return Path(one).resolve() == Path(two).resolve()


class Rebuild:
    """An index being made anew at a URL, from what is sealed and the blobs; one that was begun is gone on with."""

    def __init__(self, settings: Settings, url: str) -> None:
        """Look how far the journal is sealed.

        Raises:
            StartRefused: it is the index of the node itself.
            Damaged: the last segment cannot be read.
        """
        self._settings, self._url = settings, database_url(url)
        if _is_same(self._url, index_url(settings)):
            raise StartRefused(f"{url} is the index of the node itself: an index is made anew in an empty database")
        self._journal = SealedJournal(open_documents(settings))
        with storage_errors():
            self.sealed = self._journal.mark().position
        self.began = 0
        """The position from which it went on: 0 in an empty database."""
        self.behind: int | None = None
        """How many events the index that the settings name holds behind what was entered; None if it cannot be read."""
        self.lost: Problem | None = None
        """What the journal lacks at its end, by what the data folder remembers."""
        self.unknown = 0
        """How many entries of ledgers the history rebuilt does not know: a node that starts with it destroys these."""

    def run(self, *, tail: bool, told: Callable[[int], None]) -> int:
        """Rebuild, and return the position reached.

        Args:
            tail: add what is not sealed, from the index that the settings name.
            told: is told the position reached, after every transaction.

        Raises:
            StartRefused: the database holds another history, or cannot be opened.
            Damaged: the journal or a blob that is needed is damaged.
        """
        replayer = open_replay(self._url)
        try:
            with closing(open_store(self._settings)) as blobs, closing(open_index(self._url)) as index:
                self.began = index.journal.mark().position
                rebuilder = Rebuilder(replayer, blobs, ahead_of(self.sealed - self.began))
                catch_up(index, self._journal, lambda after: rebuilder.from_journal(self._journal, after, told))
                reached = index.journal.mark().position
                if tail:
                    with closing(open_journal_reader(self._settings)) as old:
                        reached = rebuilder.from_index(old, reached, told)
            position = position_of(index_url(self._settings))
            self.behind = None if position is None else max(0, position - reached)
            self.lost = _cut_off(DataFolder(self._settings.data_dir), self._journal.mark())
            self.unknown = len(unknown_here(self._settings, self._url))
        finally:
            replayer.close()
        return reached


def open_journal_reader(settings: Settings) -> JournalReader:
    """Open the journal as the index holds it, sealed or not. Close it when done.

    Raises:
        StartRefused: the index cannot be opened.
    """
    return open_journal(index_url(settings))
