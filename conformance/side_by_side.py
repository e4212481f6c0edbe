"""Two servers measured side by side: what is run, how often, and the rows it gives.

Runs of two servers alternate (ABABAB...) over the same instances, so that what else the machine does hits both.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from conformance import load
from conformance.figures import Row, Spread, Target, paired
from conformance.node_process import running_node
from conformance.orthanc import orthanc
from conformance.server import Server
from conformance.sink import Sink
from conformance.sources import CtSlices, Source

Measured = TypeVar("Measured")

SINK = "BENCHSINK"
"""The AE title under which servers know the sink of a benchmark."""
_MORE_THAN_MEMORY = 300
"""Slices of 512x512; `store.recent_bytes` holds 256 of them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure, and with what.

    `orthanc_program` is None where Orthanc is not installed or not wanted.
    """

    folder: Path
    orthanc_program: str | None
    pairs: int = 5
    slices: int = 400
    slow_slices: int = 100
    imported: int = 3000
    tiny: int = 1000
    studies: tuple[int, int] = (1_000, 100_000)
    large_studies: int = 1_000_000
    queries: int = 200
    big_objects: int = 10
    big_bytes: int = 1_000_000_000


def quick_plan(folder: Path, orthanc_program: str | None) -> Plan:
    """Return a plan that takes a minute and shows little more than that everything runs."""
    return Plan(
        folder,
        orthanc_program,
        pairs=2,
        slices=100,
        slow_slices=40,
        imported=320,
        tiny=200,
        studies=(500, 3_000),
        large_studies=10_000,
        queries=50,
        big_objects=3,
        big_bytes=100_000_000,
    )


@dataclass(frozen=True, slots=True)
class StoreRuns:
    """Instances per second and CPU milliseconds per instance, run by run."""

    rates: list[float]
    cpu_ms: list[float]


@contextmanager
def servers(plan: Plan, name: str, *, compressed: bool = False, sink: Sink | None = None) -> Iterator[list[Server]]:
    """Run our node, and Orthanc beside it when there is one."""
    destinations = {SINK: (sink.host, sink.port)} if sink else {}
    with ExitStack() as stack:
        running = [stack.enter_context(running_node(plan.folder / f"{name}-vna", peers=destinations))]
        if plan.orthanc_program:
            folder = plan.folder / f"{name}-orthanc"
            running.append(
                stack.enter_context(
                    orthanc(plan.orthanc_program, folder, compressed=compressed, destinations=destinations)
                )
            )
        yield running


def first_and_again(
    servers: Sequence[Measured], pairs: int, measure: Callable[[Measured, int], float]
) -> dict[str, list[list[float]]]:
    """Measure what depends on the number of the pair: each server in turn for the first time, and then again."""
    figures: dict[str, list[list[float]]] = {which: [[] for _ in servers] for which in ("first time", "again")}
    for number in range(pairs):
        for of_servers in figures.values():
            for server, measured in zip(servers, of_servers, strict=True):
                measured.append(measure(server, number))
    return figures


def just_stored(
    servers: Sequence[Measured],
    numbers: Iterable[int],
    put: Callable[[Measured, int], object],
    measure: Callable[[Measured, int], float],
) -> list[list[float]]:
    """Have each server in turn sent the study of a number, and measure right after that."""
    figures: list[list[float]] = [[] for _ in servers]
    for number in numbers:
        for server, measured in zip(servers, figures, strict=True):
            put(server, number)
            measured.append(measure(server, number))
    return figures


def fill_memory(server: Server) -> None:
    """Send other slices than are asked for, more than a node keeps in memory: what came before has to be read."""
    store(server, CtSlices(_MORE_THAN_MEMORY, label="filler"), 1)


def store_runs(servers: Sequence[Server], pairs: int, slices: int, *, associations: int) -> list[StoreRuns]:
    """Store CT slices by turns in each server, new ones in every run."""
    runs = [StoreRuns([], []) for _ in servers]
    for server in servers:
        store(server, CtSlices(20, label="warm-up"), associations)
    for n in range(pairs):
        for server, run in zip(servers, runs, strict=True):
            cpu_before = server.cpu_s()
            figures = store(server, CtSlices(slices, first=n * slices), associations)
            run.rates.append(figures.instances_per_s)
            run.cpu_ms.append((server.cpu_s() - cpu_before) / slices * 1e3)
    return runs


def settle_disks() -> None:
    """Have the system write what it keeps for later: what one server leaves to it is not to slow the next one down."""
    os.sync()


def store(server: Server, source: Source, associations: int) -> load.StoreFigures:
    """Store all of a source, on disks that have nothing else to write.

    Raises:
        LoadFailed: something of it was not stored.
    """
    settle_disks()
    figures = load.run_store(server.address, source, associations=associations)
    if figures.failed or figures.not_accepted:
        raise load.LoadFailed(f"{server.name} did not store {figures.failed + figures.not_accepted} instances")
    return figures


def rate_row(name: str, ours: Sequence[float], theirs: Sequence[float], target: Target | None = None) -> Row:
    """Return the row of a rate in instances per second, judged by its ratio."""
    beside = compared(ours, theirs)
    return Row(name, "instances/s", Spread.of(ours), *beside, target, judged_ratio=True)


def compared(ours: Sequence[float], theirs: Sequence[float]) -> tuple[Spread | None, Spread | None]:
    """Return the spread of the other server, and that of ours by theirs; None where there is no other."""
    return (Spread.of(theirs) if theirs else None), paired(ours, theirs)
