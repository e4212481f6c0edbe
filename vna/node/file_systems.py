"""Which file system a path lies on, and which of them SQLite must not be put on.

SQLite's write-ahead log is memory shared between processes of one machine, and its locks are only
as good as those of the file system: on a network file system both fail silently, and the index
is damaged. So such a place is refused at start.
"""

import re
from pathlib import Path

from vna.errors import StartRefused

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    "9p afs beegfs ceph cifs coda davfs fuse.ceph fuse.glusterfs fuse.rclone fuse.s3fs fuse.sshfs gfs gfs2 "
    "glusterfs lustre ncpfs nfs nfs3 nfs4 ocfs2 orangefs smb2 smb3 smbfs virtiofs".split()
)


def file_system_of(path: Path, mounts: str) -> str:
    """Return the type of the file system that holds `path`, as mountinfo (proc(5)) names it.

    >>> file_system_of(Path("/data/vna"), "21 1 0:5 / / rw - ext4 /dev/x rw")
    'ext4'
    """
    longest, found = -1, "unknown"
    for line in mounts.splitlines():
        mount_fields, _, type_fields = line.partition(" - ")
        point = Path(_unescaped(mount_fields.split()[4]))
        if (
            path.is_relative_to(point) and len(point.parts) >= longest
        ):  # of two mounts on one place the later one counts
            longest, found = len(point.parts), type_fields.split()[0]
    return found


def refuse_network_file_system(file: Path) -> None:
    """Stop the start when a SQLite file would lie on a network file system.

    Raises:
        StartRefused: it would.
    """
    if not _MOUNTS.exists():
        return
    kind = file_system_of(file.parent.resolve(), _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"))
    if kind in _NETWORK:
        raise StartRefused(
            f"index.url: {file} lies on a network file system ({kind}), where SQLite's locks and shared memory do not "
            "work and the index would be damaged; put data_dir on a local disk, or use PostgreSQL"
        )


def _unescaped(point: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point)
