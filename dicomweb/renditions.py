"""What an instance is given as when it is rendered: a picture, a document, a video, or a text (PS3.18 8.7.4).

Which of those it can be follows from the instance, which of them it becomes from what the client accepts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dicomweb.bulkdata import value_type
from dicomweb.multipart import Part
from dicomweb.negotiation import Offer, not_acceptable
from dicomweb.rendering_parameters import options_of
from dicomweb.report import report_html, report_text
from dicomweb.resources import held, path_of_instance
from dicomweb.services import Services
from vna.archive import BulkContent, Kind, NotInPicture, Subject
from vna.dicom.encoding import ENCAPSULATED_DOCUMENT, PIXEL_DATA
from vna.errors import CannotConvert, NotFound
from vna.model import InstanceUID, Scope, SeriesUID
from vna.pixels.rendering.request import MediaType, Options
from vna.web.problem import Problem

PICTURES: Final = tuple(str(each) for each in MediaType)
TEXTS: Final = ("text/html", "text/plain", "text/xml")

_REFERENCED_SERIES, _REFERENCED_IMAGES = 0x00081115, 0x00081140
_SERIES_UID, _INSTANCE_UID, _FRAMES = 0x0020000E, 0x00081155, 0x00081160
_ENCLOSED: Final = {Kind.DOCUMENT: ENCAPSULATED_DOCUMENT, Kind.VIDEO: PIXEL_DATA}
_CHARSETS: Final = {"utf-8": "utf-8", "iso-8859-1": "iso-8859-1", "us-ascii": "ascii"}


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of an image to be rendered, seen through a presentation state if there is one."""

    subject: Subject
    number: int = 1
    state: Subject | None = None

    @property
    def path(self) -> str:
        """The path of the frame's own resource below the root of the services."""
        key = self.subject.held.key
        place = path_of_instance(key)
        return place if self.subject.frames == 1 else f"{place}/frames/{self.number}"


class Rendering:
    """Renders for one request: with its parameters, into what its client accepts."""

    def __init__(self, services: Services, offers: Sequence[Offer], parameters: Mapping[str, str]) -> None:
        self._services, self._offers, self._parameters = services, offers, parameters
        self._renderer = services.archive.rendering

    def types(self, subject: Subject) -> tuple[str, ...]:
        """Return the media types an instance can be given in, the default first; none if it cannot be rendered."""
        if subject.kind in (Kind.IMAGE, Kind.STATE):
            return PICTURES
        if subject.kind is Kind.REPORT:
            return TEXTS
        if subject.kind in _ENCLOSED:
            return (value_type(self.enclosed(subject), subject.held),)
        return ()

    def chosen(self, names: Sequence[str], *, several: bool) -> tuple[str, bool]:
        """Return which media type the client gets, and whether in parts.

        Several things are given in parts even to a client that names the type of a part alone.

        Raises:
            Problem: 406.
        """
        refused = {offer.media_type.name for offer in self._offers if not offer.q}
        found = [
            (-offer.q, offer.multipart != several, name, offer.multipart)
            for offer in self._offers
            for name in names
            if offer.q and offer.media_type.covers(name) and name not in refused
        ]
        if not found:
            raise not_acceptable("this")
        _, _, name, parts = min(found, key=lambda each: each[:2])
        return name, parts or several

    def options(self, media_type: str) -> Options:
        """Return how pictures are to look.

        Raises:
            Problem: 400.
        """
        return options_of(self._parameters, MediaType(media_type))

    def frames(self, subject: Subject) -> list[Frame]:
        """Return what an instance shows: itself, or the images a presentation state is for; of each one frame.

        Raises:
            CannotConvert: a state whose images are not here.
        """
        if subject.kind is not Kind.STATE:
            return [Frame(subject)]
        found = [
            frame for scope, number in _referenced(subject) for frame in self._seen_through(subject, scope, number)
        ]
        if not found:
            raise CannotConvert("the images that the presentation state is for are not held")
        return found

    def picture(self, frame: Frame, options: Options) -> bytes:
        """Return a picture as a file.

        Raises:
            Problem: 400, a region that is not in the picture.
            NotFound, CannotConvert, Damaged: as `Renderer.picture`.
        """
        try:
            return self._renderer.picture(frame.subject, frame.number, options, frame.state)
        except NotInPicture as exc:
            raise Problem(400, str(exc)) from exc

    def enclosed(self, subject: Subject) -> BulkContent:
        """Return the document or the video that an instance holds as a file of its own.

        Raises:
            CannotConvert: it is not there.
        """
        try:
            return self._services.archive.bulk(subject.held, (_ENCLOSED[subject.kind],))
        except NotFound as exc:
            raise CannotConvert(str(exc)) from exc

    def text(self, subject: Subject, name: str) -> tuple[str, bytes]:
        """Return a report: its media type with the character set, and the text.

        Raises:
            Problem: 406, a character set that texts are not given in.
        """
        charset = self._parameters.get("charset", "utf-8").lower()
        if charset not in _CHARSETS:
            raise Problem(406, f"texts are given in {', '.join(_CHARSETS)}")
        plain = name == "text/plain"
        text = report_text(subject.header) if plain else report_html(subject.header)
        encoded = text.encode(_CHARSETS[charset], "replace" if plain else "xmlcharrefreplace")
        if not plain:
            opening = f'<?xml version="1.0" encoding="{charset}"?>\n' if name == "text/xml" else "<!DOCTYPE html>\n"
            encoded = opening.encode() + encoded.replace(b'charset="utf-8"', f'charset="{charset}"'.encode(), 1)
        return f"{name}; charset={charset}", encoded

    def parts(self, subject: Subject, root: str, *, several: bool) -> Iterator[Part]:
        """Give what an instance is rendered as, part by part; nothing if it cannot be what the client accepts."""
        try:
            name, _ = self.chosen(self.types(subject), several=several)
            if name in PICTURES:
                yield from self.pictures(self.frames(subject), name, root)
            else:
                yield self._whole(subject, name, f"{root}{Frame(subject).path}/rendered")
        except (CannotConvert, NotFound, Problem):
            return

    def pictures(self, frames: Sequence[Frame], name: str, root: str) -> Iterator[Part]:
        """Give frames as pictures, part by part.

        Raises:
            Problem: 400, as `options` and `picture`.
            NotFound, CannotConvert, Damaged: as `Renderer.picture`.
        """
        options = self.options(name)
        for frame in frames:
            data = self.picture(frame, options)
            yield Part(name, f"{root}{frame.path}/rendered", iter((data,)), len(data))

    def _whole(self, subject: Subject, name: str, location: str) -> Part:
        if subject.kind is Kind.REPORT:
            media_type, text = self.text(subject, name)
            return Part(media_type, location, iter((text,)), len(text))
        content = self.enclosed(subject)
        return Part(name, location, content.chunks(range(content.size)), content.size)

    def _seen_through(self, state: Subject, scope: Scope, number: int) -> list[Frame]:
        try:
            found = held(self._services, scope)
        except Problem:
            return []
        subjects = [self._renderer.subject(each) for each in found]
        return [Frame(subject, number, state) for subject in subjects if subject.kind is Kind.IMAGE]


def _referenced(state: Subject) -> Iterator[tuple[Scope, int]]:
    """Yield the images a presentation state is for, with the number of the first frame of each that it names."""
    for series in state.header.items(_REFERENCED_SERIES):
        series_uid = SeriesUID(series.text(_SERIES_UID))
        for image in series.items(_REFERENCED_IMAGES):
            uid = InstanceUID(image.text(_INSTANCE_UID))
            if series_uid and uid:
                yield Scope(state.held.key.study, series_uid, uid), max(image.whole(_FRAMES, 1), 1)
