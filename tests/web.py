"""The HTTP application of a node over an archive in this process, and a client for it."""

from starlette.testclient import TestClient

from dicomweb import Services, dicomweb_routes
from vna.api import api_routes
from vna.archive import Archive
from vna.model import View
from vna.settings import HttpSettings
from vna.web import create_web_app

ADDRESS = "http://127.0.0.1"


def web_client(archive: Archive, **settings: object) -> TestClient:
    """Return a client on the loopback; `settings` are those of HTTP."""
    http = HttpSettings.model_validate(settings)
    return TestClient(
        create_web_app([*(dicomweb_routes(Services(archive, http, view)) for view in View), api_routes(archive)], http),
        base_url=ADDRESS,
    )
