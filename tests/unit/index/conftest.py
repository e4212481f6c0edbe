"""Index tests run on every database."""

from databases import index_url, postgresql_server

__all__ = ["index_url", "postgresql_server"]
