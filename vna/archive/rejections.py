"""Rejecting: a wrongly sent study, series or instance is hidden, and brought back; nothing is destroyed by it.

What was rejected is not found, fetched or counted, and everything of it is kept, and still verified. Each rejection
is an event and has its number; so has its restoring.
"""

from dataclasses import dataclass

from vna.archive.comments import Comments
from vna.archive.recording import record
from vna.errors import Ambiguous, NotFound, RejectedBefore
from vna.events import Event, Rejected, Restored
from vna.index import Index, Rejection, Visible, index_errors
from vna.model import InstanceUID, RejectionReason, Scope, SeriesUID, StudyUID

_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Statement:
    """Who rejects or restores, and what they say about it: `by` enters the journal, the comment can be erased."""

    by: str
    comment: str = ""


class Rejections:
    """The rejections of one archive."""

    def __init__(self, index: Index, comments: Comments) -> None:
        self._index, self._comments = index, comments

    def named(
        self, study: StudyUID | None = None, series: SeriesUID | None = None, instance: InstanceUID | None = None
    ) -> Scope:
        """Return what these UIDs name: at the level of the lowest one, which the others may tell from its namesakes.

        Raises:
            NotFound: nothing of the kind is held, shown or not.
            Ambiguous: the UIDs fit in more than one study or series.
            ValueError: no UID is given.
        """
        with index_errors():
            found = self._index.rejections.scopes(study, series, instance)
        if not found:
            raise NotFound(f"nothing is held of {_asked(study, series, instance)}")
        if len(found) > 1:
            shown = "; ".join(str(scope) for scope in found[:_NAMED_AT_MOST])
            more = "; ..." if len(found) > _NAMED_AT_MOST else ""
            raise Ambiguous(f"{_asked(study, series, instance)} is held {len(found)} times, say which: {shown}{more}")
        return found[0]

    def visible(self, scope: Scope) -> Visible:
        """Return how much of a scope is shown, which is what rejecting it would hide."""
        with index_errors():
            return self._index.rejections.visible(scope)

    def hides(self, scope: Scope) -> bool:
        """Return whether something of a scope is held, and hidden by a rejection alone."""
        with index_errors():
            return self._index.rejections.is_rejected(scope)

    def standing(self) -> list[Rejection]:
        """Return the rejections that stand, oldest first."""
        with index_errors():
            return self._index.rejections.standing()

    def of(self, scope: Scope) -> Rejection | None:
        """Return the rejection of just this scope that stands."""
        return next((rejection for rejection in self.standing() if rejection.scope == scope), None)

    def comment(self, number: int) -> str:
        """Return what was written beside a rejection; empty if nothing was, or it was erased."""
        with index_errors():
            kept = self._index.rejections.comment(number)
        return self._comments.read(kept)

    def reject(self, scope: Scope, reason: RejectionReason, statement: Statement) -> int:
        """Hide a scope, and refuse or hide what arrives in it from now on; return the number of the rejection.

        Raises:
            RejectedBefore: a rejection of just this scope stands.
        """
        standing = self.of(scope)
        if standing is not None:
            raise RejectedBefore(f"{scope} is rejected already: rejection {standing.number} stands")
        return self._record(Rejected(scope, reason), scope, statement)

    def restore(self, number: int, statement: Statement) -> Rejection:
        """Let a rejection stand no longer; what no other one hides is shown as before. Returns what it was.

        Raises:
            NotFound: no rejection of this number stands.
        """
        rejection = next((each for each in self.standing() if each.number == number), None)
        if rejection is None:
            raise NotFound(f"no rejection {number} stands; vna rejected lists those that do")
        self._record(Restored(number), rejection.scope, statement)
        return rejection

    def _record(self, event: Event, scope: Scope, statement: Statement) -> int:
        return record(self._index, event, statement.by, self._comments.pack(scope.study, statement.comment))


def _asked(study: StudyUID | None, series: SeriesUID | None, instance: InstanceUID | None) -> str:
    named = {"study": study, "series": series, "instance": instance}
    return " ".join(f"{level} {uid}" for level, uid in named.items() if uid is not None)
