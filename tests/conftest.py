"""What every test has at hand, and what is said at the end about tests that were left out."""

import gc
import os
import signal
from collections.abc import Generator, Iterator

import pytest

import dcmtk
import ohif_needs
import prepared
import s3_server
from conformance import node_process
from s3_server import s3

__all__ = ["s3"]


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> Iterator[None]:
    """Nothing the developer has set for a node of theirs reaches a test."""
    outside = {name: os.environ.pop(name) for name in list(os.environ) if name.upper().startswith(("VNA_", "AWS_"))}
    yield
    os.environ.update(outside)


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_reaches_programs() -> Iterator[None]:
    """A script that tests in the background has them ignore Ctrl-C, and what they start would do so, too."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True, scope="session")
def _prepared_processes() -> Iterator[None]:
    """Nodes of tests begin where `vna` is loaded; test_node_process.py starts it as users do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(node_process, "launch", prepared.start)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while thousands of tests are collected, nor among them later: there is none."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


_ON_SQLITE_IN_SHORT = (
    "archive/test_clock_guard.py",
    "archive/test_eliminations_lasting.py",
    "index/test_holds.py",
    "index/test_object_locks.py",
    "index/test_overlaps.py",
    "index/test_placements.py",
    "index/test_retention.py",
)
"""Modules below unit/ whose tests on PostgreSQL belong to the long ones: what they try is not the SQL."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the short run short: what is slow comes first, so that no core waits for it at the end."""
    items.sort(key=lambda item: "unit" in item.path.parts)
    for item in items:
        if "postgresql" in item.name and item.path.as_posix().endswith(_ON_SQLITE_IN_SHORT):
            item.add_marker(pytest.mark.long)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what the node was not tried with."""
    skipped = terminalreporter.stats.get("skipped", [])
    without = [report for report in skipped if dcmtk.REASON in str(report.longrepr)] if dcmtk.MISSING else []
    if without:
        terminalreporter.section("NOT TESTED", sep="!", red=True, bold=True)
        terminalreporter.line(f"{len(without)} tests were skipped: {dcmtk.REASON}.", red=True)
        terminalreporter.line(
            "The node was NOT tried with DCMTK's programs. `apt-get install dcmtk`, then again.", red=True
        )
    without_s3 = [report for report in skipped if s3_server.REASON in str(report.longrepr)]
    if without_s3:
        terminalreporter.section("NOT TESTED", sep="!", red=True, bold=True)
        terminalreporter.line(f"{len(without_s3)} tests were skipped: {s3_server.REASON}.", red=True)
        terminalreporter.line("The node was NOT tried with an object store.", red=True)
    if any(ohif_needs.REASON in str(report.longrepr) for report in skipped):
        terminalreporter.section("NOT TESTED", sep="!", red=True, bold=True)
        terminalreporter.line(f"{ohif_needs.REASON}: the viewer was NOT tried in a browser.", red=True)
