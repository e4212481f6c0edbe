"""Planning an import: from the paths a person names to units of work."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from vna.dicom.part10 import find_data_set
from vna.errors import CannotUnderstand
from vna.media import MEDIA_STORAGE_DIRECTORY
from vna.transfer.containers import kind_of, start_of, units_in
from vna.transfer.dicomdir import locate, read_dicomdir
from vna.transfer.units import Fate, Unit, Verdict, WholeFile
from vna.transfer.walking import Found, walk

_LONGEST_HEAD = 64 * 1024

IsFinished = Callable[[Unit], bool]


def plan(paths: Sequence[Path], is_finished: IsFinished) -> Iterator[Unit | Verdict]:
    """Yield what is to be imported, and a verdict on what is not worth a worker's time.

    Args:
        is_finished: whether an earlier run is done with a unit.
    """
    for found in files(paths):
        if isinstance(found, Verdict):
            yield found
        elif is_finished(found):
            yield _finished(found)
        else:
            for unit in _opened(found):
                if isinstance(unit, Verdict) or unit is found or not is_finished(unit):
                    yield unit
                else:
                    yield _finished(unit)


def files(paths: Sequence[Path]) -> Iterator[Found]:
    """Yield the files these paths stand for: a DICOMDIR for those it names, a folder for all below it."""
    for path in paths:
        if path.is_file() and is_dicomdir(path):
            yield from _of_dicomdir(path)
        else:
            yield from walk([path])


def is_dicomdir(path: Path) -> bool:
    """Return whether a file is a directory of media, by its File Meta (PS3.10 8.6)."""
    try:
        with path.open("rb") as opened:
            head = find_data_set(opened.read(_LONGEST_HEAD))
    except (OSError, CannotUnderstand):
        return False
    return head.sop_class_uid == MEDIA_STORAGE_DIRECTORY


def _of_dicomdir(path: Path) -> Iterator[Found]:
    yield Verdict(str(path), Fate.DIRECTORY)
    try:
        for file_id in read_dicomdir(path):
            yield from _named(path, file_id)
    except (OSError, CannotUnderstand) as exc:
        yield Verdict(str(path), Fate.DAMAGED, f"the DICOMDIR cannot be followed: {exc}")


def _named(path: Path, file_id: tuple[str, ...]) -> Iterator[Found]:
    try:
        yield from walk([locate(path.parent, file_id)])
    except CannotUnderstand as exc:
        yield Verdict(f"{path}:{'/'.join(file_id)}", Fate.FAILED, str(exc))
    except OSError:
        yield Verdict(f"{path}:{'/'.join(file_id)}", Fate.FAILED, "named by the DICOMDIR, but it is not there")


def _opened(file: WholeFile) -> Iterator[Unit | Verdict]:
    try:
        start = start_of(file.path)
    except OSError as exc:
        yield Verdict(file.label, Fate.FAILED, f"cannot be read: {exc.strerror}", file.size)
        return
    yield from units_in(file, kind_of(start))


def _finished(unit: Unit) -> Verdict:
    return Verdict(unit.label, Fate.FINISHED_BEFORE, progress=unit.size)
