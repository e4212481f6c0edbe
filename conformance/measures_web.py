"""The measurements of DICOMweb: searching, metadata, frames, whole studies, storing; Orthanc with its plugin beside."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from conformance import load, phantoms, web_load
from conformance.checks.verdicts import counted
from conformance.corpus import SLICES_PER_STUDY, small_study_names
from conformance.figures import Row, Spread, Target
from conformance.node_process import dicomweb_root, running_node
from conformance.orthanc import DICOMWEB_PLUGIN, dicomweb_settings, orthanc
from conformance.server import Server
from conformance.side_by_side import Plan, compared, fill_memory, first_and_again, just_stored, settle_disks, store
from conformance.sources import BigMultiframe, CtSlices, SmallStudies

_LOAD_ASSOCIATIONS = 4
_SLOW_CLIENTS, _SLOW_BYTES_PER_S, _SLOW_S = 4, 4e6, 20
_FIRST_PAGE = "/studies?limit=100&includefield=all"
_MOST_STUDIES_BESIDE = 2_000
"""Orthanc takes a minute to store so many."""
_STOWED_FROM = 100_000
"""Other pixels than those of the studies that are retrieved: equal ones would be held already."""


@dataclass(frozen=True, slots=True)
class WebServer:
    """A running server and its DICOMweb root."""

    server: Server
    root: str


def measure_web_find(plan: Plan) -> list[Row]:
    """QIDO-RS by a unique key in a large archive, and the first page of everything beside Orthanc."""
    many = plan.studies[1]
    with _web_servers(plan, "web-find") as running:
        few = min(many, _MOST_STUDIES_BESIDE)
        for each in running:
            load.run_store(each.server.address, SmallStudies(few), associations=_LOAD_ASSOCIATIONS)
        page = _by_turns(running, plan.pairs, lambda root, _: 1e3 / web_load.median_ms(root, [_FIRST_PAGE] * 5))
        ours = running[0]
        load.run_store(ours.server.address, SmallStudies(many - few, first=few), associations=_LOAD_ASSOCIATIONS)
        keyed = [web_load.median_ms(ours.root, _keyed(plan.queries, many, seed)) for seed in range(plan.pairs)]
    return [
        Row(f"QIDO keyed, {many:,} studies", "ms p50", Spread.of(keyed), target=Target(4, at_least=False)),
        _rate_row("QIDO first page of 100, includefield=all", "1/s", page, 3),
    ]


def measure_web_metadata(plan: Plan) -> list[Row]:
    """Metadata of a series of 100 slices, never asked for before, and again."""
    with _web_servers(plan, "web-metadata") as running:
        _store_studies(running, plan.pairs)
        first = _by_turns(running, plan.pairs, lambda root, n: 1e3 / web_load.median_ms(root, [_metadata(n)]))
        again = _by_turns(running, plan.pairs, lambda root, n: 1e3 / web_load.median_ms(root, [_metadata(n)] * 5))
    return [
        _rate_row("series metadata, 100 slices, first time", "1/s", first, 1.5),
        _rate_row("series metadata, 100 slices, again", "1/s", again, 10),
    ]


def measure_web_retrieve(plan: Plan) -> list[Row]:
    """Frames of CT series over one connection and six, and studies as stored: long there, again, and just stored."""
    pairs, rows = plan.pairs, list[Row]()
    with _web_servers(plan, "web-retrieve") as running:
        _store_studies(running, 3 * pairs)
        for each in running:
            fill_memory(each.server)
        for place, connections in enumerate((1, 6)):
            frames = _whenever(running, pairs, place, partial(_frames, connections))
            name = f"frames of a CT series, {counted(connections, 'connection', 'connections')}"
            rows += (_rate_row(f"{name}, {which}", "frames/s", rates, 1.2) for which, rates in frames.items())
        whole = _whenever(running, pairs, 2, lambda each, n: web_load.study_megabytes_per_s(each.root, _study(n)))
    for which, rates in whole.items():
        name = f"study of 100 slices, as stored, {which}"
        rows.append(_rate_row(f"{name}, beside Orthanc", "MB/s", rates, 0.8))
        rows.append(Row(name, "MB/s", Spread.of(rates[0]), target=Target(400, at_least=True)))
    return rows


def measure_web_store(plan: Plan) -> list[Row]:
    """STOW-RS of CT slices, ten in a request, over two connections."""

    def run(root: str, number: int) -> float:
        instances = list(CtSlices(plan.slices, first=_STOWED_FROM + number * plan.slices).share(0, 1))
        settle_disks()
        return web_load.stored_per_s(root, instances, per_request=10, connections=2)

    with _web_servers(plan, "web-store") as running:
        for each in running:
            run(each.root, -1)
        rates = _by_turns(running, plan.pairs, run)
    return [_rate_row("STOW-RS, 10 a request, 2 connections", "instances/s", rates, 1.5)]


def measure_web_memory(plan: Plan) -> list[Row]:
    """Memory of a worker that serves one large study to slow clients together."""
    big = BigMultiframe(2 * plan.big_bytes, 7)
    with running_node(plan.folder / "web-memory") as node:
        if load.run_store_big(node.address, [big]).failed:
            raise load.LoadFailed(f"a study of {big.size} bytes was not stored")
        stored = node.peak_resident_bytes()
        came = web_load.read_slowly(
            dicomweb_root(node),
            str(phantoms.uid("big study", big.sop_instance_uid)),
            readers=_SLOW_CLIENTS,
            bytes_per_s=_SLOW_BYTES_PER_S,
            duration_s=_SLOW_S,
        )
        peaks = node.peak_resident_bytes()
    what = f"study of {big.size / 1e6:.0f} MB to {_SLOW_CLIENTS} slow clients"
    return [
        Row(
            f"{what}, largest process (VmHWM)", "MB", Spread.of([max(peaks.values()) / 1e6]), target=Target(400, False)
        ),
        Row("the same before, after it was stored", "MB", Spread.of([max(stored.values()) / 1e6])),
        Row(f"{what}, given out", "MB", Spread.of([came / 1e6])),
    ]


MEASURES_WEB: dict[str, Callable[[Plan], list[Row]]] = {
    "web-find": measure_web_find,
    "web-metadata": measure_web_metadata,
    "web-retrieve": measure_web_retrieve,
    "web-store": measure_web_store,
    "web-memory": measure_web_memory,
}


@contextmanager
def _web_servers(plan: Plan, name: str) -> Iterator[list[WebServer]]:
    """Run our node, and Orthanc with its DICOMweb plugin beside it when there is one."""
    with ExitStack() as stack:
        ours = stack.enter_context(running_node(plan.folder / f"{name}-vna"))
        running = [WebServer(ours, dicomweb_root(ours))]
        if plan.orthanc_program and DICOMWEB_PLUGIN.exists():
            more, address = dicomweb_settings()
            theirs = orthanc(plan.orthanc_program, plan.folder / f"{name}-orthanc", more=more)
            running.append(WebServer(stack.enter_context(theirs), f"{address}/dicom-web"))
        yield running


def _by_turns(running: Sequence[WebServer], pairs: int, measure: Callable[[str, int], float]) -> list[list[float]]:
    """Measure each server in turn, and return the figures of each."""
    figures: list[list[float]] = [[] for _ in running]
    for number in range(pairs):
        for each, measured in zip(running, figures, strict=True):
            measured.append(measure(each.root, number))
    return figures


def _whenever(
    running: Sequence[WebServer], pairs: int, place: int, measure: Callable[[WebServer, int], float]
) -> dict[str, list[list[float]]]:
    """Measure studies of the one of three groups at this place that nobody has asked for, again, and new ones."""
    old, new = place * pairs, (3 + place) * pairs
    figures = first_and_again(running, pairs, lambda each, number: measure(each, old + number))
    figures["just stored"] = just_stored(running, range(new, new + pairs), _store_study, measure)
    return figures


def _frames(connections: int, server: WebServer, number: int) -> float:
    return web_load.frames_per_s(server.root, web_load.frame_paths(server.root, _study(number)), connections)


def _rate_row(name: str, unit: str, figures: Sequence[Sequence[float]], at_least: float) -> Row:
    beside = compared(figures[0], figures[1] if figures[1:] else [])
    return Row(name, unit, Spread.of(figures[0]), *beside, Target(at_least, at_least=True), judged_ratio=True)


def _store_studies(running: Sequence[WebServer], studies: int) -> None:
    for each in running:
        store(each.server, CtSlices(SLICES_PER_STUDY * studies), _LOAD_ASSOCIATIONS)


def _store_study(server: WebServer, number: int) -> None:
    store(server.server, CtSlices(SLICES_PER_STUDY, first=SLICES_PER_STUDY * number), 1)


def _study(number: int) -> str:
    return str(phantoms.uid("corpus", number))


def _metadata(number: int) -> str:
    """Return the path of the metadata of the one series of a CT study."""
    return f"/studies/{_study(number)}/series/{phantoms.uid('corpus', number, 1)}/metadata"


def _keyed(queries: int, studies: int, seed: int) -> list[str]:
    chosen = random.Random(seed)  # noqa: S311 - the same queries each time
    names = [small_study_names(chosen.randrange(studies)) for _ in range(queries)]
    return [f"/studies?PatientID={one.patient_id}" for one in names]
