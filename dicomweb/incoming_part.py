"""One part of a Store request on its way in, or why it is not taken; another one comes after it."""

from dicomweb.storing import Storing
from vna.archive import Incoming
from vna.errors import VnaError


class IncomingPart:
    """Holds what has come of the part that was begun last; what fails is told when the part ends."""

    def __init__(self, storing: Storing) -> None:
        self._storing = storing
        self._incoming: Incoming | None = None
        self._failure: VnaError | None = None

    def begin(self, refused: VnaError | None) -> None:
        """Begin to take a part, unless it is refused."""
        self._failure = refused
        if refused is not None:
            return
        try:
            self._incoming = self._storing.incoming()
        except VnaError as exc:
            self._failure = exc

    def write(self, data: memoryview) -> int:
        """Take some of it, of a part that failed already nothing; return the bytes there are of it."""
        if self._incoming is None:
            return 0
        try:
            self._incoming.write(data)
        except VnaError as exc:
            self.fail(exc)
            return 0
        return self._incoming.size

    def fail(self, error: VnaError) -> None:
        """Take no more of it, because of this."""
        self._failure = error
        self.drop()

    def end(self) -> Incoming | None:
        """Return what came, for the caller to discard; None for a part that failed, of which note is taken."""
        if self._incoming is None and self._failure is not None:
            self._storing.fail(self._failure)
        incoming, self._incoming = self._incoming, None
        return incoming

    def drop(self) -> None:
        """Forget the part that has begun."""
        if self._incoming is not None:
            self._incoming.discard()
            self._incoming = None
