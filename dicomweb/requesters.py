"""Who asks over HTTP, as the archive knows senders: whose instances are, and whose limits are used up.

A token stands for a source of its own, wherever it is used from. One that is called like a registered peer, in small
letters, stands for that peer, so that what a PACS sends over DICOMweb and over DIMSE comes from the same source.
Without tokens it is the address that tells sources from each other.
"""

from dataclasses import dataclass

from starlette.requests import Request

from dicomweb.services import Services
from vna.archive import ANYBODY
from vna.metrics.families import UNREGISTERED
from vna.model import Source
from vna.web.guard import client_address, principal_of

_ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks.

    `actor` is for the journal, `source` is that of what is stored, `committed_as` the source whose instances are
    committed to, `counted_as` for limits, and `label` for metrics.
    """

    actor: str
    source: Source
    committed_as: str
    counted_as: str
    label: str


def requester_of(services: Services, request: Request) -> Requester:
    """Return who asks.

    A conflict with what another source sent is told to a token or address, and to a peer where its settings say so.
    """
    name, address = principal_of(request), client_address(request)
    if name == _ANONYMOUS:
        source = Source(f"{name}@{address}", warn_on_conflict=True)
        return Requester(f"web {source.name}", source, ANYBODY, address, UNREGISTERED)
    peer = services.archive.peers().get(name.upper())
    if peer is None:
        return Requester(f"web {name}@{address}", Source(name, warn_on_conflict=True), name, name, name)
    source = Source(peer.ae_title, peer.issuer, peer.warn_on_conflict)
    return Requester(f"web {name}@{address}", source, source.name, source.name, source.name)
