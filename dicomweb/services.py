"""What every DICOMweb service is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from starlette.requests import Request

from vna.archive import Archive
from vna.model import View
from vna.settings import HttpSettings
from vna.web.addresses import base_url

ROOTS: Final[Mapping[View, str]] = MappingProxyType(
    {View.ORDINARY: "/dicom-web", View.QUALITY: "/quality/dicom-web"},
)
"""Where the services lie below the node's root, by what they show."""

ROOT: Final = ROOTS[View.ORDINARY]
"""Where those lie that everybody uses."""


@dataclass(frozen=True, slots=True)
class Services:
    """The archive behind the services, the settings of HTTP, and what of the archive is shown."""

    archive: Archive
    settings: HttpSettings
    view: View = View.ORDINARY


def service_url(request: Request) -> str:
    """Return the address of the DICOMweb services as the client knows it, without a slash at its end."""
    scope = request.scope
    return base_url(request) + str(scope["root_path"]).removeprefix(str(scope["app_root_path"]))
