"""Opens what checks the node's archive, beside the running node or without it."""

from vna.archive import NOTHING_SEALED, Fsck, Healer, Plan, Remembered
from vna.index import open_index
from vna.journal import SealedJournal, load_key
from vna.metrics import Metrics
from vna.node.data_folder import DataFolder
from vna.node.journal import open_sealer
from vna.node.parts import index_url, open_documents, open_store
from vna.settings import Settings


def open_fsck(settings: Settings, *, deep: bool, repair: bool) -> Fsck:
    """Open what compares index, journal and stores. Close it when done.

    Args:
        deep: read every stored byte.
        repair: put right what can be put right without deleting anything.

    Raises:
        StartRefused: index, store or the place of the sealed journal cannot be opened.
    """
    folder = DataFolder(settings.data_dir)
    key = load_key(folder.signing_key)
    remembered = Remembered(folder.sealed() or NOTHING_SEALED, str(folder.sealed_file))
    plan = Plan(
        settings.store.sweep_grace_s,
        deep=deep,
        repair=repair,
        public_key=key.public if key else None,
        remembered=remembered,
        scratch=folder.spool,
    )
    healer = Healer(open_index(index_url(settings)), open_store(settings), Metrics(), folder.spool)
    return Fsck(healer, open_sealer(settings), SealedJournal(open_documents(settings)), plan)
