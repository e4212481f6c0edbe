"""The load generator as a tool: several associations, a pace, percentiles, and sentences where it cannot be made."""

import argparse
import json

import pytest

from conformance import load_command, phantoms
from conformance.load import LoadFailed
from conformance.pace import Pace
from conformance.repeated import echoes, queries, run_repeated
from conformance.server import free_port
from conformance.sink import Sink
from conformance.upper_layer import Address, Requestor
from running_node import RunningNode

ME = Requestor("LOADGEN")
STUDY = f"StudyInstanceUID={phantoms.uid('corpus', 0)}"


@pytest.fixture(scope="module")
def loaded(node: RunningNode) -> RunningNode:
    """A node with three slices of one study."""
    assert _run("store", node.address, "--ct", "3") == 0
    return node


def _run(command: str, node: Address, *options: str) -> int:
    """Run a command of the load generator, and return its exit status."""
    parser = argparse.ArgumentParser()
    load_command.add_commands(parser)
    try:
        args = parser.parse_args([command, node.host, str(node.port), node.ae_title, *options])
        args.run(args)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_echoes_over_several_associations_are_counted(node: RunningNode) -> None:
    figures = run_repeated(echoes(node.address, ME), Pace(repetitions=30), associations=3)

    assert (figures.requests, figures.failed, figures.statuses) == (30, 0, {"0000": 30})
    assert 0 < figures.p50_ms <= figures.p90_ms <= figures.p99_ms <= figures.max_ms


def test_queries_find_what_was_stored(loaded: RunningNode, capsys: pytest.CaptureFixture[str]) -> None:
    status = _run("find", loaded.address, "--key", STUDY, "--repetitions", "4", "--associations", "2", "--json")

    figures = json.loads(capsys.readouterr().out)
    assert (status, figures["requests"], figures["matches"]) == (0, 4, 4)


def test_retrievals_bring_every_instance_each_time(loaded: RunningNode, capsys: pytest.CaptureFixture[str]) -> None:
    status = _run("get", loaded.address, "--key", STUDY, "--repetitions", "2", "--json")

    figures = json.loads(capsys.readouterr().out)
    assert (status, figures["matches"], figures["statuses"]) == (0, 6, {"0000": 2})
    assert figures["megabytes_per_s"] > 0


@pytest.mark.long
def test_moves_end_in_our_sink(loaded: RunningNode, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    loaded.add_peer("LOADSINK", port)
    options = ["--destination", "LOADSINK", "--sink-port", str(port), "--repetitions", "1", "--json"]

    status = _run("move", loaded.address, "--key", STUDY, *options)

    figures = json.loads(capsys.readouterr().out)
    assert (status, figures["matches"]) == (0, 3)
    assert figures["megabytes_per_s"] > 0


def test_a_refused_request_is_counted_by_its_status(loaded: RunningNode, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--destination", "NOBODY", "--sink-port", str(free_port()), "--repetitions", "2"]

    assert _run("move", loaded.address, "--key", STUDY, *options) == 1
    assert "failed 2" in capsys.readouterr().out


def test_a_paced_store_stops_after_its_duration(capsys: pytest.CaptureFixture[str]) -> None:
    with Sink() as sink:
        options = ["--small", "500", "--rate", "40", "--duration", "0.5", "--json"]
        status = _run("store", Address("127.0.0.1", sink.port), *options)

    figures = json.loads(capsys.readouterr().out)
    assert (status, figures["instances"]) == (0, 20) == (0, sink.count)


def test_an_association_that_fails_fails_the_load() -> None:
    with pytest.raises(LoadFailed, match="2 of 2 associations failed"):
        run_repeated(queries(Address("127.0.0.1", free_port()), ME, {}), Pace(repetitions=2), associations=2)


@pytest.mark.parametrize("command", ["find", "get", "echo"])
def test_a_node_that_does_not_know_us_is_told_in_a_sentence(
    node: RunningNode, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert _run(command, Address(node.address.host, node.address.port, "WRONG")) == 2
    assert "association rejected: called AE title not recognized" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [["--key", "NoSuchKey=1"], ["--key", "PatientID"], ["--associations", "0"]], ids=["key", "value", "none"]
)
def test_a_wrong_option_is_told(capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    assert _run("find", Address("127.0.0.1", 1), *options) == 2
    assert "error: argument --" in capsys.readouterr().err


def test_a_folder_that_does_not_exist_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("store", Address("127.0.0.1", 1), "--files", "/does/not/exist") == 2
    assert "/does/not/exist is no folder" in capsys.readouterr().err
