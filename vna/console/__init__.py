"""The console: a plain page for people, and answers for whatever watches the node. No patient data."""

from vna.console.app import Check, Metrics, console_routes, failing
from vna.console.facts import Complaint, NodeFacts, Worker
from vna.console.viewer import viewer_is_here, viewer_routes

__all__ = [
    "Check",
    "Complaint",
    "Metrics",
    "NodeFacts",
    "Worker",
    "console_routes",
    "failing",
    "viewer_is_here",
    "viewer_routes",
]
