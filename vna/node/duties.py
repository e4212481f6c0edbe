"""The duties of a node's housekeeper, made out of the settings."""

from collections.abc import Iterator
from contextlib import ExitStack

from vna.archive import Archive, QuietStudies
from vna.dimse import Reporter
from vna.index import open_index
from vna.journal import SigningKey
from vna.metrics import Metrics
from vna.node.housekeeper import Duty
from vna.node.journal import open_sealer
from vna.node.parts import index_url
from vna.node.sealing import sealing
from vna.node.sweeping import open_sweeper, sweeping
from vna.settings import DimseSettings, Settings

_REPORT_EVERY_S = 5.0
_DESTROY_EVERY_S = 60.0
_READ_HEADERS_EVERY_S = 2.0
_COMPUTE_RETENTION_EVERY_S = 10.0
_LOOK_FOR_QUIET_S = 5.0


def duties(settings: Settings, key: SigningKey, metrics: Metrics, stack: ExitStack) -> Iterator[Duty]:
    """Yield what this node's housekeeper is to do; what the duties hold open is given to `stack`."""
    sealer = open_sealer(settings)
    stack.callback(sealer.close)
    yield sealing(sealer, key, settings.journal.seal_every_s, metrics)
    quiet = QuietStudies(open_index(index_url(settings)), settings.archive.study_quiet_s)
    stack.callback(quiet.close)
    yield Duty("quiet", min(_LOOK_FOR_QUIET_S, settings.archive.study_quiet_s / 4), quiet.report)
    sweeper = open_sweeper(settings)
    stack.callback(sweeper.close)
    yield sweeping(sweeper, settings.store.sweep_every_s)


def reporting(archive: Archive, settings: DimseSettings) -> Duty:
    """Return the duty to tell peers the answers to their commitments that nobody has told them yet."""
    every_s = min(_REPORT_EVERY_S, settings.commitment_retry_pause_s)
    return Duty("report", every_s, Reporter(archive, settings).report_all)


def destroying(archive: Archive) -> Duty:
    """Return the duty to finish destroying what was eliminated, where a place was away or a process died."""
    return Duty("destroy", _DESTROY_EVERY_S, archive.destruction.run)


def indexing_extra(archive: Archive) -> Duty:
    """Return the duty to read stored headers for the extra attributes that the settings name."""
    return Duty("extra-attributes", _READ_HEADERS_EVERY_S, archive.extra.run)


def computing_retention(archive: Archive) -> Duty:
    """Return the duty to compute until when each study that something has changed of is kept."""
    return Duty("retention", _COMPUTE_RETENTION_EVERY_S, archive.retention.follow)
