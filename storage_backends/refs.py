"""What names a stored blob, and a blob that has no name yet."""

from dataclasses import dataclass

from storage_backends.backend import Staged
from storage_backends.codec import Codec


@dataclass(frozen=True, slots=True)
class BlobRef:
    """How to get a blob back: SHA-256 of its plain bytes in hex, its codec and sizes in bytes.

    `stored_size` is for accounts only: the same blob stored again with other hints replaces the file.
    """

    digest: str
    codec: Codec
    plain_size: int
    stored_size: int

    @property
    def name(self) -> str:
        """The name in the backend."""
        return f"{self.digest}.{self.codec}"


class EncodedBlob:
    """A blob in the form it is stored in, which nobody sees yet; ends with one call of `store` or `discard`."""

    def __init__(self, staged: Staged, codec: Codec, *, plain_size: int, stored_size: int) -> None:
        self._staged, self._codec = staged, codec
        self._plain_size, self._stored_size = plain_size, stored_size

    def flush(self) -> None:
        """Do early what `store` would wait for: bring the bytes to disk.

        Raises:
            NoSpace, StoreUnavailable: nothing is left of it.
        """
        self._staged.flush()

    def store(self, digest: str) -> BlobRef:
        """Make the blob durable and visible under the SHA-256 of its plain bytes, in hex.

        Raises:
            NoSpace: the store is full.
            StoreUnavailable: the store failed; the blob may be visible, but is not known to be durable.
        """
        ref = BlobRef(digest, self._codec, self._plain_size, self._stored_size)
        self._staged.commit(ref.name)
        return ref

    def discard(self) -> None:
        """Forget the blob; does nothing after `store`."""
        self._staged.discard()
