"""Index tests run on every database."""

from databases import empty_url, index_url, postgresql_server

__all__ = ["empty_url", "index_url", "postgresql_server"]
