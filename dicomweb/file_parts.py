"""Parts of a Store request that are DICOM files (PS3.10 7): each goes to the archive as it comes."""

from collections.abc import Mapping

from dicomweb.incoming_part import IncomingPart
from dicomweb.storing import Storing
from vna.errors import CannotUnderstand
from vna.web.media_types import MediaType

DICOM = "application/dicom"


class FileParts:
    """Takes the parts of one request, one after the other."""

    def __init__(self, storing: Storing) -> None:
        self._storing, self._part = storing, IncomingPart(storing)

    def begin(self, media_type: MediaType, _headers: Mapping[str, str]) -> None:
        """Begin a part."""
        is_file = media_type.name == DICOM
        refused = None if is_file else CannotUnderstand(f"a part of {media_type.name[:80]!r} where {DICOM} was said")
        self._part.begin(refused)

    def data(self, data: memoryview) -> None:
        """Take some of it; of a part that failed already, pass over the rest."""
        self._part.write(data)

    def end(self) -> None:
        """Have the part stored: it is whole."""
        incoming = self._part.end()
        if incoming is not None:
            self._storing.store_file(incoming)

    def finish(self) -> None:
        """Take note that no more parts come: nothing waits for another one here."""

    def drop(self) -> None:
        """Forget the part that has begun."""
        self._part.drop()
