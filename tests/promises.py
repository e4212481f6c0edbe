"""What an archive has promised its senders, compared with what is on disk, through its own door.

The archive is the one that the environment names; nothing is served from it meanwhile, or something is: both are fine.
"""

import hashlib
from contextlib import closing
from pathlib import Path

from ingest import Book
from storage_backends import FilesystemDocuments
from vna import settings
from vna.archive import Archive
from vna.events import GENESIS, link_hash
from vna.index import open_journal
from vna.journal import verify
from vna.model import InstanceKey
from vna.node import open_archive
from vna.node.parts import index_url


def check(new: Book) -> None:
    """Compare what is held of these with the book, and follow the journal."""
    with closing(open_archive(settings.load())) as archive:
        for uid, sent in new.sent.items():
            key = InstanceKey(*sent.keys.values())
            found = [digest(archive, held) for held in archive.versions(key)]
            expected = [sent.sha256] if uid in new.acknowledged or found else []
            assert found == expected, f"{uid} acknowledged={uid in new.acknowledged} has {len(found)} versions"
    follow_the_chain()


def check_everything(book: Book, folder: Path) -> None:
    """Compare everything that is held with the book, and what lies in the folders with the index."""
    with closing(open_archive(settings.load())) as archive:
        held = {finding.held.key.instance: finding for finding in archive.verify()}
        assert [finding.problem for finding in held.values() if finding.problem] == []
        assert book.acknowledged - held.keys() == set()
        for uid, finding in held.items():
            assert digest(archive, finding.held) == book.sent[uid].sha256
    for leftovers in ("blobs/staging", "spool"):
        assert list((folder / leftovers).iterdir()) == []
    report = verify(FilesystemDocuments(folder / "blobs"))
    assert (report.problems, report.leftovers) == ([], [])
    assert report.mark.position == follow_the_chain()


def digest(archive: Archive, held: object) -> str:
    """Return the SHA-256 of the bytes that are given back."""
    sha256 = hashlib.sha256()
    for chunk in archive.open(held).chunks:
        sha256.update(chunk)
    return sha256.hexdigest()


def follow_the_chain() -> int:
    """See that the journal in the index is one chain, and return how long it is."""
    with closing(open_journal(index_url(settings.load()))) as journal:
        mark, head, position = journal.mark(), GENESIS, 0
        for position, link in enumerate(journal.links(after=0, upto=mark.position), 1):
            head = link_hash(head, link.event.encode())
            assert (link.event.position, link.head) == (position, head), f"the chain breaks at {position}"
        assert (mark.position, mark.chain_hash) == (position, head)
    return position
