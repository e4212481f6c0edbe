"""The REST interface for administration: patient events, holds, eliminations, limitations, at `/api`."""
