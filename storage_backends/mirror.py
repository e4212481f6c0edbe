"""Writing to a store and its replicas at once: what is committed is durable in every one of them, or not committed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from storage_backends.backend import Backend, Staged
from storage_backends.content import Buffer
from storage_backends.errors import StorageError, StoreUnavailable


class MirroredStaged:
    """Bytes on their way into a store and its replicas, under the same name in all.

    The replicas come first: while one fails, the store itself shows nothing new. What was committed to some of them
    only is a file that nobody refers to.
    """

    def __init__(self, main: Backend, replicas: Mapping[str, Backend]) -> None:
        """Begin to write in all of them.

        Raises:
            NoSpace: the store is full.
            StoreUnavailable: the store failed, or a replica did in any way; the message names the replica.
        """
        self._copies: list[tuple[str, Staged]] = []
        try:
            for name, backend in replicas.items():
                with _naming(name):
                    self._copies.append((name, backend.stage()))
            self._main = main.stage()
        except StorageError:
            self._discard_copies()
            raise

    def write(self, data: Buffer) -> None:
        """Append bytes to all."""
        self._each(lambda staged: staged.write(data))

    def flush(self) -> None:
        """Make what is written so far durable in all."""
        self._each(lambda staged: staged.flush())

    def commit(self, name: str) -> None:
        """Make the bytes durable and visible in all."""
        self._each(lambda staged: staged.commit(name))

    def discard(self) -> None:
        """Forget the bytes; where they are committed they stay."""
        self._main.discard()
        self._discard_copies()

    def _discard_copies(self) -> None:
        for _, copy in self._copies:
            copy.discard()

    def _each(self, do: Callable[[Staged], None]) -> None:
        """Do something in all, in the replicas first; on failure everything is discarded."""
        try:
            for replica, copy in self._copies:
                with _naming(replica):
                    do(copy)
            do(self._main)
        except StorageError:
            self.discard()
            raise


@contextmanager
def _naming(replica: str) -> Iterator[None]:
    try:
        yield
    except StorageError as exc:
        raise StoreUnavailable(f"replica {replica}: {exc}") from exc
