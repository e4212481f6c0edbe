"""What every DICOMweb service is given."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from vna.archive import Archive
from vna.settings import HttpSettings
from vna.web.addresses import base_url

ROOT: Final = "/dicom-web"
"""Where the services lie below the node's root."""


@dataclass(frozen=True, slots=True)
class Services:
    """The archive behind the services, and the settings of HTTP."""

    archive: Archive
    settings: HttpSettings


def service_url(request: Request) -> str:
    """Return the address of the DICOMweb services as the client knows it, without a slash at its end."""
    return base_url(request) + ROOT
