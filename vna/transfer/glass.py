"""What is behind broken glass, written as files: studies, series and instances by their UIDs, each read back."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vna.archive import Archive, HeldInstance
from vna.errors import VnaError
from vna.transfer.exporting import Exported, ExportedFile
from vna.transfer.part10_files import part10_file
from vna.transfer.targets import FolderTarget


def write_opened(archive: Archive, instances: Sequence[HeldInstance], folder: Path) -> Iterator[ExportedFile]:
    """Write instances that `Limitations.open` gave into a folder; yield what became of each. Files of others stay.

    Raises:
        OutOfResources: the folder cannot be made durable.
    """
    target = FolderTarget(folder)
    for held, data_set in archive.retrieve(instances, lambda held: held.transfer_syntax):
        path = f"{held.key.study}/{held.key.series}/{held.key.instance}.dcm"
        try:
            if isinstance(data_set, VnaError):
                raise data_set
            file = part10_file(archive, held)
            fate = Exported.KEPT
            if target.existing(path, file) is None:
                target.put(path, file, data_set.chunks)
                fate = Exported.WRITTEN
        except VnaError as exc:
            yield ExportedFile(path, Exported.FAILED, reason=str(exc))
        else:
            yield ExportedFile(path, fate, file.size)
    target.finish()
