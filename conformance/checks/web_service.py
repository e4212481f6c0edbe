"""What a DICOMweb service says of itself, and how it meets browsers (PS3.18 8.4, 8.9, Annex H)."""

import json
from xml.etree import ElementTree as ET

from conformance.checks.registry import check
from conformance.checks.session import Session
from conformance.checks.verdicts import NotSupported, expect, expect_equal
from conformance.checks.web import client, expect_offered, get, subject
from conformance.checks.web_client import WebAnswer

_WADL, _WADL_SPACE = "application/vnd.sun.wadl+xml", "{http://wadl.dev.java.net/2009/02}"
_CAPABILITIES = "PS3.18 8.9"
_ORIGIN = "https://viewer.example"


@check("web.service.capabilities", "OPTIONS of the root describes the service in WADL", _CAPABILITIES)
def capabilities(session: Session) -> str:
    """Ask for application/vnd.sun.wadl+xml, and see that the studies are among the resources."""
    answer = _options(session, "/", _WADL)
    expect_equal(answer.media_type, _WADL, "the media type")
    root = ET.fromstring(answer.body)  # noqa: S314 - of a node that is being tried, in a process that may end
    expect(root.tag.endswith("application"), f"the root element is {root.tag}")
    resources = root.findall(f"{_WADL_SPACE}resources")
    expect_equal(len(resources), 1, "the number of resources elements (PS3.18 H)")
    expect(resources[0].get("base"), "resources has no base")
    paths = [str(each.get("path")).strip("/") for each in resources[0].iter(f"{_WADL_SPACE}resource")]
    expect("studies" in paths, f"studies is not among the {len(paths)} resources")
    methods = [each.get("name") for each in resources[0].iter(f"{_WADL_SPACE}method")]
    return f"{len(paths)} resources, {len(methods)} methods"


@check("web.service.capabilities.json", "OPTIONS of the root describes the service in JSON", _CAPABILITIES)
def capabilities_json(session: Session) -> None:
    """Ask for application/json."""
    answer = _options(session, "/", "application/json")
    expect_equal(answer.media_type, "application/json", "the media type")
    expect(json.loads(answer.body), "the description is empty")


@check(
    "web.service.capabilities.not-acceptable",
    "A description in a media type that nobody has is answered with 406",
    _CAPABILITIES,
)
def capabilities_not_acceptable(session: Session) -> None:
    """Ask for a picture of the service."""
    _options(session, "/", _WADL)
    expect_equal(client(session).request("OPTIONS", "/", headers={"Accept": "image/png"}).status, 406, "the status")


@check("web.service.options", "OPTIONS of a resource names its methods", "PS3.18 8.1.2")
def options(session: Session) -> str:
    """Ask at the studies, and at an instance."""
    of = subject(session)
    answer = client(session).request("OPTIONS", "/studies")
    allow = answer.headers.get("allow", "")
    if not allow:
        raise NotSupported(f"answered with {answer.status}, without Allow")
    expect("GET" in allow, f"Allow of the studies is {allow!r}")
    instance = client(session).request("OPTIONS", of.path("{instance}")).headers.get("allow", "")
    expect("GET" in instance and "POST" not in instance, f"Allow of an instance is {instance!r}")
    return allow


@check("web.service.cors", "What no other origin was allowed is not offered to it", "PS3.18 8.11")
def cors(session: Session) -> str:
    """Search with the Origin of a viewer elsewhere: by default no server should give leave to read."""
    answer = client(session).request("GET", "/studies", headers={"Accept": "*/*", "Origin": _ORIGIN}, query="limit=1")
    allowed = answer.headers.get("access-control-allow-origin", "")
    if not allowed:
        return f"{answer.status} without leave"
    expect(allowed == _ORIGIN, f"every origin may read: {allowed!r}")
    return "this origin is allowed by configuration"


@check("web.service.host", "A Host that is not the server's is refused, or passed over without harm", "PS3.18 8.11")
def host(session: Session) -> str:
    """Search under the name of another host: DNS rebinding."""
    answer = client(session).request(
        "GET", "/studies", headers={"Accept": "*/*", "Host": "rebound.example"}, query="limit=1"
    )
    if answer.status in (200, 204):
        raise NotSupported("any Host is served")
    expect(400 <= answer.status < 500, f"the status is {answer.status}")
    return str(answer.status)


@check("web.service.long-url", "An address that is too long is answered with 414", "PS3.18 8.5")
def long_url(session: Session) -> str:
    """Ask for 200 kB of address."""
    expect_offered(session)
    answer = get(session, "/studies", query={"StudyInstanceUID": "1." * 100_000})
    expect(400 <= answer.status < 500, f"the status is {answer.status}")
    if answer.status not in (414, 431):
        raise NotSupported(f"answered with {answer.status}")
    return str(answer.status)


@check("web.service.many-headers", "A request with too many headers is refused", "PS3.18 8.5")
def many_headers(session: Session) -> str:
    """Send a thousand headers."""
    headers = {f"X-Nothing-{n}": "x" * 100 for n in range(1000)}
    answer = client(session).request("GET", "/studies", headers={"Accept": "*/*", **headers}, query="limit=1")
    if answer.status in (200, 204):
        raise NotSupported("it is answered all the same")
    expect(400 <= answer.status < 500, f"the status is {answer.status}")
    return str(answer.status)


def _options(session: Session, path: str, accept: str) -> WebAnswer:
    """Return the description of the service.

    Raises:
        NotSupported: there is none.
    """
    expect_offered(session)
    answer = client(session).request("OPTIONS", path, headers={"Accept": accept})
    if answer.status in (400, 404, 405, 406, 501) or not answer.body:
        raise NotSupported(f"answered with {answer.status}")
    expect_equal(answer.status, 200, "the status")
    return answer
