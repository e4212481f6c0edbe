"""The measurements of an archive in use: tiny and large instances, import, and everything at once."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydicom.uid import CTImageStorage

from conformance import load, phantoms
from conformance.corpus import SLICES_PER_STUDY, small_study_names, write_ct_files
from conformance.figures import Row, Spread, Target
from conformance.node_process import NodeProcess
from conformance.server import Server
from conformance.side_by_side import Plan, compared, rate_row, servers, settle_disks, store
from conformance.sources import BigMultiframe, CtSlices, SmallStudies

_MULTIFRAME_BYTES = 200_000_000
_IMPORTED_FROM = 50_000  # other pixels than those sent: equal ones would be held already
_STUDY = {"StudyInstanceUID": str(phantoms.uid("corpus", 0))}


def measure_tiny(plan: Plan) -> list[Row]:
    """C-STORE of instances of a few kilobytes over one association: what is left is the cost per instance."""
    with servers(plan, "tiny") as running:
        rates: list[list[float]] = [[] for _ in running]
        for server in running:
            store(server, SmallStudies(20), 1)
        for n in range(plan.pairs):
            for server, measured in zip(running, rates, strict=True):
                source = SmallStudies(plan.tiny, first=20 + n * plan.tiny)
                measured.append(store(server, source, 1).instances_per_s)
    return [
        rate_row(
            "C-STORE, tiny instances, 1 association",
            rates[0],
            rates[1] if rates[1:] else [],
            Target(1.2, at_least=True),
        )
    ]


def measure_multiframe(plan: Plan) -> list[Row]:
    """C-STORE of one large multi-frame object after the other."""
    size = min(_MULTIFRAME_BYTES, plan.big_bytes)
    with servers(plan, "multiframe") as running:
        rates: list[list[float]] = [[] for _ in running]
        for n in range(plan.pairs):
            for server, measured in zip(running, rates, strict=True):
                settle_disks()
                figures = load.run_store_big(server.address, [BigMultiframe(size, 1000 + n)])
                if figures.failed:
                    raise load.LoadFailed(f"{server.name} did not store a multi-frame object of {size} bytes")
                measured.append(figures.megabytes_per_s)
    beside = compared(rates[0], rates[1] if rates[1:] else [])
    return [Row(f"C-STORE, multi-frame of {size / 1e6:.0f} MB", "MB/s", Spread.of(rates[0]), *beside)]


def measure_import(plan: Plan) -> list[Row]:
    """`vna import` of a folder beside C-STORE over four associations, by turns in one node.

    The rate is the one the command tells, of what it does; how long the whole command takes stands beside.
    """
    told, whole, sent = list[float](), list[float](), list[float]()
    with NodeProcess(plan.folder / "import") as node:
        server = node.start()
        store(server, CtSlices(20, label="warm-up"), 4)
        for n in range(plan.pairs):
            folder = plan.folder / f"import-{n}"
            write_ct_files(folder, plan.imported, first=_IMPORTED_FROM + n * plan.imported)
            settle_disks()
            begin = time.perf_counter()
            told.append(plan.imported / _import(node, folder))
            whole.append(plan.imported / (time.perf_counter() - begin))
            sent.append(store(server, CtSlices(plan.slices, first=n * plan.slices), 4).instances_per_s)
    name, target = f"vna import of {plan.imported:,} slices", Target(1.5, at_least=True)
    ratios = [compared(rates, sent)[1] for rates in (told, whole)]
    return [
        Row(f"{name}, by C-STORE on 4", "files/s", Spread.of(told), None, ratios[0], target, judged_ratio=True),
        Row(f"{name}, with the start of the command", "files/s", Spread.of(whole), None, ratios[1]),
    ]


def measure_mixed(plan: Plan) -> list[Row]:
    """Stores, queries and retrievals at once, each measured while the others go on."""
    with servers(plan, "mixed") as running:
        for server in running:
            store(server, CtSlices(SLICES_PER_STUDY), 1)
            store(server, SmallStudies(_KNOWN_STUDIES), 1)
        mixes: list[list[_Mix]] = [[] for _ in running]
        for n in range(plan.pairs):
            for server, measured in zip(running, mixes, strict=True):
                measured.append(_mixed(server, CtSlices(plan.slices, first=10_000 + n * plan.slices)))
    return [_mix_row(name, unit, mixes, pick) for name, unit, pick in _MIX_ROWS]


MEASURES_IN_USE: dict[str, Callable[[Plan], list[Row]]] = {
    "tiny": measure_tiny,
    "multiframe": measure_multiframe,
    "import": measure_import,
    "mixed": measure_mixed,
}
_KNOWN_STUDIES = 200


@dataclass(frozen=True, slots=True)
class _Mix:
    """What was reached together: instances stored per second, p50 of a query, bytes given back."""

    stored_per_s: float
    find_p50_ms: float
    got_megabytes_per_s: float


_MIX_ROWS: Sequence[tuple[str, str, Callable[[_Mix], float]]] = (
    ("mixed: C-STORE on 2 associations", "instances/s", lambda mix: mix.stored_per_s),
    ("mixed: C-FIND meanwhile", "ms p50", lambda mix: mix.find_p50_ms),
    ("mixed: C-GET meanwhile", "MB/s", lambda mix: mix.got_megabytes_per_s),
)


def _import(node: NodeProcess, folder: Path) -> float:
    """Import a folder and return the seconds it says it took."""
    answer: subprocess.CompletedProcess[str] = node.vna("import", "--json", str(folder))
    if answer.returncode != 0:
        raise load.LoadFailed(f"vna import ended with {answer.returncode}: {answer.stderr[-500:]}")
    told: dict[str, float] = json.loads(answer.stdout)
    return told["seconds"]


def _mixed(server: Server, source: CtSlices) -> _Mix:
    done = threading.Event()
    with ThreadPoolExecutor(2) as others:
        finds = others.submit(_find_until, server, done)
        gets = others.submit(_get_until, server, done)
        try:
            stored = store(server, source, 2)
        finally:
            done.set()
        return _Mix(stored.instances_per_s, finds.result(), gets.result())


def _find_until(server: Server, done: threading.Event) -> float:
    """Query again and again; return the median of the medians, in milliseconds."""
    keys = [{"PatientID": small_study_names(n).patient_id} for n in range(20)]
    medians: list[float] = []
    while not medians or not done.is_set():
        medians.append(load.run_find(server.address, keys).p50_ms)
    return load.percentile(medians, 50)


def _get_until(server: Server, done: threading.Event) -> float:
    """Retrieve a study again and again; return the megabytes per second of all rounds."""
    rates: list[float] = []
    while not rates or not done.is_set():
        figures = load.run_get(server.address, _STUDY, sop_classes=[CTImageStorage])
        if figures.instances != SLICES_PER_STUDY or figures.status:
            raise load.LoadFailed(f"{server.name} gave {figures.instances}, status {figures.status:04X}")
        rates.append(figures.megabytes_per_s)
    return load.percentile(rates, 50)


def _mix_row(name: str, unit: str, mixes: Sequence[Sequence[_Mix]], pick: Callable[[_Mix], float]) -> Row:
    ours, *others = [[pick(mix) for mix in measured] for measured in mixes]
    return Row(name, unit, Spread.of(ours), *compared(ours, others[0] if others else []))
