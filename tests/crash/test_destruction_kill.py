"""A process that destroys is killed at each of its steps: another one ends it, and nothing is left."""

from contextlib import closing
from pathlib import Path

import pytest

from conformance.phantoms import ct_slice, data_set_bytes
from dying import deaths
from storage_backends import Filesystem, FilesystemDocuments, MemoryContent
from vna.archive import Arrived
from vna.archive.recording import record
from vna.events import EliminationDecided, EliminationItem, EliminationProposed, StepDecision
from vna.index import Recorded
from vna.journal import verify
from vna.model import Scope, Source
from vna.node import open_sealing_archive
from vna.settings import Settings

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

GOING, STAYING = ([ct_slice(study=study, number=number, size=16) for number in (1, 2)] for study in (1, 2))


def begun(settings: Settings) -> int:
    """Store two studies, and eliminate one, of which nothing is destroyed yet; return the elimination."""
    with closing(open_sealing_archive(settings)) as archive:
        session = archive.session(Source("MODALITY"), "test")
        for ds in (*GOING, *STAYING):
            ds.PixelData = f"{ds.StudyInstanceUID}{ds.InstanceNumber}".encode().ljust(512)
            session.store(Arrived(MemoryContent(data_set_bytes(ds)), str(ds.file_meta.TransferSyntaxUID)))
        index = archive.destruction.index
        items = (EliminationItem(Scope(GOING[0].StudyInstanceUID), ("rule",), "2020-01-01", 2, 1),)
        asked = {"roles": ("director",), "visas": (), "wait_days": 0, "max_per_day": 0, "accepted": ()}
        proposed = EliminationProposed(owner="l", profile=1, action="destroy", digest="", items=items, **asked)
        number = record(index, proposed, "a")
        record(index, EliminationDecided(number, "director", StepDecision.FAVOURABLE, "", "", ""), "b")
        at = index.reader.position()
        assert isinstance(archive.destruction.eliminate(number, items[0], evaluated_at=at, actor="c"), Recorded)
    return number


def test_killed_at_every_step_it_is_done_in_the_end(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    number = begun(settings)

    killed = deaths("destroy", tmp_path / "data", timeout_s=800)

    assert killed >= 10
    with closing(open_sealing_archive(settings)) as archive:
        assert archive.destruction.remaining(number).is_done
        assert [finding.problem for finding in archive.verify()] == [None, None]
    blobs = tmp_path / "data" / "blobs"
    assert len(list(Filesystem(blobs).names())) == 2
    assert verify(FilesystemDocuments(blobs)).problems == []
