"""The console: a plain page for people, and two answers for whatever watches the node. No patient data."""

from vna.console.app import Check, NodeFacts, create_app

__all__ = ["Check", "NodeFacts", "create_app"]
