"""SQLite is refused where its locks do not hold."""

from pathlib import Path

import pytest

from vna.errors import StartRefused
from vna.node import file_systems
from vna.node.file_systems import file_system_of, refuse_network_file_system

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:40 / /mnt rw - nfs4 server:/x rw
24 23 8:2 / /mnt/local rw master:1 propagate_from:2 - xfs /dev/sdb1 rw
25 22 0:41 / /media/my\040disk rw - fuse.sshfs host:/ rw
26 22 0:42 / /over rw - ext4 /dev/sdc1 rw
27 26 0:43 / /over rw - cifs //host/share rw
""".strip()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/vna", "ext4"),
        ("/mnt/vna", "nfs4"),
        ("/mntx/vna", "ext4"),
        ("/mnt/local/vna", "xfs"),
        ("/media/my disk/vna", "fuse.sshfs"),
        ("/over/vna", "cifs"),
    ],
)
def test_the_innermost_and_latest_mount_decides(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "glusterfs", "ceph", "9p"])
def test_a_network_file_system_is_refused_with_the_reason(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 0:1 / / rw - {kind} x rw\n")
    monkeypatch.setattr(file_systems, "_MOUNTS", mounts)

    with pytest.raises(StartRefused, match=rf"network file system \({kind}\).*PostgreSQL"):
        refuse_network_file_system(tmp_path / "index.sqlite")


def test_a_local_file_system_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text("1 0 0:1 / / rw - ext4 x rw\n")
    monkeypatch.setattr(file_systems, "_MOUNTS", mounts)

    refuse_network_file_system(tmp_path / "index.sqlite")
