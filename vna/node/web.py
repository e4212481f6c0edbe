"""What a worker answers over HTTP: the console, and DICOMweb in front of its archive."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import vna
from dicomweb import Services, dicomweb_routes
from storage_backends import Recent
from vna.api import api_routes
from vna.archive import Archive, Overview
from vna.console import Check, NodeFacts, StudyBrowser, console_routes, failing, viewer_is_here, viewer_routes
from vna.metrics.families import NOT_SEALED
from vna.model import View
from vna.node.browsing import study_search
from vna.node.data_folder import NodeRecord
from vna.node.exposition import Exposition, recent_counters
from vna.node.parts import open_store
from vna.node.readiness import journal_problem, readiness_checks
from vna.node.retention_gauges import retention_gauges
from vna.node.watch import Watch
from vna.settings import Settings
from vna.web import WebApp, create_web_app


@dataclass(frozen=True, slots=True)
class Around:
    """What a worker knows of the node around it: where it listens, what its processes tell, what is in memory."""

    record: NodeRecord
    watch: Watch
    workers: int
    recent: Recent


def web_app(settings: Settings, archive: Archive, around: Around, not_ready: Check) -> WebApp:
    """Return the application.

    Args:
        not_ready: why the worker takes nothing, None while it does.
    """
    checks: Mapping[str, Check] = {
        "node": not_ready,
        "journal": lambda: journal_problem(around.watch.total(NOT_SEALED)),
        **readiness_checks(archive, open_store(settings)),
    }
    exposition = Exposition(
        around.watch,
        _overview_of(archive),
        lambda: not failing(checks),
        pid=around.record.pid,
        gauges=[lambda: retention_gauges(archive.retention.figures), lambda: recent_counters(around.recent)],
    )
    viewer = viewer_is_here(settings.http.viewer_dir)
    browser = StudyBrowser(study_search(archive), settings.dimse.ae_title, viewer)
    routes = [  # what is asked most stands first
        *(dicomweb_routes(Services(archive, settings.http, view)) for view in View),
        api_routes(archive),
        *console_routes(lambda: _facts(archive, around), checks, exposition.render, browser),
        *viewer_routes(settings.http.viewer_dir),
    ]
    return create_web_app(routes, settings.http, workers=around.workers, metrics=archive.metrics)


def _facts(archive: Archive, around: Around) -> NodeFacts:
    return NodeFacts(
        version=vna.__version__,
        ae_title=around.record.ae_title,
        dimse=str(around.record.dimse),
        http=str(around.record.http),
        overview=_overview_of(archive)(),
        workers=around.watch.workers(),
        complaints=around.watch.complaints(),
    )


def _overview_of(archive: Archive) -> Callable[[], Overview]:
    return lambda: archive.overview(datetime.now(UTC).astimezone())
