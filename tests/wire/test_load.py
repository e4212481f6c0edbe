"""The load generator against a storage SCP of its own, and its command line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import conformance
from conformance import load
from conformance.corpus import write_ct_files
from conformance.server import free_port
from conformance.sink import Sink
from conformance.sources import BigMultiframe, CtSlices, SmallStudies
from conformance.upper_layer import Address, Association, Proposal

KEPT = Path(conformance.__file__).with_name("results") / "bench.json"


def test_everything_of_a_source_is_stored_once() -> None:
    with Sink(keep=True) as sink:
        figures = load.run_store(Address("127.0.0.1", sink.port), SmallStudies(25), associations=2)

    assert (figures.instances, figures.failed, figures.not_accepted) == (25, 0, 0)
    assert {one.sop_instance_uid: one for one in sink.received} == {
        one.sop_instance_uid: one for one in SmallStudies(25).share(0, 1)
    }


def test_failures_are_counted() -> None:
    with Sink(status=0xA700) as sink:
        figures = load.run_store(Address("127.0.0.1", sink.port), CtSlices(2))

    assert (figures.instances, figures.failed) == (2, 2)


def test_a_big_object_arrives_as_one_data_set() -> None:
    big = BigMultiframe(3_000_000)
    with Sink(keep=True) as sink:
        figures = load.run_store_big(Address("127.0.0.1", sink.port), [big])

    assert figures.failed == 0
    assert [one.data for one in sink.received] == [b"".join(big.parts())]


def test_nobody_there_is_told_instead_of_waited_for() -> None:
    with pytest.raises(load.LoadFailed, match="ConnectionRefusedError"):
        load.run_store(Address("127.0.0.1", free_port()), SmallStudies(2), associations=2)


def test_a_sink_forgets_when_told() -> None:
    with Sink(keep=True) as sink:
        load.run_store(Address("127.0.0.1", sink.port), SmallStudies(1))
        sink.reset()

    assert (sink.count, sink.size, sink.received) == (0, 0, [])


def test_an_association_left_by_an_error_is_closed() -> None:
    def fail() -> None:
        with Association.open(Address("127.0.0.1", sink.port), [Proposal("1.2.3", ("1.2.4",))]):
            raise KeyError

    with Sink() as sink, pytest.raises(KeyError):
        fail()


@pytest.mark.long
def test_the_command_line_sends_files_and_prints_json(tmp_path: Path) -> None:
    write_ct_files(tmp_path / "ct", 2)
    with Sink() as sink:
        command = ["store", "127.0.0.1", str(sink.port), "SINK", "--files", str(tmp_path / "ct"), "--json"]
        answer = subprocess.run(
            [sys.executable, "-m", "conformance", "load", *command], capture_output=True, text=True, check=True
        )

    figures = json.loads(answer.stdout)
    assert (figures["instances"], figures["failed"]) == (sink.count, 0) == (2, 0)
    assert sink.size == sum(len(one.data) for one in CtSlices(2).share(0, 1))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_benchmark_runs_and_writes_its_figures(tmp_path: Path) -> None:
    command = ["--quick", "--without-orthanc", "--json", str(tmp_path / "figures.json"), "--folder", str(tmp_path)]

    answer = subprocess.run([sys.executable, "-m", "conformance", "bench", *command], capture_output=True, text=True)

    assert answer.returncode in (0, 1), answer.stderr
    rows = json.loads((tmp_path / "figures.json").read_text())["rows"]
    assert _kinds(rows) == _kinds(json.loads(KEPT.read_text())["rows"])
    assert all(row["ours"]["median"] > 0 for row in rows)


def _kinds(rows: list[dict[str, object]]) -> list[str]:
    """Return what was measured, without how much of it."""
    return [re.sub(r"[\d,]*\d", "n", str(row["name"])) for row in rows]
