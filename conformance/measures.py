"""The measurements the first release promises, one function each: a plan in, rows of figures out."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence

from pydicom.uid import CTImageStorage

from conformance import load, phantoms
from conformance.corpus import SLICES_PER_STUDY, StudyNames, small_study_names
from conformance.figures import Row, Spread, Target, paired
from conformance.node_process import running_node
from conformance.server import Server
from conformance.side_by_side import (
    SINK,
    Plan,
    StoreRuns,
    compared,
    fill_memory,
    first_and_again,
    just_stored,
    rate_row,
    servers,
    store,
    store_runs,
)
from conformance.sink import Sink
from conformance.sources import BigMultiframe, CtSlices, SmallStudies

_SAMPLE_EVERY_S = 0.05
_LOAD_ASSOCIATIONS = 4
_RETRIEVED_MB_PER_S = {512: 300, 256: 250}
"""What is to be reached with square slices of so many rows."""

_Retrieve = Callable[[Server, Mapping[str, str]], load.RetrieveFigures]
"""Retrieves the study of these keys."""


def measure_store(plan: Plan) -> list[Row]:
    """C-STORE of CT slices over one association, against Orthanc that does not compress."""
    with servers(plan, "store") as running:
        runs = store_runs(running, plan.pairs, plan.slices, associations=1)
    ours, theirs = runs[0], runs[1:]
    return [
        rate_row("C-STORE, 1 association", ours.rates, theirs[0].rates if theirs else [], Target(1.2, at_least=True)),
        Row("C-STORE, 1 association, CPU", "ms/instance", Spread.of(ours.cpu_ms), *_beside(theirs), Target(3.5, False)),
    ]


def measure_store_4(plan: Plan) -> list[Row]:
    """C-STORE of CT slices over four associations, against Orthanc that does not compress."""
    with servers(plan, "store4") as running:
        runs = store_runs(running, plan.pairs, plan.slices, associations=4)
    ours, theirs = runs[0], runs[1:]
    rates = theirs[0].rates if theirs else []
    return [rate_row("C-STORE, 4 associations", ours.rates, rates, Target(1.2, at_least=True))]


def measure_compressed(plan: Plan) -> list[Row]:
    """C-STORE over four associations and bytes on disk, against Orthanc with StorageCompression."""
    with servers(plan, "compressed", compressed=True) as running:
        runs = store_runs(running, plan.pairs, plan.slow_slices, associations=4)
        sizes = [[server.stored_bytes() / 1e6] for server in running]
    ours, theirs = runs[0], runs[1:]
    name = "C-STORE, 4, Orthanc compressing"
    return [
        rate_row(name, ours.rates, theirs[0].rates if theirs else [], Target(8, at_least=True)),
        Row(
            f"stored, {plan.pairs * plan.slow_slices} slices, Orthanc compressing",
            "MB",
            Spread.of(sizes[0]),
            *compared(sizes[0], sizes[1] if theirs else []),
            Target(0.65, at_least=False),
            judged_ratio=True,
        ),
    ]


def measure_find(plan: Plan) -> list[Row]:
    """C-FIND by each unique-enough key, with few studies and with many in the archive."""
    few, many = plan.studies
    with running_node(plan.folder / "find") as node:
        load.run_store(node.address, SmallStudies(few), associations=_LOAD_ASSOCIATIONS)
        before = {keyword: _find_runs(plan, node, keyword, few) for keyword in _FIND_KEYS}
        load.run_store(node.address, SmallStudies(many - few, first=few), associations=_LOAD_ASSOCIATIONS)
        after = {keyword: _find_runs(plan, node, keyword, many) for keyword in _FIND_KEYS}
    rows = []
    for keyword in _FIND_KEYS:
        growth = paired(after[keyword], before[keyword])
        assert growth is not None
        name = f"C-FIND by {keyword}"
        rows.append(Row(f"{name}, {few:,} studies", "ms p50", Spread.of(before[keyword])))
        rows.append(Row(f"{name}, {many:,} studies", "ms p50", Spread.of(after[keyword]), target=Target(3, False)))
        rows.append(Row(f"{name}, {many:,} by {few:,}", "times", growth, target=Target(1.5, False)))
    return rows


def measure_get(plan: Plan) -> list[Row]:
    """C-GET of a study of 100 CT slices, one association: long there and never asked for, again, and just stored."""
    with servers(plan, "get") as running:
        return _retrieve_rows(plan, "C-GET, 100 slices", running, _get_study)


def measure_get_small(plan: Plan) -> list[Row]:
    """The same of slices of a quarter as many pixels."""
    with servers(plan, "get-small") as running:
        return _retrieve_rows(plan, "C-GET, 100 slices of 256x256", running, _get_study, size=256)


def measure_move(plan: Plan) -> list[Row]:
    """C-MOVE of a study of 100 CT slices into a sink: long there and never asked for, again, and just stored."""
    with Sink() as sink, servers(plan, "move", sink=sink) as running:
        return _retrieve_rows(plan, "C-MOVE, 100 slices", running, lambda server, keys: _move_study(server, keys, sink))


def measure_memory(plan: Plan) -> list[Row]:
    """Memory of the node while large multi-frame objects arrive together."""
    objects = [BigMultiframe(plan.big_bytes, n) for n in range(plan.big_objects)]
    samples = [0]
    done = threading.Event()
    with running_node(plan.folder / "memory") as node:

        def sample() -> None:
            while not done.wait(_SAMPLE_EVERY_S):
                samples.append(node.proportional_bytes())

        sampler = threading.Thread(target=sample, daemon=True)
        sampler.start()
        figures = load.run_store_big(node.address, objects)
        done.set()
        sampler.join()
        peaks = node.peak_resident_bytes().values()
    if figures.failed:
        raise load.LoadFailed(f"{figures.failed} of {plan.big_objects} large objects were not stored")
    what = f"{plan.big_objects} x {plan.big_bytes / 1e6:.0f} MB together"
    return [
        Row(f"{what}, largest process (VmHWM)", "MB", Spread.of([max(peaks) / 1e6]), target=Target(500, False)),
        Row(f"{what}, all processes (PSS, sampled)", "MB", Spread.of([max(samples) / 1e6])),
        Row(f"{what}, taken in", "MB/s", Spread.of([figures.megabytes_per_s])),
    ]


MEASURES: dict[str, Callable[[Plan], list[Row]]] = {
    "store": measure_store,
    "store-4": measure_store_4,
    "compressed": measure_compressed,
    "find": measure_find,
    "get": measure_get,
    "get-small": measure_get_small,
    "move": measure_move,
    "memory": measure_memory,
}
_FIND_KEYS: dict[str, Callable[[StudyNames], str]] = {
    "StudyInstanceUID": lambda names: names.study_instance_uid,
    "PatientID": lambda names: names.patient_id,
    "AccessionNumber": lambda names: names.accession_number,
}


def _find_runs(plan: Plan, node: Server, keyword: str, studies: int) -> list[float]:
    """Return the median milliseconds of a query, for each of several runs over studies chosen at random."""
    chosen = random.Random(studies)  # noqa: S311 - the same queries each time
    value = _FIND_KEYS[keyword]
    medians = []
    for _ in range(plan.pairs):
        keys = [{keyword: value(small_study_names(chosen.randrange(studies)))} for _ in range(plan.queries)]
        figures = load.run_find(node.address, keys)
        if not figures.matches:
            raise load.LoadFailed(f"a study that was stored is not found by {keyword}")
        medians.append(figures.p50_ms)
    return medians


def _retrieve_rows(
    plan: Plan, name: str, running: Sequence[Server], retrieve: _Retrieve, *, size: int = 512
) -> list[Row]:
    def rate(server: Server, number: int) -> float:
        figures = retrieve(server, _keys_of(number))
        if figures.instances != SLICES_PER_STUDY or figures.status:
            raise load.LoadFailed(f"{server.name} gave {figures.instances}, status {figures.status:04X}")
        return figures.megabytes_per_s

    def send(server: Server, number: int) -> None:
        store(server, CtSlices(SLICES_PER_STUDY, first=SLICES_PER_STUDY * number, size=size), 1)

    for server in running:
        store(server, CtSlices(SLICES_PER_STUDY * (plan.pairs + 1), size=size), 1)
        fill_memory(server)
        rate(server, plan.pairs)
    figures = first_and_again(running, plan.pairs, rate)
    figures["just stored"] = just_stored(running, range(plan.pairs + 1, 2 * plan.pairs + 1), send, rate)
    return [_retrieve_row(f"{name}, {which}", rates, size) for which, rates in figures.items()]


def _retrieve_row(name: str, rates: Sequence[Sequence[float]], size: int) -> Row:
    beside = compared(rates[0], rates[1] if len(rates) > 1 else [])
    return Row(name, "MB/s", Spread.of(rates[0]), *beside, Target(_RETRIEVED_MB_PER_S[size], at_least=True))


def _get_study(server: Server, keys: Mapping[str, str]) -> load.RetrieveFigures:
    return load.run_get(server.address, keys, sop_classes=[CTImageStorage])


def _move_study(server: Server, keys: Mapping[str, str], sink: Sink) -> load.RetrieveFigures:
    return load.run_move(server.address, keys, destination=SINK, sink=sink)


def _beside(theirs: Sequence[StoreRuns]) -> tuple[Spread | None, None]:
    return (Spread.of(theirs[0].cpu_ms) if theirs else None), None


def _keys_of(number: int) -> dict[str, str]:
    """Return the keys of a study of CT slices."""
    return {"StudyInstanceUID": str(phantoms.uid("corpus", number))}
