"""Who may talk to the node, and what they are told who may not."""

import pytest

from vna.dimse.access import Caller, Refusal, admit, plain_address, resolve_host
from vna.dimse.associate import AssociateRequest, ProposedContext, UserInformation
from vna.dimse.pdu import (
    APPLICATION_CONTEXT_NOT_SUPPORTED,
    CALLED_AE_TITLE_NOT_RECOGNIZED,
    CALLING_AE_TITLE_NOT_RECOGNIZED,
    PROTOCOL_VERSION_NOT_SUPPORTED,
)
from vna.model import Peer, Source
from vna.settings import DimseSettings

MODALITY = Peer("CT1", "ct1.hospital.example", 104, issuer="HOSPITAL", warn_on_conflict=True)
ADDRESSES = {"ct1.hospital.example": frozenset({"10.0.0.7"})}


def _admit(
    address: str,
    *,
    calling: str = "CT1",
    called: str = "VNA",
    node: DimseSettings | None = None,
    application_context: str = "1.2.840.10008.3.1.1.1",
    version: int = 1,
) -> Caller | Refusal:
    contexts = (ProposedContext(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",)),)
    request = AssociateRequest(called, calling, contexts, UserInformation(), application_context, version)
    return admit(
        request,
        address,
        settings=node or DimseSettings(),
        peers={"CT1": MODALITY},
        resolve=lambda host: ADDRESSES.get(host, frozenset()),
    )


def test_a_registered_peer_is_let_in_from_its_own_address() -> None:
    caller = _admit("10.0.0.7")

    assert isinstance(caller, Caller)
    assert caller.source == Source("CT1", "HOSPITAL", warn_on_conflict=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.5.5.5", "::1", "::ffff:127.0.0.1"])
def test_anyone_may_talk_from_the_loopback(address: str) -> None:
    caller = _admit(address, calling="WHOEVER")

    assert isinstance(caller, Caller)
    assert caller.source == Source(f"WHOEVER@{plain_address(address)}")


def test_the_loopback_does_not_lend_a_peers_name() -> None:
    caller = _admit("127.0.0.1", calling="CT1")

    assert isinstance(caller, Caller)
    assert caller.peer is None
    assert caller.name == "CT1@127.0.0.1"


@pytest.mark.parametrize(
    ("calling", "address", "reason"),
    [
        ("WHOEVER", "10.0.0.7", "not a registered peer"),
        ("CT1", "10.0.0.8", "not an address of its host ct1.hospital.example"),
        ("", "10.0.0.7", "not a registered peer"),
    ],
)
def test_strangers_are_refused_and_the_log_says_why(calling: str, address: str, reason: str) -> None:
    refusal = _admit(address, calling=calling)

    assert isinstance(refusal, Refusal)
    assert refusal.rejection == CALLING_AE_TITLE_NOT_RECOGNIZED
    assert reason in refusal.reason


def test_the_loopback_can_be_switched_off() -> None:
    refusal = _admit("127.0.0.1", calling="WHOEVER", node=DimseSettings(allow_loopback=False))

    assert isinstance(refusal, Refusal)


@pytest.mark.parametrize(
    ("called", "node", "let_in"),
    [
        ("VNA", DimseSettings(), True),
        ("OTHER", DimseSettings(), False),
        ("vna", DimseSettings(), False),
        ("", DimseSettings(), False),
        ("OTHER", DimseSettings(other_ae_titles=("OTHER",)), True),
        ("OTHER", DimseSettings(unknown_called_ae_title="accept"), True),
        ("OTHER", DimseSettings(quality_ae_title="OTHER"), True),
    ],
)
def test_the_called_ae_title_must_be_ours(called: str, node: DimseSettings, let_in: bool) -> None:
    decision = _admit("127.0.0.1", called=called, node=node)

    assert isinstance(decision, Caller) is let_in
    if isinstance(decision, Refusal):
        assert decision.rejection == CALLED_AE_TITLE_NOT_RECOGNIZED


def test_another_application_context_is_refused() -> None:
    refusal = _admit("127.0.0.1", application_context="1.2.3")

    assert isinstance(refusal, Refusal)
    assert refusal.rejection == APPLICATION_CONTEXT_NOT_SUPPORTED


def test_a_protocol_version_without_bit_0_is_refused() -> None:
    """PS3.8 table 9-11: each bit is a version; bit 0 is the only one there is."""
    refusal = _admit("127.0.0.1", version=2)

    assert isinstance(refusal, Refusal)
    assert refusal.rejection == PROTOCOL_VERSION_NOT_SUPPORTED
    assert isinstance(_admit("127.0.0.1", version=3), Caller)


def test_addresses_resolve_to_themselves_and_unknown_names_to_nothing() -> None:
    assert resolve_host("127.0.0.1") == {"127.0.0.1"}
    assert resolve_host("no-such-host.invalid") == frozenset()
    assert plain_address("fe80::1%eth0") == "fe80::1"


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", ".", "\udcff"])
def test_what_is_no_host_name_resolves_to_nothing(host: str) -> None:
    assert resolve_host(host) == frozenset()
