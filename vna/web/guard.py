"""Who may ask, and how much at a time: the first that every HTTP request meets.

Until people sign in, patient data is given out on the loopback alone; on other addresses it takes a token of the
settings, or the explicit `http.allow_unauthenticated`. Where tokens are set they are asked for on every address. The
Host header has to name this node (a page elsewhere may have its own name point here), and pages of other origins are
refused unless configured.
"""

import hmac
import ipaddress
import logging
import socket
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from vna.settings import HttpSettings
from vna.web.addresses import is_host, note_base_url
from vna.web.middleware import HttpMiddleware
from vna.web.problem import Problem, answer

log = logging.getLogger(__name__)

NO_PATIENT_DATA: Final = frozenset({"/healthz", "/readyz", "/metrics", "/status.json", "/console.css"})
"""Open to whoever reaches the node: what watches over it has no token."""

_CHALLENGES: Final = ('Basic realm="vna", charset="UTF-8"', 'Bearer realm="vna"')
"""In a header each: a browser reads one of a header, and asks its user for a password only where that one is Basic."""


def principal_of(request: Request) -> str:
    """Return who asks: the name of the token, or `anonymous`."""
    return str(request.scope["vna.principal"])


def client_address(request: Request) -> str:
    """Return the address the request came from: a proxy's, if there is one."""
    return request.client.host if request.client else "unknown"


def complain_of_open_http(settings: HttpSettings) -> None:
    """Warn of what the settings leave open; the warning stays in `vna status` as long as the node runs."""
    if is_loopback(settings.host) or settings.tokens:
        return
    if settings.allow_unauthenticated:
        log.warning("http.allow_unauthenticated is set: whoever reaches %s reads patient data", settings.host)
    else:
        log.info("patient data over HTTP is given out on the loopback alone: http.tokens would let others read it")


class Guard(HttpMiddleware):
    """ASGI: lets through who may ask, and answers the others."""

    def __init__(self, app: ASGIApp, *, settings: HttpSettings) -> None:
        super().__init__(app)
        self._settings = settings
        pairs = (named.partition("=") for named in settings.tokens)
        self._tokens = {name: token.encode() for name, _, token in pairs}
        self._hosts = _known_hosts(settings)
        self._origins = frozenset(settings.cors_origins)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        base = note_base_url(scope, self._settings)
        headers = Headers(scope=scope)
        try:
            scope["vna.principal"] = "anonymous"
            if scope["path"] not in NO_PATIENT_DATA:
                self._check_host(headers, scope)
                self._check_origin(headers, base)
                scope["vna.principal"] = self._principal(headers, scope)
        except Problem as problem:
            log.warning(
                "web request refused address=%s status=%d reason=%s",
                (scope.get("client") or ("unknown",))[0],
                problem.status,
                problem.detail,
            )
            refusal = answer(problem)
            if problem.status == 401:
                for challenge in _CHALLENGES:
                    refusal.headers.append("WWW-Authenticate", challenge)
            await refusal(scope, receive, send)
            return
        await self.inner(scope, receive, send)

    def _check_host(self, headers: Headers, scope: Scope) -> None:
        told = headers.getlist("host")
        name = _host_name(told[0]) if len(told) == 1 else None
        if name is None:
            raise Problem(400, "the Host header is missing, there is more than one, or it cannot be read")
        if name not in self._hosts and name != (scope.get("server") or ("",))[0]:
            raise Problem(421, "this node is not known by the name in the Host header: add it to http.allowed_hosts")

    def _check_origin(self, headers: Headers, base: str) -> None:
        origin = headers.get("origin", "").lower()
        if not origin or origin in self._origins:
            return
        if origin not in (_origin(base), f"http://{headers.get('host')}", f"https://{headers.get('host')}"):
            raise Problem(403, "pages of this origin may not ask here: http.cors_origins names those that may")

    def _principal(self, headers: Headers, scope: Scope) -> str:
        if self._tokens:
            return self._name_of_token(headers)
        if not self._settings.allow_unauthenticated and not is_loopback((scope.get("server") or ("",))[0]):
            raise Problem(
                403,
                "without a token this node gives out patient data on the loopback address only: set http.tokens, "
                "or http.allow_unauthenticated",
            )
        return "anonymous"

    def _name_of_token(self, headers: Headers) -> str:
        given = _credential(headers.get("authorization", ""))
        found = [name for name, token in self._tokens.items() if hmac.compare_digest(token, given)]
        if not found:
            raise Problem(401, "a token of http.tokens is needed")
        return found[0]


def _known_hosts(settings: HttpSettings) -> frozenset[str]:
    own = {"localhost", "127.0.0.1", "::1", socket.gethostname().lower(), settings.host.lower()}
    named = {name.lower() for name in settings.allowed_hosts}
    public = urlsplit(settings.public_url).hostname
    return frozenset(own | named | ({public} if public else set()))


def _host_name(host: str) -> str | None:
    """Return the name in a Host header in lower case, without port and brackets."""
    if not is_host(host):
        return None
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def is_loopback(address: str) -> bool:
    """Return whether an address is one of this machine alone; what is no address is not."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _credential(header: str) -> bytes:
    """Return the secret of an Authorization header, empty if there is none."""
    scheme, _, value = header.partition(" ")
    readers: dict[str, Callable[[str], bytes]] = {"bearer": lambda text: text.strip().encode(), "basic": _password}
    reader = readers.get(scheme.lower())
    return reader(value) if reader else b""


def _password(text: str) -> bytes:
    try:
        return b64decode(text.strip(), validate=True).partition(b":")[2]
    except NotBase64:
        return b""
