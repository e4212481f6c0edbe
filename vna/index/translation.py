"""The one place where errors of the database become errors of the archive."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from vna.errors import OutOfResources


@contextmanager
def index_errors() -> Iterator[None]:
    """Turn database errors inside the block into `OutOfResources`: the index is full or unreachable."""
    try:
        yield
    except DBAPIError as exc:
        raise OutOfResources(f"the index cannot be read now ({type(exc.orig).__name__})") from exc
