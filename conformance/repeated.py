"""The same request again and again over several associations, at a pace: what a node does under that, in figures."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from pydicom.uid import ImplicitVRLittleEndian

from conformance.load import LoadFailed, percentile
from conformance.pace import Beats, Pace
from conformance.requests import (
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
    echo,
    find,
    get,
    move,
)
from conformance.sink import Sink
from conformance.upper_layer import Address, Association, Proposal, Requestor


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one request gave: its final status, matches or instances, and bytes of data sets that came back."""

    status: int
    count: int = 0
    size: int = 0


Ask = Callable[[], Outcome]
"""Makes one request on an open association."""
OpenAssociation = Callable[[], AbstractContextManager[Ask]]
"""Requests an association, which is released at the end of the context."""


@dataclass(frozen=True, slots=True)
class RepeatedFigures:
    """What the requests took; latencies are of one request, from sending it to its final response.

    `matches` are what all answers gave together: studies found, or instances sent. `statuses` counts requests by their
    final status in hexadecimal.
    """

    requests: int
    failed: int
    seconds: float
    requests_per_s: float
    matches: int
    megabytes_per_s: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    statuses: Mapping[str, int]


@dataclass(slots=True)
class _Tally:
    """What one thread has seen."""

    latencies_s: list[float] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    error: Exception | None = None


def run_repeated(open_association: OpenAssociation, pace: Pace, *, associations: int = 1) -> RepeatedFigures:
    """Ask again and again, over so many associations at once, each in a thread.

    Raises:
        LoadFailed: an association was not accepted, or ended early.
    """
    beats, tallies = Beats(pace), [_Tally() for _ in range(associations)]
    threads = [
        threading.Thread(target=_ask_on, args=(open_association, beats, tally), daemon=True) for tally in tallies
    ]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    errors = [tally.error for tally in tallies if tally.error is not None]
    if errors:
        raise LoadFailed(f"{len(errors)} of {associations} associations failed: {errors[0]}") from errors[0]
    return _figures(tallies, seconds)


def echoes(address: Address, requestor: Requestor) -> OpenAssociation:
    """Return what sends C-ECHO."""

    @contextmanager
    def open_association() -> Iterator[Ask]:
        with _open(address, requestor, Proposal(VERIFICATION, (ImplicitVRLittleEndian,))) as association:
            yield lambda: Outcome(echo(association).status)

    return open_association


def queries(address: Address, requestor: Requestor, keys: Mapping[str, str]) -> OpenAssociation:
    """Return what asks for studies by these keys (Study Root)."""

    @contextmanager
    def open_association() -> Iterator[Ask]:
        with _open(address, requestor, Proposal(STUDY_ROOT_FIND, (ImplicitVRLittleEndian,))) as association:

            def ask() -> Outcome:
                found = find(association, keys)
                return Outcome(found.answer.status, len(found.matches))

            yield ask

    return open_association


def retrievals(
    address: Address, requestor: Requestor, keys: Mapping[str, str], storage: Sequence[Proposal]
) -> OpenAssociation:
    """Return what retrieves a study by C-GET on contexts for these storage classes, and drops it."""

    @contextmanager
    def open_association() -> Iterator[Ask]:
        proposals = (Proposal(STUDY_ROOT_GET, (ImplicitVRLittleEndian,)), *storage)
        with _open(address, requestor, *proposals) as association:

            def ask() -> Outcome:
                retrieved = get(association, keys, keep=False)
                return Outcome(retrieved.answer.status, retrieved.count, retrieved.size)

            yield ask

    return open_association


def moves(
    address: Address, requestor: Requestor, keys: Mapping[str, str], *, destination: str, sink: Sink
) -> OpenAssociation:
    """Return what moves a study into a sink of ours; on several associations sizes are counted with the last one."""

    @contextmanager
    def open_association() -> Iterator[Ask]:
        with _open(address, requestor, Proposal(STUDY_ROOT_MOVE, (ImplicitVRLittleEndian,))) as association:

            def ask() -> Outcome:
                answer = move(association, keys, destination=destination)
                return Outcome(answer.status, answer.completed + answer.warnings, sink.take_size())

            yield ask

    return open_association


def _open(address: Address, requestor: Requestor, *proposals: Proposal) -> Association:
    association = Association.open(address, proposals, requestor=requestor)
    if association.context(proposals[0].abstract_syntax) is None:
        association.abort()
        raise LoadFailed(f"SOP Class {proposals[0].abstract_syntax} is not accepted")
    return association


def _ask_on(open_association: OpenAssociation, beats: Beats, tally: _Tally) -> None:
    try:
        with open_association() as ask:
            while beats.wait():
                begin = time.perf_counter()
                tally.outcomes.append(ask())
                tally.latencies_s.append(time.perf_counter() - begin)
    except Exception as exc:  # noqa: BLE001 - whatever it is, the caller must hear of it
        tally.error = exc


def _figures(tallies: Sequence[_Tally], seconds: float) -> RepeatedFigures:
    latencies = [latency for tally in tallies for latency in tally.latencies_s]
    outcomes = [outcome for tally in tallies for outcome in tally.outcomes]
    p50, p90, p99, most = (percentile(latencies, percent) * 1e3 for percent in (50, 90, 99, 100))
    return RepeatedFigures(
        requests=len(outcomes),
        failed=sum(outcome.status != 0 for outcome in outcomes),
        seconds=seconds,
        requests_per_s=len(outcomes) / seconds,
        matches=sum(outcome.count for outcome in outcomes),
        megabytes_per_s=sum(outcome.size for outcome in outcomes) / seconds / 1e6,
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        max_ms=most,
        statuses=dict(sorted(Counter(f"{outcome.status:04X}" for outcome in outcomes).items())),
    )
