"""Every resource of a node, asked by a method it does not take, names all it takes, whichever routes take them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient

from storage_backends import BlobStore, Memory, Recent
from vna.archive import Archive, Room, Spool
from vna.index import open_index
from vna.node.data_folder import Address, NodeRecord
from vna.node.watch import Watch
from vna.node.web import Around, web_app
from vna.settings import Settings
from web import ADDRESS


def _leaves(routes: Iterable[BaseRoute], above: str = "") -> Iterator[tuple[str, Route]]:
    """Yield every route, with its whole path."""
    for route in routes:
        if isinstance(route, Mount):
            yield from _leaves(route.routes, above + route.path)
        elif isinstance(route, Route):
            yield above + route.path_format, route


def test_a_method_that_is_not_taken_is_answered_with_all_that_are(tmp_path: Path) -> None:
    blobs = BlobStore(Memory())
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    archive = Archive(open_index(f"sqlite:///{tmp_path / 'index.sqlite'}"), blobs, Spool(tmp_path / "spool"), room)
    here = Address("127.0.0.1", 0)
    record = NodeRecord(pid=1, version="0", ae_title="VNA", started="", dimse=here, http=here)
    settings = Settings.model_validate({"data_dir": tmp_path, "http": {"viewer_dir": str(tmp_path / "none")}})
    app = web_app(settings, archive, Around(record, Watch(1), 1, Recent(0)), lambda: None)
    taken = defaultdict[str, set[str]](set)
    for path, route in _leaves(app.routes):
        taken[path] |= route.methods or set()
        if path.startswith(("/dicom-web/", "/quality/dicom-web/")):
            taken[path].add("OPTIONS")
    client = TestClient(app, base_url=ADDRESS)

    named = {path: client.request("PROPFIND", re.sub("{.*?}", "1", path)) for path in taken}

    archive.close()
    taken.pop("/dicom-web/{resource}")  # stands for all that is none
    taken.pop("/quality/dicom-web/{resource}")
    assert taken["/api/v1/holds"] == {"GET", "HEAD", "POST"}
    assert len(taken) > 60
    for path, methods in taken.items():
        answer = named[path]
        assert (path, answer.status_code) == (path, 405)
        assert (path, set(answer.headers["allow"].split(", "))) == (path, methods)
