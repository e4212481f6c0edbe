"""The checks find nothing wrong with our node, and a lot with a peer that is wrong; the command tells it."""

import argparse
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from broken_acceptor import broken_acceptor
from conformance.checks import command
from conformance.checks.catalogue import CHECKS, chosen
from conformance.checks.objects import TestObjects
from conformance.checks.run import Result, Unreachable, meet, run_checks
from conformance.checks.session import Listener, Session, Target
from conformance.checks.verdicts import Verdict
from conformance.checks.web_client import WebClient
from conformance.server import free_port
from conformance.sink import Sink
from conformance.upper_layer import Address
from running_node import RunningNode

RUN = uuid.UUID(int=1)


@pytest.fixture(scope="module")
def session(node: RunningNode) -> Iterator[Session]:
    """A run of the checks against a node that knows our listener."""
    with Sink(keep=True) as sink:
        node.add_peer("CONFSINK", sink.port)
        yield Session(Target(node.address, listener=Listener(sink, "CONFSINK"), timeout_s=30), TestObjects(RUN))


@pytest.fixture(scope="module")
def results(session: Session) -> dict[str, Result]:
    """What every check found of our node."""
    return {result.check.id: result for result in run_checks(session, CHECKS)}


@pytest.mark.parametrize("service", sorted({check.id.partition(".")[0] for check in CHECKS} - {"web"}))
def test_our_node_passes(results: dict[str, Result], service: str) -> None:
    of_service = [result for id_, result in results.items() if id_.startswith(f"{service}.")]
    wrong = {each.check.id: f"{each.verdict}: {each.detail}" for each in of_service if each.verdict != Verdict.PASSED}

    assert {id_: why for id_, why in wrong.items() if id_ != "upper-layer.artim"} == {}
    assert of_service


def test_our_node_offers_all_that_is_checked(results: dict[str, Result]) -> None:
    assert [id_ for id_, result in results.items() if result.verdict is Verdict.NOT_SUPPORTED] == []


def test_what_was_not_asked_for_is_skipped_with_the_reason(results: dict[str, Result]) -> None:
    skipped = {id_: result.detail for id_, result in results.items() if result.verdict is Verdict.SKIPPED}

    assert skipped.pop("upper-layer.artim").startswith("give --patience")
    assert set(skipped) == {id_ for id_ in results if id_.startswith("web.")}
    assert set(skipped.values()) == {"give --web URL"}


def test_nothing_of_one_run_alone_is_told(session: Session, results: dict[str, Result]) -> None:
    told = " ".join(result.detail for result in results.values())

    assert session.objects.root not in told
    assert session.objects.label not in told
    assert "127.0.0.1" not in told


def test_what_is_left_behind_is_known(session: Session, results: dict[str, Result]) -> None:
    assert session.objects.uid(1) in session.left_behind()
    assert all(uid.startswith(session.objects.root) for uid in session.left_behind())


@pytest.fixture(scope="module")
def wrongs() -> Iterator[dict[str, Result]]:
    """What a selection of checks found of the broken peer."""
    patterns = [
        "verification.*",
        "negotiation.unk*",
        "negotiation.proto*",
        "find.level.*",
        "find.study.u*",
        "find.no-m*",
    ]
    patterns += [
        "get.study",
        "get.kind.ct",
        "storage.kind.ct",
        "storage.no-inst*",
        "move.unk*",
        "upper-layer.within.unk*",
    ]
    with broken_acceptor() as address:
        broken = Session(Target(address), TestObjects(RUN))
        broken.send(["ct"])
        yield {result.check.id: result for result in run_checks(broken, chosen(patterns))}


@pytest.mark.parametrize(
    ("id_", "because"),
    [
        ("verification.response", "Message ID Being Responded To: 3 instead of 2"),
        ("negotiation.unknown-class", "the results: [0, 0] instead of [0, 3]"),
        ("negotiation.unknown-syntax", "the results: [0, 0] instead of [0, 4]"),
        ("negotiation.protocol-version", "the association is accepted"),
        ("find.level.unknown", "answered with status 0000 and 1 matches"),
        ("find.level.patient-root.patient", "what it finds: [''] instead of ['RUN-A']"),
        ("find.study.uid", "it finds an answer without a UID, not RUN.2"),
        ("find.no-match", "the number of answers and the status: (1, 0) instead of (0, 0)"),
        ("get.study", "0 instances came: 5 of 5 are missing"),
        ("get.kind.ct", "the number of instances received: 0 instead of 1"),
        ("storage.no-instance-uid", "answered with status 0000"),
        ("move.unknown-destination", "answered with status 0000"),
        ("upper-layer.within.unknown-context", "a PDU of type 4 came instead of A-ABORT"),
    ],
)
def test_a_wrong_peer_fails(wrongs: dict[str, Result], id_: str, because: str) -> None:
    assert wrongs[id_].verdict is Verdict.FAILED
    assert because in wrongs[id_].detail


def test_a_wrong_peer_passes_where_it_is_right(wrongs: dict[str, Result]) -> None:
    assert wrongs["storage.kind.ct"].verdict is Verdict.PASSED
    assert wrongs["verification.default-syntax"].verdict is Verdict.PASSED


def test_a_peer_that_is_not_there_is_told_in_a_sentence() -> None:
    target = Target(Address("127.0.0.1", free_port(), "NOBODY"))

    with pytest.raises(Unreachable, match=r"NOBODY at .* does not answer"):
        meet(Session(target, TestObjects(RUN)))


def test_a_peer_that_does_not_know_us_is_told_in_a_sentence(node: RunningNode) -> None:
    target = Target(Address(node.address.host, node.address.port, "OTHER"))

    with pytest.raises(Unreachable, match="called AE title not recognized; register CONFCHECK there"):
        meet(Session(target, TestObjects(RUN)))


def test_a_destination_the_node_does_not_know_is_not_supported(node: RunningNode) -> None:
    with Sink(keep=True) as sink:
        target = Target(node.address, listener=Listener(sink, "UNKNOWN_SINK"))
        (result,) = run_checks(Session(target, TestObjects(RUN)), chosen(["move.study"]))

    assert result.verdict is Verdict.NOT_SUPPORTED
    assert "A801" in result.detail


def test_dicomweb_that_is_not_there_is_not_supported(node: RunningNode) -> None:
    record = json.loads((node.node.data_dir / "node.json").read_text())["http"]
    target = Target(node.address, web=WebClient(f"http://{record['host']}:{record['port']}/nothing"))
    found = list(run_checks(Session(target, TestObjects(RUN)), chosen(["web.search.*"])))

    assert {result.verdict for result in found} == {Verdict.NOT_SUPPORTED}


def _run(node: Address, *options: str) -> int:
    """Run the command, and return its exit status."""
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    args = parser.parse_args(["--dimse", f"{node.ae_title}@{node.host}:{node.port}", *options])
    with pytest.raises(SystemExit) as ended:
        args.run(args)
    return int(ended.value.code or 0)


def test_the_command_writes_junit_and_tells_what_is_left_behind(
    node: RunningNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.xml"

    status = _run(node.address, "--only", "storage.kind.c?", "--format", "junit", "--output", str(report))

    told = capsys.readouterr()
    assert (status, told.out) == (0, "")
    assert "2 studies left behind, under patients called CONFORMANCE" in told.err
    suites = ET.parse(report).getroot()
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in suites] == [
        ("storage", "2", "0")
    ]


def test_the_command_ends_with_1_when_a_check_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with broken_acceptor() as address:
        status = _run(address, "--only", "negotiation.unknown-class", "--format", "json", "--timeout", "1")

    assert status == 1
    assert json.loads(capsys.readouterr().out)["counts"]["fail"] == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--only", "nothing.*"], "no check fits nothing.*; --list shows them all"),
        (["--listen", "1"], "--listen needs --listen-as"),
    ],
    ids=["no-check", "no-listen-as"],
)
def test_the_command_ends_with_2_when_it_cannot_check(
    node: RunningNode, capsys: pytest.CaptureFixture[str], options: list[str], reason: str
) -> None:
    assert _run(node.address, *options) == 2
    assert reason in capsys.readouterr().err
