"""Parts of a Store request that are DICOM files (PS3.10 7): each goes to the archive as it comes."""

from collections.abc import Mapping

from dicomweb.storing import Storing
from vna.archive import Incoming
from vna.errors import CannotUnderstand, VnaError
from vna.web.media_types import MediaType

DICOM = "application/dicom"


class FileParts:
    """Takes the parts of one request, one after the other."""

    def __init__(self, storing: Storing) -> None:
        self._storing = storing
        self._incoming: Incoming | None = None
        self._failure: VnaError | None = None

    def begin(self, media_type: MediaType, _headers: Mapping[str, str]) -> None:
        """Begin a part."""
        self._failure = None
        if media_type.name != DICOM:
            self._failure = CannotUnderstand(f"a part of {media_type.name[:80]!r} where {DICOM} was said")
            return
        try:
            self._incoming = self._storing.incoming()
        except VnaError as exc:
            self._failure = exc

    def data(self, data: memoryview) -> None:
        """Take some of it; of a part that failed already, pass over the rest."""
        if self._incoming is None:
            return
        try:
            self._incoming.write(data)
        except VnaError as exc:
            self._failure = exc
            self.drop()

    def end(self) -> None:
        """Have the part stored: it is whole."""
        if self._incoming is not None:
            incoming, self._incoming = self._incoming, None
            self._storing.store_file(incoming)
        elif self._failure is not None:
            self._storing.fail(self._failure)

    def finish(self) -> None:
        """Take note that no more parts come: nothing waits for another one here."""

    def drop(self) -> None:
        """Forget the part that has begun."""
        if self._incoming is not None:
            self._incoming.discard()
            self._incoming = None
