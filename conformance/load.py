"""The load generator: what a node does under C-STORE, C-FIND, C-GET, C-MOVE and C-ECHO, in figures.

One process per storing association, requests encoded before the clock starts: the node is what gets measured.
"""

import contextlib
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError

from conformance.messages import MessageReader, pdata, send_in_parts, store_command, store_rq
from conformance.pace import Beats, Pace
from conformance.requests import (
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    find,
    get,
    move,
    query_proposals,
    store_proposals,
)
from conformance.sink import Sink
from conformance.sources import BigMultiframe, Source
from conformance.upper_layer import Address, Association, Proposal, Requestor

RETURN_KEYS = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "StudyInstanceUID",
    "ModalitiesInStudy",
    "StudyDescription",
    "NumberOfStudyRelatedInstances",
)
_START_TIMEOUT_S = 600


class LoadFailed(Exception):
    """The node did not do what the load asked of it; the figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """What storing took; latencies are of one C-STORE, from the first byte sent to its response."""

    instances: int
    seconds: float
    instances_per_s: float
    megabytes_per_s: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    failed: int
    not_accepted: int


@dataclass(frozen=True, slots=True)
class FindFigures:
    """What one query took, of many; `matches` is how many studies each gave."""

    matches: int
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class RetrieveFigures:
    """What one retrieval took."""

    instances: int
    seconds: float
    instances_per_s: float
    megabytes_per_s: float
    status: int


@dataclass(frozen=True, slots=True)
class _Share:
    """What one storing process is to do: its part of a source, at its pace, under an AE title."""

    source: Source
    part: int
    parts: int
    pace: Pace
    calling: str


@dataclass(frozen=True, slots=True)
class _Sent:
    """What one storing process reports."""

    size: int
    failed: int
    not_accepted: int
    latencies_s: tuple[float, ...]


def run_store(
    address: Address, source: Source, *, associations: int = 1, pace: Pace | None = None, calling: str = "LOADGEN"
) -> StoreFigures:
    """Store everything of a source over this many associations at once, or what of it the pace allows."""
    each = (pace or Pace()).shared_by(associations)
    shares = [_Share(source, n, associations, each, calling) for n in range(associations)]
    return _figures(*_in_processes(_store_share, [(address, share) for share in shares]))


def run_store_big(address: Address, objects: Sequence[BigMultiframe]) -> StoreFigures:
    """Store objects that are made while they are sent, all at once, each over its own association."""
    return _figures(*_in_processes(_store_big, [(address, big) for big in objects]))


def run_find(address: Address, keys: Sequence[Mapping[str, str]]) -> FindFigures:
    """Ask for studies by each set of keys in turn on one association."""
    latencies = []
    matches = 0
    with Association.open(address, [Proposal(STUDY_ROOT_FIND, ("1.2.840.10008.1.2",))]) as association:
        for one in keys:
            begin = time.perf_counter()
            found = find(association, dict.fromkeys(RETURN_KEYS, "") | dict(one))
            latencies.append(time.perf_counter() - begin)
            matches = len(found.matches)
            if found.answer.status != 0:
                raise LoadFailed(f"C-FIND was answered {found.answer.status:04X} {found.answer.comment}")
    return FindFigures(matches, percentile(latencies, 50) * 1e3, percentile(latencies, 99) * 1e3, max(latencies) * 1e3)


def run_get(address: Address, keys: Mapping[str, str], *, sop_classes: Sequence[str]) -> RetrieveFigures:
    """Retrieve a study by C-GET in Explicit VR Little Endian, dropping what arrives."""
    proposals = [Proposal(STUDY_ROOT_GET, ("1.2.840.10008.1.2",))]
    proposals += [Proposal(uid, ("1.2.840.10008.1.2.1",), as_scp=True) for uid in sop_classes]
    with Association.open(address, proposals) as association:
        begin = time.perf_counter()
        retrieved = get(association, keys, keep=False)
        seconds = time.perf_counter() - begin
    return _retrieve_figures(retrieved.count, retrieved.size, seconds, retrieved.answer.status)


def run_move(address: Address, keys: Mapping[str, str], *, destination: str, sink: Sink) -> RetrieveFigures:
    """Retrieve a study by C-MOVE into a sink of this process, which the node knows as `destination`."""
    sink.reset()
    with Association.open(address, query_proposals()) as association:
        begin = time.perf_counter()
        answer = move(association, keys, destination=destination)
        seconds = time.perf_counter() - begin
    return _retrieve_figures(sink.count, sink.size, seconds, answer.status)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


def _in_processes(target: object, arguments: Sequence[tuple[object, ...]]) -> tuple[list[_Sent], float]:
    """Run the target once per tuple of arguments, each in a process; return what they report, and the seconds."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(len(arguments) + 1), context.Queue()
    processes = [
        context.Process(target=_reporting, args=(target, args, barrier, results), daemon=True) for args in arguments
    ]
    for process in processes:
        process.start()
    with contextlib.suppress(BrokenBarrierError):
        barrier.wait(_START_TIMEOUT_S)
    begin = time.perf_counter()
    reports = [results.get() for _ in processes]
    seconds = time.perf_counter() - begin
    for process in processes:
        process.join()
    failures = [report for report in reports if isinstance(report, str)]
    if failures:
        raise LoadFailed("; ".join(failures))
    return reports, seconds


def _reporting(target: object, args: tuple[object, ...], barrier: Barrier, results: "Queue[_Sent | str]") -> None:
    """Run the target in its process; a failure becomes a report, and never leaves the others waiting."""
    try:
        assert callable(target)
        results.put(target(*args, barrier))
    except Exception as exc:  # noqa: BLE001 - whatever it is, the parent must hear of it
        results.put(f"{type(exc).__name__}: {exc}")
        barrier.abort()


def _store_share(address: Address, share: _Share, barrier: Barrier) -> _Sent:
    instances = list(share.source.share(share.part, share.parts))
    requestor = Requestor(share.calling)
    with Association.open(
        address, store_proposals(instances), requestor=requestor, timeout_s=_START_TIMEOUT_S
    ) as association:
        requests = []
        for n, instance in enumerate(instances):
            context = association.context(instance.sop_class_uid, instance.transfer_syntax)
            if context is not None:
                message_id = n % 65535 + 1
                requests.append(store_rq(instance, context, message_id=message_id, max_pdu=association.max_pdu))
        not_accepted = len(instances) - len(requests)
        del instances
        reader = MessageReader(association.sock, association.pdus)
        latencies, failed, size = [], 0, 0
        barrier.wait(_START_TIMEOUT_S)
        beats = Beats(share.pace)
        for request in requests:
            if not beats.wait():
                break
            begin = time.perf_counter()
            association.sock.sendall(request)
            answer = reader.read()
            latencies.append(time.perf_counter() - begin)
            failed += answer is None or answer.status != 0
            size += len(request)
    return _Sent(size, failed, not_accepted, tuple(latencies))


def _store_big(address: Address, big: BigMultiframe, barrier: Barrier) -> _Sent:
    proposal = Proposal(big.sop_class_uid, (big.transfer_syntax,))
    with Association.open(address, [proposal], timeout_s=_START_TIMEOUT_S) as association:
        if 1 not in association.accepted:
            raise LoadFailed(f"{big.sop_class_uid} was not accepted")
        command = store_command(big.sop_class_uid, big.sop_instance_uid, message_id=1)
        size = len(big.header()) + big.frames * 512 * 512 * 2
        barrier.wait(_START_TIMEOUT_S)
        begin = time.perf_counter()
        association.sock.sendall(pdata(1, command, max_pdu=association.max_pdu, command=True))
        send_in_parts(association.sock, 1, big.parts(), size=size, max_pdu=association.max_pdu)
        answer = MessageReader(association.sock, association.pdus).read()
        seconds = time.perf_counter() - begin
    return _Sent(size, int(answer is None or answer.status != 0), 0, (seconds,))


def _figures(reports: list[_Sent], seconds: float) -> StoreFigures:
    latencies = [latency for report in reports for latency in report.latencies_s]
    return StoreFigures(
        instances=len(latencies),
        seconds=seconds,
        instances_per_s=len(latencies) / seconds,
        megabytes_per_s=sum(report.size for report in reports) / seconds / 1e6,
        p50_ms=percentile(latencies, 50) * 1e3,
        p90_ms=percentile(latencies, 90) * 1e3,
        p99_ms=percentile(latencies, 99) * 1e3,
        max_ms=max(latencies, default=0) * 1e3,
        failed=sum(report.failed for report in reports),
        not_accepted=sum(report.not_accepted for report in reports),
    )


def _retrieve_figures(count: int, size: int, seconds: float, status: int) -> RetrieveFigures:
    return RetrieveFigures(count, seconds, count / seconds, size / seconds / 1e6, status)
