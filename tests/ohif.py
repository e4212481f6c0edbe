"""The viewer as users have it: a node with OHIF, loaded with the collection, and a browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from conformance.node_process import NodeProcess
from running_node import RunningNode, running_node
from sample_collection import make_collection
from sample_data.loading import SENDERS, send
from sample_data.people import INFIRMARY
from vna.console.viewer_files import default_folder, is_installed
from web_node import http_address

_NO_DIALOG = "localStorage?.setItem('investigationalUseDialog', '{\"expiryDate\": \"2999-01-01\"}')"


@contextmanager
def node_with_viewer(folder: Path) -> Iterator[RunningNode]:
    """Run a node that holds the collection and serves OHIF, until the block ends."""
    make_collection(folder / "collection")
    with running_node(folder / "node", settings={"VNA_HTTP__VIEWER_DIR": str(_viewer(folder))}) as node:
        issuer = ("--issuer", "ST-BRANNOC")
        node.node.vna("peers", "add", SENDERS[INFIRMARY.folder], "127.0.0.1", "104", *issuer).check_returncode()
        for _ in send(node.address, folder / "collection"):
            pass
        yield node


def _viewer(folder: Path) -> Path:
    """Return where the viewer lies: where developers have it, or got from npm."""
    if is_installed(default_folder()):
        return default_folder()
    made = folder / "viewer"
    installing = NodeProcess(folder, settings={"VNA_HTTP__VIEWER_DIR": str(made)}).vna("viewer", "install")
    assert installing.returncode == 0, installing.stderr
    return made


@contextmanager
def page_of(browser: Browser) -> Iterator[Page]:
    """Open a page of a user who is not told again what the viewer is for; no script in it may fail."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.add_init_script(_NO_DIALOG)
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda message: failures.append(message.text) if _is_failure(message.text) else None)
    yield page
    context.close()
    assert not failures, failures[:5]


def _is_failure(text: str) -> bool:
    """Return whether the browser says that our headers forbid what the viewer does."""
    return "Content Security Policy" in text or "Cross-Origin" in text


__all__ = ["http_address", "node_with_viewer", "page_of"]
