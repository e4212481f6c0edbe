"""The answer to Prometheus: what the processes have counted, summed up, and how the archive stands.

Sums are of all processes, those that have died included: a total never goes backwards while the node runs.
"""

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

import vna
from storage_backends import Recent
from vna.archive import Overview
from vna.console import Worker
from vna.errors import VnaError
from vna.metrics import FAMILIES, Counter, Family, Histogram, Series
from vna.metrics.families import PID
from vna.node.watch import Watch

_SHOWN: Final = tuple(family for family in FAMILIES if family is not PID)


class Exposition(Collector):
    """Collects everything anew each time it is asked."""

    def __init__(
        self,
        watch: Watch,
        overview: Callable[[], Overview],
        is_ready: Callable[[], bool],
        *,
        pid: int,
        gauges: Sequence[Callable[[], Iterable[Metric]]] = (),
    ) -> None:
        """Tell of the process `pid` at the top, and those that the watch knows; `gauges` are asked the index for."""
        self._watch, self._overview, self._is_ready, self._gauges = watch, overview, is_ready, gauges
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(pid=lambda: pid, registry=self._registry)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the text and its content type, in the format that the Accept header asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """Yield every family but those of the process at the top."""
        yield from counted(self._watch.series())
        yield from _of_workers(self._watch.workers())
        labels = {"version": vna.__version__, "python_version": platform.python_version()}
        build = GaugeMetricFamily("vna_build_info", "Always 1; the labels say what runs.", labels=list(labels))
        build.add_metric(list(labels.values()), 1)
        yield build
        yield _gauge("vna_ready", "Whether the node takes what is sent to it.", int(self._is_ready()))
        yield from self._of_archive()

    def _of_archive(self) -> Iterator[Metric]:
        """What the index says; without it only that it does not answer."""
        try:
            overview = self._overview()
            more = [metric for gauges in self._gauges for metric in gauges()]
        except VnaError:
            yield _gauge("vna_index_up", "Whether the index answers.", 0)
            return
        yield _gauge("vna_index_up", "Whether the index answers.", 1)
        trusted = int(overview.clock_jump is None)
        yield _gauge("vna_clock_trusted", "Whether the clock is believed; if not, nothing is eliminated.", trusted)
        holds = overview.holds
        yield _gauge("vna_journal_position", "Number of the last event in the journal.", holds.position)
        yield _gauge("vna_archive_studies", "Studies shown.", holds.studies)
        yield _gauge("vna_archive_series", "Series shown.", holds.series)
        yield _gauge("vna_archive_instances", "Instances shown.", holds.instances)
        yield _gauge("vna_archive_received_bytes", "Size of what is held, as it was received.", holds.received_bytes)
        yield _gauge("vna_archive_stored_bytes", "Size of what is held, as it is stored.", holds.stored_bytes)
        bad = GaugeMetricFamily("vna_bad_blobs", "Stored blobs that are damaged and not healed yet.", labels=["store"])
        for store, count in overview.bad_blobs.items():
            bad.add_metric([store], count)
        yield bad
        if overview.space is not None:
            yield _gauge("vna_store_free_bytes", "Free space where files are stored.", overview.space.free)
            yield _gauge("vna_store_total_bytes", "All space where files are stored.", overview.space.total)
            kept = overview.space.kept_free
            yield _gauge("vna_store_kept_free_bytes", "Free space below which nothing is taken in.", kept)
        yield from more


def recent_counters(recent: Recent) -> Iterator[Metric]:
    """Yield how often what is asked for was in the memory for what came or was read last."""
    counts = recent.counts()
    help_text = "Parts of stored files that were asked for, and found in memory (store.recent_bytes)."
    yield CounterMetricFamily("vna_recent_found", help_text, value=counts.found)
    help_text = "Parts of stored files that had to be read, and were kept in memory for who asks next."
    yield CounterMetricFamily("vna_recent_kept", help_text, value=counts.kept)


def counted(series: Iterable[Series]) -> Iterator[Metric]:
    """Yield every family with the sums of these series; a family nobody has counted yet is there without samples."""
    sums: dict[tuple[str, ...], tuple[float, ...]] = {}
    for each in series:
        so_far = sums.get(each.key)
        added = each.values if so_far is None else tuple(map(float.__add__, so_far, each.values))
        sums[each.key] = added
    for family in _SHOWN:
        yield _family(family, {key[1:]: values for key, values in sums.items() if key[0] == family.name})


def _family(family: Family, found: dict[tuple[str, ...], tuple[float, ...]]) -> Metric:
    if isinstance(family, Histogram):
        return _histogram(family, found)
    make = CounterMetricFamily if isinstance(family, Counter) else GaugeMetricFamily
    metric = make(family.name, family.help, labels=family.labels)
    for labels, values in found.items():
        metric.add_metric(labels, values[0])
    return metric


def _histogram(family: Histogram, found: dict[tuple[str, ...], tuple[float, ...]]) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    bounds = [*map(floatToGoString, family.buckets), "+Inf"]
    for labels, (total, *counts) in found.items():
        so_far, cumulative = 0.0, []
        for bound, count in zip(bounds, counts, strict=True):
            so_far += count
            cumulative.append((bound, so_far))
        metric.add_metric(labels, cumulative, total)
    return metric


def _of_workers(workers: Iterable[Worker]) -> Iterator[Metric]:
    """What the system says of each worker: its memory, its time on the processor, its open files."""
    found: dict[str, Metric] = {}
    alive = GaugeMetricFamily("vna_worker_up", "Whether a worker process lives.", labels=["worker"])
    for worker in workers:
        label = str(worker.number)
        alive.add_metric([label], int(worker.alive))
        for metric in ProcessCollector("vna_worker", lambda pid=worker.pid: pid, registry=None).collect():  # type: ignore[misc]
            family = found.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            for sample in metric.samples:
                family.add_sample(sample.name, {"worker": label}, sample.value)
    yield alive
    yield from found.values()


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
