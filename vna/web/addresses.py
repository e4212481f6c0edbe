"""Under which address a client reaches the node, also through proxies: for the URLs that answers hold.

A proxy is believed when its address is one of `http.trusted_proxies`. It adds to what it was sent, so that the last
value of a header is its own; where several proxies stand one behind the other, `http.public_url` says what they do.
"""

import re
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from vna.settings import HttpSettings

_BASE: Final = "vna.base_url"
_HOST: Final = re.compile(r"[A-Za-z0-9.\-_:\[\]]+")


def base_url(request: Request) -> str:
    """Return the address of the node's root as the client knows it, without a slash at its end."""
    return str(request.scope[_BASE])


def note_base_url(scope: Scope, settings: HttpSettings) -> str:
    """Find out the address for one request, and keep it in its scope."""
    base = settings.public_url or _told(scope, settings)
    scope[_BASE] = base
    return base


def _told(scope: Scope, settings: HttpSettings) -> str:
    headers = Headers(scope=scope)
    client = scope.get("client")
    trusted = client is not None and client[0] in settings.trusted_proxies
    scheme, host, prefix = scope["scheme"], _asked_host(headers, scope, trusted=trusted), scope.get("root_path", "")
    if trusted:
        forwarded = _forwarded(headers)
        scheme, host = forwarded.get("proto", scheme), forwarded.get("host", host)
        prefix = "/" + _last(headers, "x-forwarded-prefix").strip("/") if "x-forwarded-prefix" in headers else prefix
    return f"{scheme}://{host}{prefix}".rstrip("/")


def _forwarded(headers: Headers) -> Mapping[str, str]:
    """Return scheme and host by the name RFC 7239 gives them, as far as a proxy tells."""
    if "forwarded" in headers:
        pairs = (part.partition("=") for part in _last(headers, "forwarded").split(";"))
        told = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
    else:
        told = {"proto": _last(headers, "x-forwarded-proto"), "host": _host(headers)}
    checked = {"proto": told.get("proto", "").lower(), "host": told.get("host", "")}
    if checked["proto"] not in ("http", "https"):
        del checked["proto"]
    if not is_host(checked["host"]):
        del checked["host"]
    return checked


def _host(headers: Headers) -> str:
    host, port = _last(headers, "x-forwarded-host"), _last(headers, "x-forwarded-port")
    usual = {"https": "443", "http": "80"}.get(_last(headers, "x-forwarded-proto").lower())
    return f"{host}:{port}" if host and port and ":" not in host and port != usual else host


def is_host(text: str) -> bool:
    """Return whether a text can be the authority of a URL: nothing in it that would make it another one."""
    return _HOST.fullmatch(text) is not None


def _last(headers: Headers, name: str) -> str:
    return headers.getlist(name)[-1].rpartition(",")[2].strip() if name in headers else ""


def _asked_host(headers: Headers, scope: Scope, *, trusted: bool) -> str:
    """Return the host that a client asked, with its port.

    Some clients leave the port out (dicomweb-client does). It is the one they came in by, unless a proxy may stand
    between; who names the very address that the connection ends at, or this machine, speaks of the node itself.
    """
    host = headers.get("host", "")
    if not is_host(host):
        return _own_address(scope)
    own, port = scope.get("server") or ("", None)
    usual = {"https": 443, "http": 80}.get(scope["scheme"])
    may_be_of_a_proxy = trusted and host.strip("[]").lower() not in (own, "localhost")
    if port is None or port == usual or ":" in host.rpartition("]")[2] or may_be_of_a_proxy:
        return host
    return f"{host}:{port}"


def _own_address(scope: Scope) -> str:
    host, port = scope.get("server") or ("localhost", None)
    return host if port is None else f"{host}:{port}"
