"""A node starts only where its index and its journal hold all that was sealed once, as it was sealed."""

import logging
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import update

from conformance.phantoms import ct_slice
from databases import connected
from sending import Sending
from vna.archive import sealing
from vna.errors import StartRefused
from vna.events import JournalMark
from vna.index import tables
from vna.node import open_archive
from vna.node.catching_up import catch_up_index
from vna.node.data_folder import DataFolder
from vna.node.journal import open_sealer
from vna.node.parts import index_url
from vna.settings import Settings


class Kept:
    """What a node keeps: a data folder with an index, a store, and a journal of several segments."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.folder = settings, DataFolder(settings.data_dir)
        self.folder.create()
        catch_up_index(settings)
        self.store(*range(1, 7))

    def store(self, *numbers: int) -> None:
        """Store slices, and seal them."""
        with closing(open_archive(self.settings)) as archive:
            for number in numbers:
                Sending(archive).store(ct_slice(number=number, size=16))
        self.seal()

    def seal(self) -> int:
        with closing(open_sealer(self.settings)) as sealer:
            return sealer.seal().position

    def segments(self) -> list[Path]:
        return sorted((self.folder.blobs / "journal").glob("*.zst"))

    def lose_index(self) -> None:
        for file in self.settings.data_dir.glob("index.sqlite*"):
            file.unlink()


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setattr(sealing, "SEGMENT_BYTES", 800)
    return Kept(Settings(data_dir=tmp_path / "data"))


def test_without_its_index_and_the_end_of_its_journal_it_does_not_start(kept: Kept) -> None:
    whole = kept.folder.sealed()
    (removed := kept.segments()[-1]).rename(kept.folder.path / "elsewhere")
    kept.lose_index()

    for _ in range(2):
        with pytest.raises(StartRefused, match=r"sealed up to position 6 by .*sealed, and ends at 4 now"):
            catch_up_index(kept.settings)
    assert kept.folder.sealed() == whole

    (kept.folder.path / "elsewhere").rename(removed)
    catch_up_index(kept.settings)


def test_what_is_left_is_gone_on_with_where_somebody_says_so(kept: Kept) -> None:
    kept.segments()[-1].unlink()
    kept.lose_index()

    kept.folder.sealed_file.unlink()
    catch_up_index(kept.settings)

    kept.store(7)
    mark = kept.folder.sealed()
    assert mark is not None
    assert mark.position == 5


def test_without_index_and_journal_it_does_not_begin_anew(kept: Kept) -> None:
    shutil.rmtree(kept.folder.blobs / "journal")
    kept.lose_index()

    with pytest.raises(StartRefused, match="ends at 0 now"):
        catch_up_index(kept.settings)


def test_a_new_data_folder_does_not_begin_anew_in_a_store_that_holds_files(kept: Kept, tmp_path: Path) -> None:
    shutil.rmtree(kept.folder.blobs / "journal")
    settings = Settings(data_dir=tmp_path / "another", store={"url": kept.folder.blobs.as_uri()})

    for _ in range(2):
        with pytest.raises(StartRefused, match="holds files, and there is neither an index nor a journal"):
            open_archive(settings)


def test_a_new_data_folder_on_a_store_with_its_journal_gets_an_index(kept: Kept, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "another", store={"url": kept.folder.blobs.as_uri()})

    open_archive(settings).close()
    catch_up_index(settings)

    with closing(open_archive(settings)) as archive:
        assert archive.counts().instances == 6


def test_an_archive_whose_first_instance_was_cut_short_starts_again(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    folder = DataFolder(settings.data_dir)
    open_archive(settings).close()
    (folder.blobs / "ab").mkdir(parents=True)
    (folder.blobs / "ab" / f"{'ab' * 32}.zst").touch()

    open_archive(settings).close()
    catch_up_index(settings)


def test_a_journal_that_lost_its_end_alone_gets_it_from_the_index(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    whole = kept.folder.sealed()
    kept.segments()[-1].unlink()

    with caplog.at_level(logging.WARNING):
        catch_up_index(kept.settings)

    assert "lost its end, which is sealed again from the index position=4 was=6" in caplog.text
    assert kept.folder.sealed() == whole
    assert kept.seal() == 6
    assert len(kept.segments()) == 3


def test_another_history_than_the_one_sealed_once_is_refused(kept: Kept) -> None:
    kept.segments()[-1].unlink()
    mark = kept.folder.sealed()
    assert mark is not None
    kept.folder.sealed_file.write_text(f"{mark.position} {'ab' * 32}\n")

    with pytest.raises(StartRefused, match=r"two histories: by .*sealed the journal was sealed with abababababababab"):
        catch_up_index(kept.settings)


def test_a_head_that_is_not_that_of_the_last_event_is_refused(kept: Kept) -> None:
    with connected(index_url(kept.settings)) as connection:
        connection.execute(update(tables.archive).values(head=b"x" * 32))

    with pytest.raises(StartRefused, match="two histories: the index says that its journal ends at position 6"):
        catch_up_index(kept.settings)


def test_what_is_remembered_never_becomes_less(kept: Kept) -> None:
    whole = kept.folder.sealed()

    kept.folder.note_sealed(JournalMark(4, b"x" * 32))

    assert kept.folder.sealed() == whole
