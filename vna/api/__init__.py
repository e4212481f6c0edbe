"""The REST interface for administration: patient events, holds, eliminations, limitations, at `/api`."""

from vna.api.app import api_routes

__all__ = ["api_routes"]
