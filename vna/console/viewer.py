"""The web viewer (OHIF) at `/viewer/`: its files, and the configuration that points it at this node.

Only what lay in its folder when the node started is served, by its name in a table, so no path leads out of it.
Addresses that are no file are pages of the viewer itself, which looks at the address in the browser.
"""

import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from vna.console.viewer_files import CODINGS, default_folder
from vna.web.conditional import entity_tag, not_modified
from vna.web.content_coding import choose_coding
from vna.web.problem import Problem

_PAGE: Final = "index.html"
_CONFIG: Final = "app-config.js"

_HEADERS: Final = {
    # codecs compiled to WebAssembly make functions out of text; styles are set by scripts
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob: data:; worker-src 'self' blob:; "
    "media-src 'self' blob:; object-src 'self' blob:; frame-src 'self' blob:; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "Vary": "Accept-Encoding",
}
_TYPES: Final = {
    ".js": "text/javascript",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
"""Set here: what the machine's own table says of them differs."""

_ASK_EACH_TIME: Final = "no-cache"
_KEEP_A_DAY: Final = "public, max-age=86400"


def viewer_is_here(folder: str) -> bool:
    """Return whether there is a viewer to link to, in the folder that the settings name."""
    return (_folder(folder) / _PAGE).is_file()


def viewer_routes(folder: str) -> list[Route]:
    """Return the routes of the viewer; without its files they say how to get it.

    Args:
        folder: where its files lie, as the settings name it; empty for the one in the environment.
    """
    viewer = _Viewer(_folder(folder))
    return [Route("/viewer", viewer.entrance), Route("/viewer/{path:path}", viewer.answer)]


def _folder(named: str) -> Path:
    return Path(named) if named else default_folder()


@dataclass(frozen=True, slots=True)
class _File:
    """A file and its compressed forms by coding; a name with a digest in it may be kept for a while."""

    path: Path
    etag: str
    media_type: str
    kept: bool
    forms: Mapping[str, Path]


class _Viewer:
    def __init__(self, folder: Path) -> None:
        self._files = dict(_files(folder)) if folder.is_dir() else {}
        self._config = resources.files("vna.console").joinpath("viewer_config.js").read_bytes()

    def entrance(self, _request: Request) -> Response:
        """Lead to the page; relative, so that it is right behind a proxy."""
        return Response(status_code=307, headers={"Location": "viewer/"})

    def answer(self, request: Request) -> Response:
        """Answer with a file, with the configuration, or with the page."""
        name = request.path_params["path"]
        if _PAGE not in self._files:
            raise Problem(404, "no viewer is installed here: `make viewer` or `vna viewer install` gets it")
        if name == _CONFIG:
            return _whole(request, self._config, "text/javascript")
        if name in self._files and name != _PAGE:
            return _file(request, self._files[name])
        if "." in name and name != _PAGE:
            raise Problem(404, "the viewer has no such file")
        return _whole(request, self._page(name), "text/html")

    def _page(self, name: str) -> bytes:
        """Return the page with addresses that are right so many levels below the viewer's root."""
        page = self._files[_PAGE].path.read_bytes()
        return page.replace(b'="./', b'="' + (b"../" * name.count("/") or b"./"))


def _whole(request: Request, content: bytes, media_type: str) -> Response:
    etag = entity_tag([content])
    headers = _HEADERS | {"ETag": etag, "Cache-Control": _ASK_EACH_TIME}
    return _unchanged(request, headers) or Response(content, headers=headers, media_type=media_type)


def _file(request: Request, file: _File) -> Response:
    coding = choose_coding(request, tuple(file.forms))
    etag = f'{file.etag[:-1]}-{coding}"' if coding else file.etag
    headers = _HEADERS | {"ETag": etag, "Cache-Control": _KEEP_A_DAY if file.kept else _ASK_EACH_TIME}
    if coding:
        headers["Content-Encoding"] = coding
    path = file.forms.get(coding, file.path)
    return _unchanged(request, headers) or FileResponse(path, headers=headers, media_type=file.media_type)


def _unchanged(request: Request, headers: Mapping[str, str]) -> Response | None:
    """Return the answer 304 with the headers of the whole one: they replace those that the browser holds."""
    answer = not_modified(request, headers["ETag"])
    if answer is not None:
        answer.headers.update(headers)
    return answer


def _files(folder: Path) -> Iterator[tuple[str, _File]]:
    """Go through what can be served, by the name it is asked for."""
    found = {path for path in folder.rglob("*") if path.is_file()}
    for path in sorted(found):
        forms = {coding: path.with_name(path.name + end) for coding, end in CODINGS.items()}
        held = {coding: form for coding, form in forms.items() if form in found}
        name, stat = path.relative_to(folder).as_posix(), path.stat()
        if path.suffix not in CODINGS.values():
            etag = entity_tag([name, stat.st_size, stat.st_mtime_ns])
            yield name, _File(path, etag, _media_type(path), _has_digest(path.name), held)


def _media_type(path: Path) -> str:
    return _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _has_digest(name: str) -> bool:
    """Return whether a part of the name is 16 hexadecimal digits, as the viewer's build puts them there."""
    return any(len(part) == 16 and set(part) <= set("0123456789abcdef") for part in name.split("."))
