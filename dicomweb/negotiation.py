"""In which form an answer is given: what a client accepts against what there is (PS3.18 8.7.3, 8.7.5).

A client names media types, each with or without a transfer syntax and a quality. Of what it likes equally, what needs
no conversion comes first. Without a transfer syntax the default of the media type is meant (PS3.18 tables 8.7.3-2 and
8.7.3-5), except of pixels that were compressed with loss: those are given as they are stored. Implicit VR and big
endian are never given (PS3.18 8.7.3).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from vna.dicom.encoding import EXPLICIT_BE_UID, EXPLICIT_LE_UID, GE_PRIVATE_UID, IMPLICIT_LE_UID
from vna.dicom.media_types import IMAGE_SYNTAXES, OLDER_NAMES
from vna.pixels.codecs import ALWAYS_LOSSY, MAYBE_LOSSY
from vna.pixels.targets import targets_of
from vna.web.media_types import MediaType, parse_media_type
from vna.web.problem import Problem

DICOM: Final = "application/dicom"
MULTIPART: Final = "multipart/related"
OCTETS: Final = "application/octet-stream"
ZIP: Final = "application/zip"
ANY: Final = "*"
"""The transfer syntax of a client that takes every one (PS3.18 8.7.3.5.2)."""

_NEVER: Final = frozenset({IMPLICIT_LE_UID, EXPLICIT_BE_UID, GE_PRIVATE_UID})
_LOSSY: Final = ALWAYS_LOSSY | MAYBE_LOSSY


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing a client accepts, unfolded: `media_type` of the parts or, if not `multipart`, of the whole.

    `media_type` may be a range; `transfer_syntax` is empty if the client names none.
    """

    media_type: MediaType
    transfer_syntax: str
    multipart: bool

    @property
    def q(self) -> float:
        """How much the client likes it, to 1; 0 is what it refuses though a range covers it (RFC 9110 12.4.2)."""
        return self.media_type.q


@dataclass(frozen=True, slots=True)
class Form:
    """The form of an answer, or of its parts."""

    media_type: str
    transfer_syntax: str
    multipart: bool


def offers(accepted: Sequence[MediaType]) -> list[Offer]:
    """Return what a client accepts, best first.

    Of `multipart/related` the parameter `type` counts, quoted or not, with a transfer syntax inside or beside it.

    Raises:
        Problem: 400, a type that is none.
    """
    found = []
    for media_type in accepted:
        syntax = media_type.parameters.get("transfer-syntax", "")
        if media_type.name in (MULTIPART, "multipart/*"):
            part = _part_type(media_type)
            syntax = part.parameters.get("transfer-syntax", "") or syntax
            found.append(Offer(MediaType(_current(part.name), part.parameters, media_type.q), syntax, True))
        elif media_type.name == "*/*":
            found += [Offer(media_type, syntax, True), Offer(media_type, syntax, False)]
        else:
            renamed = MediaType(_current(media_type.name), media_type.parameters, media_type.q)
            found.append(Offer(renamed, syntax, False))
    return found


def instance_syntaxes(wanted: Sequence[Offer], stored: str) -> list[str]:
    """Return the transfer syntaxes an instance may be given in to whom accepts these offers, best first.

    To whom does not name all that it takes, what turns out not to convert goes out as it is stored.
    """
    found = [
        (-offer.q, syntax != stored, syntax)
        for offer in wanted
        if offer.q and (syntax := _instance_syntax(offer.transfer_syntax, stored))
    ]
    syntaxes = [syntax for *_, syntax in sorted(found, key=lambda each: each[:2])]
    named = all(offer.transfer_syntax not in ("", ANY) for offer in wanted)
    return list(dict.fromkeys(syntaxes if named or not syntaxes else [*syntaxes, stored]))


def frame_forms(wanted: Sequence[Offer], stored: str, *, single: bool) -> list[Form]:
    """Return the forms frames can be given in, best first; last, should they not convert to a default, as stored.

    Args:
        wanted: what the client accepts.
        stored: the transfer syntax of the frames as stored, Explicit VR Little Endian of native ones.
        single: only one frame is asked for, so that it needs no multipart.
    """
    found: dict[Form, tuple[float, bool]] = {}
    refused = {offer.media_type.name for offer in wanted if not offer.q}
    for offer in wanted:
        if offer.q and (offer.multipart or single):
            for name, syntax in _frame_types(offer, stored):
                if name in refused:
                    continue
                form = Form(name, syntax, offer.multipart)
                found.setdefault(form, (-offer.q, syntax != stored))
    stored_type = _type_of(stored)
    last = [
        Form(stored_type, stored, offer.multipart)
        for offer in wanted
        if offer.q
        and not offer.transfer_syntax
        and (offer.multipart or single)
        and offer.media_type.covers(stored_type)
    ]
    return list(dict.fromkeys((*sorted(found, key=lambda form: found[form]), *last)))


def not_acceptable(what: str) -> Problem:
    """Return the answer to a client that takes nothing of what there is."""
    return Problem(406, f"{what} cannot be given in any of the media types and transfer syntaxes that are accepted")


def _instance_syntax(asked: str, stored: str) -> str | None:
    if asked == ANY:
        return EXPLICIT_LE_UID if stored in _NEVER else stored
    if asked in _NEVER:
        return None
    if asked:
        return asked if asked == stored or asked in targets_of(stored) else None
    if stored in _LOSSY or EXPLICIT_LE_UID not in targets_of(stored):
        return stored
    return EXPLICIT_LE_UID


def _frame_types(offer: Offer, stored: str) -> Iterator[tuple[str, str]]:
    """Yield media type and transfer syntax of the frames an offer allows."""
    asked, wanted = offer.transfer_syntax, offer.media_type
    stored_type = _type_of(stored)
    if wanted.name == OCTETS:
        if asked == ANY:
            yield OCTETS, stored
        elif asked in ("", EXPLICIT_LE_UID) or asked == stored:
            yield OCTETS, asked or EXPLICIT_LE_UID
        return
    covered = {name: syntaxes for name, syntaxes in IMAGE_SYNTAXES.items() if wanted.covers(name)}
    if wanted.covers(stored_type) and (asked in (ANY, stored) or (not asked and _is_given_as_stored(stored, wanted))):
        yield stored_type, stored
    if not asked and wanted.covers(OCTETS) and stored not in _LOSSY:
        yield OCTETS, EXPLICIT_LE_UID
    if wanted.name in covered:
        default = covered[wanted.name][0]
        if asked in ("", ANY):
            yield wanted.name, default
        elif asked in covered[wanted.name]:
            yield wanted.name, asked
    elif asked in ("", ANY) and covered and not wanted.covers(stored_type):
        yield from ((name, syntaxes[0]) for name, syntaxes in covered.items())
    elif asked and asked != ANY:
        yield from ((name, asked) for name, syntaxes in covered.items() if asked in syntaxes)


def _is_given_as_stored(stored: str, wanted: MediaType) -> bool:
    """Return whether frames go out as stored though no transfer syntax was asked for."""
    if wanted.name in IMAGE_SYNTAXES:
        return stored == IMAGE_SYNTAXES[wanted.name][0] or stored in _LOSSY
    return stored in _LOSSY or wanted.name == "image/*" or stored == EXPLICIT_LE_UID


def _type_of(transfer_syntax: str) -> str:
    return next((name for name, syntaxes in IMAGE_SYNTAXES.items() if transfer_syntax in syntaxes), OCTETS)


def _part_type(media_type: MediaType) -> MediaType:
    text = media_type.parameters.get("type", "*/*")
    try:
        return parse_media_type(text)
    except ValueError as exc:
        raise Problem(400, f"Accept: {exc}") from exc


def _current(name: str) -> str:
    return OLDER_NAMES.get(name, name)
