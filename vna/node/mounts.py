"""Whether the disk of a store is there: an empty folder that the index knows files in is a mount point without it.

Written to, it would fill the wrong disk, and hide that everything stored before is out of reach.
"""

from contextlib import closing
from pathlib import Path

from vna.index import index_errors, open_index


def not_mounted(root: Path, index_url: str, store: str) -> str | None:
    """Say that the folder of a store is empty though its index knows files there; None if all is well.

    Args:
        store: its name among the replicas, empty for the store itself.
    """
    first = root / "000"
    if first.is_dir() or not _may_be_there(index_url):
        return None
    with index_errors(), closing(open_index(index_url)) as index:
        if not index.blobs.has_any(store):
            return None
    return (
        f"{root} is empty, though files are known to lie there; is its disk mounted? If they are lost: mkdir -p {first}"
    )


def _may_be_there(index_url: str) -> bool:
    """Return whether there can be an index already: to look is not to make one."""
    file = index_url.removeprefix("sqlite:///")
    return file == index_url or Path(file).exists()
