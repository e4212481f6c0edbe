"""A small stand-in for the viewer's release: it holds what the edits look for, as often as the real one."""

import io
import tarfile
from pathlib import Path

from vna.console.viewer_edits import EDITS

PAGE = "<!doctype html><title>OHIF Viewer</title>"
BUNDLE = "app.bundle.0123456789abcdef.js"


def release_files() -> dict[str, bytes]:
    """Return files by their name in the archive."""
    texts = {suffix: b"\n".join(edit.old * edit.times for edit in EDITS if edit.suffix == suffix) for suffix in _KINDS}
    return {
        "package/LICENSE": b"MIT",
        "package/package.json": b"{}",
        "package/dist/index.html": PAGE.encode() + texts[".html"],
        f"package/dist/{BUNDLE}": texts[".js"] + b"//" + b"x" * 5000,
        "package/dist/app.bundle.css": texts[".css"],
        "package/dist/codec.wasm": b"\0asm",
        "package/dist/assets/favicon.png": b"\x89PNG",
        "package/dist/ort/model.wasm": b"left out",
        "package/dist/sw.js": b"left out",
        "package/dist/app-config.js": b"left out",
        "package/dist/app.js.map": b"left out",
    }


def write_release(path: Path, files: dict[str, bytes] | None = None) -> Path:
    """Write an archive as npm packs it."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in (release_files() if files is None else files).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


_KINDS = (".html", ".js", ".css")
