"""Limiting: what somebody has a right to have hidden (GDPR Article 18) is hidden everywhere, and kept.

In no view is it found, fetched or counted. What arrives in it is taken, and hidden. Where somebody must see it all the
same, the glass is broken: who, when and why is recorded before anything is given out.
"""

from dataclasses import dataclass

from vna.archive.comments import Comments
from vna.archive.recording import person, record
from vna.archive.rejections import Statement
from vna.errors import LimitedBefore, NotFound
from vna.events import Event, GlassBroken, LimitationLifted, Limited
from vna.index import HeldInstance, Index, Limitation, index_errors
from vna.model import Scope


@dataclass(frozen=True, slots=True)
class Opened:
    """What was behind broken glass; `number` is the position of the event that says so."""

    number: int
    instances: tuple[HeldInstance, ...]


class Limitations:
    """The limitations of one archive."""

    def __init__(self, index: Index, comments: Comments) -> None:
        self._index, self._comments = index, comments

    def standing(self) -> list[Limitation]:
        """Return the limitations that stand, oldest first."""
        with index_errors():
            return self._index.limitations.standing()

    def find(self, number: int) -> Limitation:
        """Return a limitation that stands.

        Raises:
            NotFound: none of this number does.
        """
        found = next((each for each in self.standing() if each.number == number), None)
        if found is None:
            raise NotFound(f"no limitation {number} stands; vna limit list tells those that do")
        return found

    def reason(self, number: int) -> str:
        """Return why something was limited, or lifted, or opened; empty if it was erased."""
        with index_errors():
            kept = self._index.rejections.comment(number)
        return self._comments.read(kept)

    def place(self, scope: Scope, statement: Statement) -> int:
        """Hide a scope everywhere from now on, with what arrives in it; return the number of the limitation.

        Raises:
            LimitedBefore: a limitation of just this scope stands.
            NotPlausible: nobody is named who does it.
            ValueError: no reason is given.
        """
        standing = next((each for each in self.standing() if each.scope == scope), None)
        if standing is not None:
            raise LimitedBefore(f"{scope} is limited already: limitation {standing.number} stands")
        return self._record(Limited(scope), scope, statement)

    def lift(self, number: int, statement: Statement) -> Limitation:
        """Let a limitation stand no longer; what nothing else hides is shown as before. Returns what it was.

        Raises:
            NotFound: no limitation of this number stands.
            NotPlausible: nobody is named who does it.
            ValueError: no reason is given.
        """
        limitation = self.find(number)
        self._record(LimitationLifted(number), limitation.scope, statement)
        return limitation

    def open(self, scope: Scope, statement: Statement) -> Opened:
        """Record that somebody breaks the glass, then return what a limitation hides of a scope.

        Raises:
            NotFound: no limitation hides anything of it.
            NotPlausible: nobody is named who does it.
            ValueError: no reason is given.
        """
        with index_errors():
            instances = tuple(self._index.limitations.hidden(scope))
        if not instances:
            raise NotFound(f"no limitation hides anything of {scope}")
        return Opened(self._record(GlassBroken(scope), scope, statement), instances)

    def _record(self, event: Event, scope: Scope, statement: Statement) -> int:
        if not statement.comment.strip():
            raise ValueError("say why: a limitation is placed, lifted and opened for a reason")
        return record(self._index, event, person(statement.by), self._comments.pack(scope.study, statement.comment))
