"""Who may talk to the node: which associations are let in, and as what source their instances count.

From the loopback addresses any AE title may, unless that is switched off. From elsewhere a calling AE
title must be that of a registered peer, and the address one that the peer's host has. A refusal says
why in words, for the log; the peer is told in the codes of PS3.8 table 9-21.
"""

import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vna.dimse.associate import APPLICATION_CONTEXT, PROTOCOL_VERSION, AssociateRequest
from vna.dimse.limits import Limit
from vna.dimse.pdu import (
    APPLICATION_CONTEXT_NOT_SUPPORTED,
    CALLED_AE_TITLE_NOT_RECOGNIZED,
    CALLING_AE_TITLE_NOT_RECOGNIZED,
    PROTOCOL_VERSION_NOT_SUPPORTED,
    Rejection,
)
from vna.metrics.families import UNREGISTERED
from vna.model import Peer, Source
from vna.settings import DimseSettings

Resolve = Callable[[str], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Caller:
    """The other side of an association that was let in; `peer` if it is a registered one."""

    calling_ae_title: str
    called_ae_title: str
    address: str
    peer: Peer | None

    @property
    def name(self) -> str:
        """How it is called in logs and in the journal."""
        return self.peer.ae_title if self.peer else f"{self.calling_ae_title}@{self.address}"

    @property
    def counted_as(self) -> str:
        """Whose limits it uses up: a registered peer its own, everybody else those of the address."""
        return self.peer.ae_title if self.peer else self.address

    @property
    def source(self) -> Source:
        """Whose its instances are."""
        if self.peer is None:
            return Source(self.name)
        return Source(self.name, self.peer.issuer, self.peer.warn_on_conflict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an association is not let in; `limit` is that which was reached, if any, and `peer` whose it is."""

    rejection: Rejection
    reason: str
    limit: Limit | None = None
    peer: str = UNREGISTERED


def admit(
    request: AssociateRequest,
    address: str,
    *,
    settings: DimseSettings,
    peers: Mapping[str, Peer],
    resolve: Resolve,
) -> Caller | Refusal:
    """Decide about an association requested from an IP address."""
    if not request.protocol_version & PROTOCOL_VERSION:
        return Refusal(PROTOCOL_VERSION_NOT_SUPPORTED, f"protocol version {request.protocol_version:04X}")
    if request.application_context != APPLICATION_CONTEXT:
        text = f"application context {request.application_context or 'missing'}"
        return Refusal(APPLICATION_CONTEXT_NOT_SUPPORTED, text)
    if not _is_ours(request.called_ae_title, settings):
        return Refusal(CALLED_AE_TITLE_NOT_RECOGNIZED, "no AE title of this node was called")
    return _admit_caller(request, address, loopback=settings.allow_loopback, peers=peers, resolve=resolve)


def _is_ours(ae_title: str, settings: DimseSettings) -> bool:
    if settings.unknown_called_ae_title == "accept":
        return True
    ours = (settings.ae_title, *settings.other_ae_titles, settings.quality_ae_title)
    return bool(ae_title) and ae_title in ours


def _admit_caller(
    request: AssociateRequest, address: str, *, loopback: bool, peers: Mapping[str, Peer], resolve: Resolve
) -> Caller | Refusal:
    calling, called = request.calling_ae_title, request.called_ae_title
    address = plain_address(address)
    peer = peers.get(calling)
    if peer is not None and address in resolve(peer.host):
        return Caller(calling, called, address, peer)
    if loopback and ipaddress.ip_address(address).is_loopback:
        return Caller(calling, called, address, None)
    if peer is None:
        text = "the calling AE title is not a registered peer"
    else:
        text = f"registered peer, but {address} is not an address of its host {peer.host}"
    return Refusal(CALLING_AE_TITLE_NOT_RECOGNIZED, text)


def resolve_host(host: str) -> frozenset[str]:
    """Return the IP addresses of a host name or address; none if the name is not known now."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # of a name that is no host name, such as a..b
        return frozenset()
    return frozenset(plain_address(str(each[4][0])) for each in found)


def plain_address(address: str) -> str:
    """Return an IP address without scope, and an IPv4 address that came in IPv6 form as IPv4."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)
