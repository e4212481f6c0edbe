"""The console: pages for people, who look for studies or at the node, and answers for whatever watches it."""

from vna.console.app import Check, Metrics, StudyBrowser, console_routes, failing
from vna.console.facts import Complaint, NodeFacts, Worker
from vna.console.studies import PAGE_SIZE, FindStudies, FoundStudies, Study, StudySearch
from vna.console.viewer import viewer_is_here, viewer_routes

__all__ = [
    "PAGE_SIZE",
    "Check",
    "Complaint",
    "FindStudies",
    "FoundStudies",
    "Metrics",
    "NodeFacts",
    "Study",
    "StudyBrowser",
    "StudySearch",
    "Worker",
    "console_routes",
    "failing",
    "viewer_is_here",
    "viewer_routes",
]
