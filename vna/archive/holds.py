"""Holds: what must be kept whatever any rule says. Placed by one person, released by another one.

A hold on a patient or by query holds what comes later, too; so does one on a study or series that nothing has come of.
Several stand over the same thing, each by itself. One whose last day is over holds nothing any more, without an event.
Days are those of UTC.
"""

import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from vna.archive.comments import Comments
from vna.archive.recording import person, record, record_if_due
from vna.dicom.describe import is_uid
from vna.errors import NotFound, NotPermitted, NotPlausible
from vna.events import HoldDetail, HoldKind, HoldLevel, HoldPlaced, HoldReleased
from vna.events.persons import same_person
from vna.index import Hold, Index, index_errors, parse_hold_query
from vna.model import Scope

Covered = set[tuple[str, str | None]]
"""Studies by UID, and the series that is meant where it is not the whole study."""


@dataclass(frozen=True, slots=True)
class HoldTarget:
    """What is to be held: what one level needs is there, and nothing else.

    `query` are matching keys by keyword, as in an identifier (PS3.4 C.2.2.2).

    Raises:
        NotPlausible: something is missing, is there that does not belong, or is no UID or key.
    """

    study: str = ""
    series: str = ""
    issuer: str = ""
    patient_id: str = ""
    query: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        named = [bool(self.study or self.series), bool(self.issuer or self.patient_id), bool(self.query)]
        if sum(named) != 1:
            raise NotPlausible("a hold is on one thing: a patient, a study, a series or what a query asks for")
        if self.series and not self.study:
            raise NotPlausible("a series is named with its study")
        if any(uid and not is_uid(uid) for uid in (self.study, self.series)):
            raise NotPlausible("what is to be held is not named by a UID")
        if bool(self.issuer) != bool(self.patient_id):
            raise NotPlausible("a patient is named by ID and issuer")
        if self.query:
            try:
                parse_hold_query(self.query)
            except ValueError as exc:
                raise NotPlausible(str(exc)) from exc

    @property
    def level(self) -> HoldLevel:
        """What it names."""
        if self.query:
            return HoldLevel.QUERY
        if self.patient_id:
            return HoldLevel.PATIENT
        return HoldLevel.SERIES if self.series else HoldLevel.STUDY


@dataclass(frozen=True, slots=True)
class HoldTerms:
    """Why and how long: both days inclusive, without a first one from today on, without a last one until released.

    Raises:
        NotPlausible: the reason is missing, or it ends before it begins.
    """

    kind: HoldKind
    reason: str
    case_number: str = ""
    from_date: date | None = None
    until_date: date | None = None

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise NotPlausible("a hold needs a reason")
        if self.until_date is not None and self.until_date < (self.from_date or today_utc()):
            raise NotPlausible("a hold ends on its first day or later")


class Holds:
    """The holds of one archive."""

    def __init__(self, index: Index, comments: Comments) -> None:
        self._index, self._comments = index, comments

    def place(self, target: HoldTarget, terms: HoldTerms, by: str) -> Hold:
        """Place a hold, which stands at once if its first day has come.

        Raises:
            NotPlausible: nobody is named who places it.
        """
        detail = HoldDetail(terms.reason.strip(), terms.case_number, target.issuer, target.patient_id, target.query)
        event = HoldPlaced(
            owner=f"hold-{secrets.token_hex(16)}",
            hold_kind=terms.kind,
            level=target.level,
            study=target.study,
            series=target.series,
            from_date=(terms.from_date or today_utc()).isoformat(),
            until_date=terms.until_date.isoformat() if terms.until_date else "",
        )
        packed = self._comments.pack_detail(event.owner, detail.detail())
        return self.get(record(self._index, event, person(by), packed, detail.detail()))

    def release(self, number: int, by: str, reason: str) -> Hold:
        """Let go of a hold; what others stand over stays held. Returns it as it is now.

        Raises:
            NotFound: there is none of this number, or it was released before.
            NotPermitted: it is the person who placed it.
            NotPlausible: reason or name is missing.
        """
        found = self.get(number)
        if not reason.strip():
            raise NotPlausible("to release a hold needs a reason")
        if same_person(found.actor, person(by)):
            raise NotPermitted(f"hold {number} was placed by the same person: another one has to release it")
        packed = self._comments.pack(self._index.holds.owner(number), reason.strip())
        if record_if_due(self._index, HoldReleased(number), person(by), packed) is None:
            raise NotFound(f"hold {number} was released before, at {self.get(number).released_time[:19]}Z")
        return self.get(number)

    def get(self, number: int) -> Hold:
        """Return the hold of a number, whether it stands or not.

        Raises:
            NotFound: there is none.
        """
        with index_errors():
            found = self._index.holds.at(number)
        if found is None:
            raise NotFound(f"there is no hold {number}; vna hold list --all lists them")
        return found

    def all(self) -> list[Hold]:
        """Return every hold that ever was, oldest first."""
        with index_errors():
            return self._index.holds.all()

    def standing(self, on: date | None = None) -> list[Hold]:
        """Return the holds that stand on a day, oldest first; without one today."""
        return [hold for hold in self.all() if hold.stands(on or today_utc())]

    def over(self, scope: Scope, on: date | None = None) -> tuple[Hold, ...]:
        """Return the holds that stand over a scope on a day: none of it may go while there is one."""
        with index_errors():
            numbers = set(self._index.holds.over(scope, on or today_utc()))
        return tuple(hold for hold in self.all() if hold.number in numbers) if numbers else ()

    def covered(self, hold: Hold) -> Covered:
        """Return what a hold covers of what is held now, shown or not."""
        with index_errors():
            return self._index.holds.covered(hold)

    def why_released(self, hold: Hold) -> str:
        """Return why a hold was released; empty if it was not, or that was erased."""
        if hold.released_at is None:
            return ""
        with index_errors():
            kept = self._index.rejections.comment(hold.released_at)
        return self._comments.read(kept)


def today_utc() -> date:
    """Return the day it is, in UTC."""
    return datetime.now(UTC).date()


def told_hold(hold: Hold) -> dict[str, Any]:
    """Return a hold as JSON tells it."""
    return {**asdict(hold), "query": dict(hold.query), "stands": hold.stands(today_utc())}


def told_covered(covered: Covered) -> list[dict[str, str | None]]:
    """Return what a hold covers as JSON tells it, in order."""
    found = sorted(covered, key=lambda each: (each[0], each[1] or ""))
    return [{"study": study, "series": series} for study, series in found]
