"""Runs of the lifecycle: what is due is planned, shown, and carried out step by step."""

from vna.lifecycle.planning import Plan, PlannedMove
from vna.lifecycle.running import EliminationDone, Lifecycle, Limits, MoveDone, Report

__all__ = [
    "EliminationDone",
    "Lifecycle",
    "Limits",
    "MoveDone",
    "Plan",
    "PlannedMove",
    "Report",
]
