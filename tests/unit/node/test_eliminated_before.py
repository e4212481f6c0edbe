"""What was eliminated stays away from a node, whatever is put back from before: all of it, or the index alone."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from conformance.phantoms import ct_slice
from destroying import destroy_beside, study_of
from sending import Sending, by_study
from vna.journal import make_key
from vna.node import open_archive
from vna.node.catching_up import catch_up_index, follow_ledger
from vna.node.data_folder import DataFolder
from vna.node.journal import Rebuild, open_sealer
from vna.settings import Settings

GONE, STAYS = ct_slice(study=1, size=16), ct_slice(study=2, size=16)
GONE.StudyDescription = "OF WHOM NOTHING REMAINS"


@pytest.fixture(scope="module")
def eliminated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a node with a copy of its ledger: `data`, of which a study went, and `backup`, taken before."""
    folder = tmp_path_factory.mktemp("eliminated")
    settings = settings_of(folder)
    make_key(DataFolder(settings.data_dir).signing_key)
    with closing(open_archive(settings)) as archive:
        sending = Sending(archive)
        sending.store(GONE)
        sending.store(STAYS)
    seal(settings)
    shutil.copytree(folder / "data", folder / "backup")
    destroy_beside(settings, study_of(GONE))
    seal(settings)
    return folder


def settings_of(folder: Path) -> Settings:
    return Settings(data_dir=folder / "data", archive={"ledger_copies": ((folder / "ledger").as_uri(),)})


def put_back(eliminated: Path, which: str, folder: Path) -> Settings:
    """Copy `data` or `backup` into a folder, and the copy of the ledger as it is now; return the settings there."""
    shutil.copytree(eliminated / which, folder / "data")
    shutil.copytree(eliminated / "ledger", folder / "ledger")
    return settings_of(folder)


def seal(settings: Settings) -> None:
    with closing(open_sealer(settings)) as sealer:
        sealer.seal()


def shown(settings: Settings) -> list[bool]:
    """Return of both studies whether a search finds them."""
    with closing(open_archive(settings)) as archive:
        return [bool(by_study(archive, ds.StudyInstanceUID)) for ds in (GONE, STAYS)]


def test_what_an_older_backup_of_everything_brings_back_goes_by_the_copy_of_the_ledger(
    eliminated: Path, tmp_path: Path
) -> None:
    settings = put_back(eliminated, "backup", tmp_path)
    rebuilt = Rebuild(settings, f"sqlite:///{tmp_path / 'anew.sqlite'}")
    rebuilt.run(tail=False, told=lambda _position: None)
    catch_up_index(settings)
    before = shown(settings)

    follow_ledger(settings)

    assert (before, shown(settings), rebuilt.unknown) == ([True, True], [False, True], 1)


def test_an_older_index_is_caught_up_and_keeps_nothing_of_it(eliminated: Path, tmp_path: Path) -> None:
    settings = put_back(eliminated, "data", tmp_path)
    for path in settings.data_dir.glob("index.sqlite*"):
        path.unlink()
    older = Path(shutil.copy(eliminated / "backup" / "index.sqlite", settings.data_dir))
    before, said = shown(settings), GONE.StudyDescription.encode() in older.read_bytes()

    with closing(open_archive(settings)) as archive:  # who has it open keeps the log, and so the old pages
        archive.counts()
        catch_up_index(settings)
        left = b"".join(path.read_bytes() for path in settings.data_dir.glob("index.sqlite*"))
        log_bytes = (settings.data_dir / "index.sqlite-wal").stat().st_size

    assert (before, shown(settings)) == ([True, True], [False, True])
    assert (said, GONE.StudyDescription.encode() in left, log_bytes) == (True, False, 0)


def test_a_rebuild_brings_nothing_back(eliminated: Path, tmp_path: Path) -> None:
    settings = put_back(eliminated, "data", tmp_path)
    rebuilt = Rebuild(settings, url := f"sqlite:///{tmp_path / 'anew.sqlite'}")

    rebuilt.run(tail=False, told=lambda _position: None)

    onto = settings.model_copy(update={"index": settings.index.model_copy(update={"url": url})})
    assert (shown(onto), rebuilt.unknown) == ([False, True], 0)
