"""The viewer's files over HTTP."""

from pathlib import Path

import pytest
import zstandard
from starlette.testclient import TestClient

from ohif_release import BUNDLE, PAGE, write_release
from vna.console import viewer_is_here, viewer_routes
from vna.console.viewer_files import unpack
from vna.settings import HttpSettings
from vna.web import create_web_app

ISOLATED = {"cross-origin-embedder-policy": "require-corp", "cross-origin-opener-policy": "same-origin"}


def client_of(folder: Path) -> TestClient:
    app = create_web_app(viewer_routes(str(folder)), HttpSettings())
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("viewer")
    unpack(write_release(made.parent / "release.tgz"), made)
    (made.parent / "secret.txt").write_text("not the viewer's")
    return made


@pytest.fixture(scope="module")
def client(folder: Path) -> TestClient:
    return client_of(folder)


def test_without_its_slash_the_address_leads_to_the_page_under_any_prefix(client: TestClient) -> None:
    answer = client.get("/viewer")

    assert (answer.status_code, answer.headers["location"]) == (307, "viewer/")


@pytest.mark.parametrize(("path", "root"), [("", "./"), ("viewer", "./"), ("viewer/vna", "../"), ("a/b/c", "../../")])
def test_pages_of_the_viewer_itself_are_its_page_with_addresses_that_fit(
    client: TestClient, path: str, root: str
) -> None:
    answer = client.get(f"/viewer/{path}", params={"StudyInstanceUIDs": "1.2.3"})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text.startswith(PAGE)
    assert f'href="{root}' in answer.text


def test_pages_are_isolated_and_run_no_script_of_others(client: TestClient) -> None:
    answer = client.get("/viewer/")

    assert answer.headers.items() >= ISOLATED.items()
    assert "script-src 'self' 'unsafe-eval';" in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        (BUNDLE, "text/javascript; charset=utf-8"),
        ("codec.wasm", "application/wasm"),
        ("app.bundle.css", "text/css; charset=utf-8"),
        ("assets/favicon.png", "image/png"),
    ],
)
def test_files_have_the_type_that_browsers_ask_for(client: TestClient, name: str, media_type: str) -> None:
    answer = client.get(f"/viewer/{name}")

    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert answer.headers.items() >= ISOLATED.items()


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_files_are_given_compressed_as_the_browser_takes_them(client: TestClient, folder: Path, coding: str) -> None:
    answer = client.get(f"/viewer/{BUNDLE}", headers={"Accept-Encoding": coding})

    assert answer.headers["content-encoding"] == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert int(answer.headers["content-length"]) < (folder / BUNDLE).stat().st_size / 2
    plain = zstandard.decompress(answer.content) if coding == "zstd" else answer.content  # the client knows the other
    assert plain == (folder / BUNDLE).read_bytes()


def test_a_browser_that_takes_no_coding_gets_the_file_itself(client: TestClient, folder: Path) -> None:
    answer = client.get(f"/viewer/{BUNDLE}", headers={"Accept-Encoding": "identity"})

    assert "content-encoding" not in answer.headers
    assert answer.content == (folder / BUNDLE).read_bytes()


def test_files_named_by_their_digest_are_kept_others_asked_for_again(client: TestClient) -> None:
    kept, asked = (client.get(f"/viewer/{name}").headers["cache-control"] for name in (BUNDLE, "codec.wasm"))

    assert (kept, asked) == ("public, max-age=86400", "no-cache")


@pytest.mark.parametrize("name", ["", "app-config.js", "codec.wasm", BUNDLE])
def test_what_the_browser_holds_is_not_sent_again(client: TestClient, name: str) -> None:
    first = client.get(f"/viewer/{name}")
    again = client.get(f"/viewer/{name}", headers={"If-None-Match": first.headers["etag"]})

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    held = first.headers | again.headers  # as a browser puts them together
    assert {name: held[name] for name in first.headers} == dict(first.headers)


def test_each_coding_has_an_etag_of_its_own(client: TestClient) -> None:
    tags = {
        client.get(f"/viewer/{BUNDLE}", headers={"Accept-Encoding": coding}).headers["etag"]
        for coding in ("gzip", "zstd", "identity")
    }

    assert len(tags) == 3


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "assets/../../secret.txt", "/etc/passwd", "nothing.js"],
)
def test_no_path_leads_out_of_the_folder(client: TestClient, path: str) -> None:
    answer = client.get(f"/viewer/{path}")

    assert "not the viewer's" not in answer.text
    assert "root:" not in answer.text
    assert answer.status_code == 404 or answer.text.startswith(PAGE)


@pytest.mark.parametrize("name", ["nothing.js", "assets/nothing.png", "ort/model.wasm", "app.js.map", "codec.wasm.zst"])
def test_a_file_that_is_not_there_is_not_the_page(client: TestClient, name: str) -> None:
    assert client.get(f"/viewer/{name}").status_code == 404


def test_the_configuration_is_ours_and_takes_its_addresses_from_where_it_lies(client: TestClient) -> None:
    answer = client.get("/viewer/app-config.js")

    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "document.currentScript.src" in answer.text
    assert "http://" not in answer.text


def test_without_its_files_the_viewer_says_how_to_get_it(tmp_path: Path) -> None:
    assert not viewer_is_here(str(tmp_path))
    answer = client_of(tmp_path / "none").get("/viewer/")

    assert answer.status_code == 404
    assert "vna viewer install" in answer.json()["detail"]


def test_with_them_there_is_something_to_link_to(folder: Path) -> None:
    assert viewer_is_here(str(folder))


def test_nothing_can_be_sent_to_it(client: TestClient) -> None:
    assert client.post("/viewer/").status_code == 405
