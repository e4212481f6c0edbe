"""The nodes that other stacks talk to, and the table of what came of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from conformance.server import free_port
from exchange import store_all
from interop.collection import GROUPS, group, instances, study
from interop.listeners import Listeners
from interop.stacks import STACKS
from interop.stacks.roles import Destination, Stack
from interop.table import Case, written
from running_node import RunningNode, running_node
from vna.model import Peer
from vna.node import open_archive
from vna.settings import Settings

_REPORTED = "interop"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --interop-report."""
    parser.addoption("--interop-report", metavar="FILE", type=Path, help="write the interoperability table to FILE")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of this folder."""
    config.addinivalue_line("markers", "role(name): the role of the other stack")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say loudly which stacks are missing, and write the table if asked to."""
    cases = _cases(terminalreporter)
    missing = [stack.about for stack in STACKS if stack.version() is None] if cases else []
    if missing:
        terminalreporter.section("NOT TESTED", sep="!", red=True, bold=True)
    for about in missing:
        terminalreporter.line(
            f"The node was NOT tried with {about.name}. To install it: {about.how_to_install}", red=True
        )
    if file := config.getoption("--interop-report", default=None):
        file.write_text(written(cases, STACKS), encoding="utf-8")


def _cases(reporter: pytest.TerminalReporter) -> list[Case]:
    """Return what the tests recorded, in the order in which they ran."""
    found = []
    for outcome in ("passed", "failed", "skipped", "error"):
        for report in reporter.stats.get(outcome, []):
            recorded = dict(getattr(report, "user_properties", ()))
            if _REPORTED in recorded and (report.when == "call" or outcome != "passed"):
                stack, role, name = recorded[_REPORTED]
                found.append(Case(stack, role, name, _outcome(outcome), recorded.get("remark", "")))
    return sorted(found, key=lambda case: (case.stack, case.role, case.name))


def _outcome(outcome: str) -> str:
    return "failed" if outcome == "error" else outcome


@pytest.fixture
def tried(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Record the stack, role and case of the test, skip what is beyond the stack; what is given back takes a remark."""
    stack: Stack = request.getfixturevalue("stack")
    marker = request.node.get_closest_marker("role")
    (role,) = marker.args
    case = request.node.callspec.params.get("case", "")
    record_property(_REPORTED, (stack.about.name, role, case))
    if stack.version() is None:
        pytest.skip(f"{stack.about.name} is not installed: {stack.about.how_to_install}")
    if reason := stack.about.limits.get(f"{role} {case}"):
        record_property("remark", reason)
        pytest.skip(f"beyond {stack.about.name}: {reason}")
    return lambda remark: record_property("remark", remark)


@pytest.fixture(scope="module")
def receiving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node that holds nothing at first."""
    with running_node(tmp_path_factory.mktemp("receiving")) as node:
        yield node


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """A port for the listener of each stack that has one, by the stack's name."""
    return {stack.about.name: free_port() for stack in STACKS if isinstance(stack, Destination)}


@pytest.fixture(scope="module")
def holding(tmp_path_factory: pytest.TempPathFactory, ports: dict[str, int]) -> Iterator[RunningNode]:
    """A node that holds the collection, bit by bit, and knows the listener of each stack by the stack's name."""
    folder = tmp_path_factory.mktemp("holding")
    with closing(open_archive(Settings(data_dir=folder / "data"))) as archive:
        for name, port in ports.items():
            archive.add_peer(Peer(name.upper(), "127.0.0.1", port), actor="tests")
    with running_node(folder) as node:
        held = [one for name in GROUPS for one in instances(group(name, label="held"))]
        held += study("many", label="held").instances
        assert {answer.status for answer in store_all(node.address, held)} == {0}
        yield node


@pytest.fixture(scope="module")
def listeners(tmp_path_factory: pytest.TempPathFactory, ports: dict[str, int]) -> Iterator[Listeners]:
    """The listeners of this module, stopped at its end."""
    with ExitStack() as running:
        yield Listeners(tmp_path_factory.mktemp("listeners"), ports, running)
