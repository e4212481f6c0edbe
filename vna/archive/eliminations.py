"""Eliminations from proposal to certificate: who may do what, when, and what becomes of it.

    proposed -> opinions -> approved or waiting -> executing -> destroying -> certified
    proposed, opinions -> refused;  proposed, opinions, approved, waiting -> cancelled

- **proposed**: the list is frozen (vna.archive.bordereau); nobody has decided.
- **opinions**: some of the roles that the profile names have agreed, in its order, each by another person; who proposed
  is none of them. One that does not agree ends it: **refused**.
- **waiting**: all have agreed, and the waiting time runs. **approved**: it is over, and it may be carried out.
- **executing**: something went. Every item was evaluated again just before; what is not due any more, or held, is kept.
- **destroying**: no item is left to decide on, and some place has not attested yet that nothing is left there.
- **certified**: all have, and the certificate is signed.

Items that a hold comes over, or that somebody wants kept, leave the list, which says so. Whether a step is in order is
decided once more behind the lock on the journal's position (vna.index.eliminations).
"""

import re
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final

from vna.archive.bordereau import HELD, Draft, Due, Wanted, cause_of, describe, is_free, list_digest, over
from vna.archive.comments import Comments
from vna.archive.holds import Covered, Holds
from vna.archive.recording import person, record_if_due
from vna.archive.rejections import Statement
from vna.archive.retention import Retention
from vna.errors import NotFound, NotPermitted, NotPlausible
from vna.events import (
    EliminationCancelled,
    EliminationDecided,
    EliminationItemsKept,
    EliminationProposed,
    Event,
    StepDecision,
)
from vna.events.persons import same_person
from vna.index import Attestation, Elimination, Index, ListedItem, Step, index_errors, waits_until
from vna.model import InstanceUID, Scope
from vna.retention import Approval, ApprovalKind, Communicable, EliminationAction, Verdict

HISTORICAL: Final = "historical"
SAMPLE: Final = "sample"
KEEPING_CAUSES: Final = (HISTORICAL, SAMPLE, "other")
"""Why somebody may take an item from the list; what takes itself from it has causes of its own."""

_LASTING: Final = (HISTORICAL, SAMPLE)
"""The causes of what is kept for history."""
_REFERENCE = re.compile(r"[\w./:() -]{0,64}")
_OWNER = "elimination-"
_ACTOR = "elimination"


class EliminationState(StrEnum):
    """Where an elimination stands; see above."""

    PROPOSED = "proposed"
    OPINIONS = "opinions"
    WAITING = "waiting"
    APPROVED = "approved"
    EXECUTING = "executing"
    DESTROYING = "destroying"
    CERTIFIED = "certified"
    REFUSED = "refused"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Visa:
    """What a decision refers to: a number, its date, and the signed paper where the archive holds it."""

    number: str = ""
    day: date | None = None
    document: InstanceUID | None = None


@dataclass(frozen=True, slots=True)
class EliminationStanding:
    """An elimination as it stands; `waits_until` is None before all have agreed."""

    elimination: Elimination
    state: EliminationState
    waits_until: datetime | None
    left: int


@dataclass(frozen=True, slots=True)
class EliminationShown:
    """All that is known of an elimination; `comments` are what was written beside its events, by their position.

    `archive` is the uid of the archive. `communicable` tells by number from when on items that are kept for history
    may be communicated, where that is known.
    """

    archive: str
    standing: EliminationStanding
    description: dict[str, Any]
    items: tuple[ListedItem, ...]
    steps: tuple[Step, ...]
    attestations: tuple[Attestation, ...]
    comments: dict[int, str]
    communicable: Mapping[int, Communicable]


class Eliminations:
    """The eliminations of one archive, as far as they are decided on; vna.archive.executing carries them out."""

    def __init__(self, index: Index, comments: Comments, retention: Retention, holds: Holds) -> None:
        self._index, self._comments = index, comments
        self._retention, self._holds = retention, holds

    def propose(self, wanted: Wanted, statement: Statement, now: datetime) -> int:
        """Freeze a list of what is due, and return its number.

        Without `wanted.accepted` it is what may be eliminated automatically: the profile is verified, and visits are
        known. A person may take on these two, and nothing else.

        Raises:
            NotPermitted: no profile is in force, or the one that is eliminates nothing or names nobody who decides.
            NotFound: nothing is due.
        """
        by = person(statement.by)
        found = self._retention.profiles.in_force()
        if found is None:
            raise NotPermitted("no retention profile is in force: vna retention profiles activate")
        number, profile = found
        terms = profile.elimination
        if terms.action is not EliminationAction.PROPOSE or not terms.approvals:
            raise NotPermitted(
                f"profile {profile.name} {profile.version} eliminates nothing, or names nobody to decide"
            )
        draft = self._draft(wanted, now.astimezone(UTC).date())
        if not draft.lines:
            raise NotFound(f"nothing is due that may be proposed{_left_out(draft)}")
        items = tuple(line.item for line in draft.lines)
        event = EliminationProposed(
            owner=_OWNER + secrets.token_hex(16),
            profile=number,
            action=terms.action.value,
            digest=list_digest(items),
            roles=tuple(each.role for each in terms.approvals),
            visas=tuple(each.role for each in terms.approvals if _needs_visa(each)),
            wait_days=terms.wait_days,
            max_per_day=terms.max_per_day,
            accepted=tuple(sorted(each.value for each in wanted.accepted)),
            items=items,
        )
        detail = describe(draft, profile, now.astimezone(UTC).date(), wanted) | {"comment": statement.comment}
        payload = self._comments.pack_detail(event.owner, detail)
        proposed = record_if_due(self._index, event, by, payload)
        if proposed is None:
            raise NotPermitted("something of it has been proposed meanwhile: look at vna elimination list")
        self._keep_sample(proposed, items, terms.sample_every, by)
        return proposed

    def all(self, now: datetime) -> list[EliminationStanding]:
        """Return all eliminations, oldest first."""
        with index_errors():
            return [self._standing(each, now) for each in self._index.eliminations.all()]

    def runnable(self, now: datetime) -> list[EliminationStanding]:
        """Return those that something is left to be done of, and that may be carried out now."""
        may = (EliminationState.APPROVED, EliminationState.EXECUTING, EliminationState.DESTROYING)
        return [each for each in self.all(now) if each.state in may]

    def standing(self, number: int, now: datetime) -> EliminationStanding:
        """Return how one stands.

        Raises:
            NotFound: there is none of this number.
        """
        with index_errors():
            found = self._index.eliminations.one(number)
            if found is None:
                raise NotFound(f"there is no elimination {number}; vna elimination list lists them")
            return self._standing(found, now)

    def show(self, number: int, now: datetime) -> EliminationShown:
        """Return all that is known of one.

        Raises:
            NotFound: there is none of this number.
        """
        standing = self.standing(number, now)
        reader = self._index.eliminations
        with index_errors():
            items, steps = reader.items(number), reader.steps(number)
            positions = {*(step.position for step in steps), *(item.kept_at for item in items if item.kept_at)}
            comments = {at: text for at in sorted(positions) if (text := self._comment(at))}
            attestations, archive = tuple(reader.attestations(number)), self._index.journal.archive()
        description = self.description(number)
        open_after = self._communicable(items)
        return EliminationShown(
            archive, standing, description, tuple(items), tuple(steps), attestations, comments, open_after
        )

    def description(self, number: int) -> dict[str, Any]:
        """Return what the list was described with when it was proposed (vna.archive.bordereau)."""
        with index_errors():
            kept = self._index.eliminations.payload(number)
        return {} if kept is None else self._comments.read_detail(kept.data, kept.base)

    def decide(
        self, number: int, role: str, decision: StepDecision, statement: Statement, visa: Visa | None = None
    ) -> int:
        """Record what a person decides in a role; return the position. Items under a new hold leave the list first.

        Raises:
            NotFound: there is none of this number, or nothing is held of the paper.
            NotPermitted: it is not this role's turn, this person has had a part in it, or all is decided.
            NotPlausible: the visa has no number or date, or what is said is none.
        """
        by, visa = person(statement.by), visa or Visa()
        found = self.standing(number, datetime.now(UTC)).elimination
        self._check_turn(found, role, by)
        self._check_visa(visa, is_needed=decision is StepDecision.FAVOURABLE and role in found.visas)
        self.release_held(number, datetime.now(UTC).date())
        when = visa.day.isoformat() if visa.day else ""
        event = EliminationDecided(number, role, decision, visa.number, when, visa.document or "")
        return self._record(found, event, Statement(by, statement.comment))

    def keep(self, number: int, scopes: Sequence[Scope], cause: str, statement: Statement) -> int:
        """Take items from the list, which are kept; return the position.

        Raises:
            NotFound: there is none of this number.
            NotPlausible: it is none of KEEPING_CAUSES.
            NotPermitted: something is no item, was kept or has gone; or all is over.
        """
        if cause not in KEEPING_CAUSES or not scopes:
            raise NotPlausible(f"say which items, and why they are kept: {', '.join(KEEPING_CAUSES)}")
        found = self.standing(number, datetime.now(UTC)).elimination
        return self._record(found, EliminationItemsKept(number, tuple(scopes), cause, ()), statement)

    def cancel(self, number: int, statement: Statement) -> int:
        """End an elimination of which nothing went; return the position.

        Raises:
            NotFound: there is none of this number.
            NotPermitted: it has begun, or is over.
        """
        found = self.standing(number, datetime.now(UTC)).elimination
        return self._record(found, EliminationCancelled(number), statement)

    def release_held(self, number: int, on: date) -> int:
        """Take what a hold stands over from the list, and return how many items that are."""
        with index_errors():
            items = [item for item in self._index.eliminations.items(number) if item.stands]
        covers = {hold.number: _with_studies(self._holds.covered(hold)) for hold in self._holds.standing(on)}
        taken = 0
        for item in items if covers else ():
            holds = tuple(sorted(hold for hold, covered in covers.items() if _is_among(item.scope, covered)))
            if holds:
                taken += self.keep_item(number, item.scope, HELD, holds)
        return taken

    def keep_item(self, number: int, scope: Scope, cause: str, holds: tuple[int, ...] = ()) -> bool:
        """Take one item from the list because of what has become of it; return whether it was on it until now."""
        event = EliminationItemsKept(number, (scope,), cause, holds)
        return record_if_due(self._index, event, _ACTOR) is not None

    def _draft(self, wanted: Wanted, on: date) -> Draft:
        draft = Draft()
        with index_errors():
            listed = self._index.eliminations.listed_studies()
        for verdict in self._retention.candidates(on):
            for due in over(verdict):
                if wanted.before is not None and due.retain_until >= wanted.before:
                    continue
                if len(draft.lines) >= wanted.limit or not self._weigh(draft, verdict, due, wanted, listed):
                    return draft
        return draft

    def _weigh(self, draft: Draft, verdict: Verdict, due: Due, wanted: Wanted, listed: dict[str, int]) -> bool:
        """Put what is due on the list, or leave it out and say why; return whether there was room for it."""
        with index_errors():
            content = self._index.listing.content(due.scope)
        if wanted.modality and wanted.modality not in content.modalities:
            return True
        if wanted.establishment and wanted.establishment not in content.institutions:
            return True
        if due.scope.study in listed:
            draft.leave_out(due, f"elimination {listed[due.scope.study]}")
        elif not is_free(verdict, due, frozenset(wanted.accepted)):
            draft.leave_out(due, cause_of(due))
        elif content.instances:
            return draft.take(due, content)
        return True

    def _keep_sample(self, number: int, items: Sequence[Any], every: int, by: str) -> None:
        scopes = tuple(item.scope for item in items[every - 1 :: every]) if every else ()
        if scopes:
            record_if_due(self._index, EliminationItemsKept(number, scopes, SAMPLE, ()), by)

    def _communicable(self, items: Iterable[ListedItem]) -> dict[int, Communicable]:
        studies = {item.number: item.scope.study for item in items if item.cause in _LASTING}
        known = self._retention.communicable(studies.values())
        return {number: known[study] for number, study in studies.items() if study in known}

    def _standing(self, found: Elimination, now: datetime) -> EliminationStanding:
        until = waits_until(found.approved_time, found.wait_days) if found.approved_time else None
        left = self._index.eliminations.standing(found.number)
        state = EliminationState(found.state)
        if state is EliminationState.APPROVED and until is not None and now < until:
            state = EliminationState.WAITING
        if state is EliminationState.EXECUTING and not left:
            state = EliminationState.DESTROYING
        return EliminationStanding(found, state, until, left)

    def _check_turn(self, found: Elimination, role: str, by: str) -> None:
        with index_errors():
            steps = self._index.eliminations.steps(found.number)
        if found.state not in (EliminationState.PROPOSED, EliminationState.OPINIONS):
            raise NotPermitted(f"elimination {found.number} is {found.state}: nothing is left to decide")
        if role != found.roles[len(steps)]:
            raise NotPermitted(f"the next to decide on elimination {found.number} is {found.roles[len(steps)]}")
        if any(same_person(by, each) for each in (found.actor, *(step.actor for step in steps))):
            raise NotPermitted(f"{by} has proposed elimination {found.number} or decided on it: another one has to")

    def _check_visa(self, visa: Visa, *, is_needed: bool) -> None:
        if is_needed and not (visa.number.strip() and visa.day):
            raise NotPlausible("this role gives a visa: it needs a number and a date")
        if not _REFERENCE.fullmatch(visa.number):
            raise NotPlausible("the number of a visa has at most 64 letters, digits and . / : ( ) - _")
        if visa.day is not None and visa.day > datetime.now(UTC).date():
            raise NotPlausible("the date of a visa has not come yet")
        if visa.document is not None:
            with index_errors():
                if not self._index.rejections.scopes(None, None, visa.document):
                    raise NotFound(f"nothing is held of the paper {visa.document}: store it first")

    def _record(self, found: Elimination, event: Event, statement: Statement) -> int:
        payload = self._comments.pack(found.owner, statement.comment.strip())
        position = record_if_due(self._index, event, person(statement.by), payload)
        if position is None:
            state = self.standing(found.number, datetime.now(UTC)).state
            raise NotPermitted(f"this cannot be done to elimination {found.number} as it stands now: it is {state}")
        return position

    def _comment(self, position: int) -> str:
        kept = self._index.eliminations.payload(position)
        return self._comments.read(kept)


def _left_out(draft: Draft) -> str:
    """Return what was left out of a list in the making, by cause, to be put behind a sentence."""
    causes = Counter(str(each["cause"]) for each in draft.excluded)
    return f"; left out: {', '.join(f'{count} {cause}' for cause, count in sorted(causes.items()))}" if causes else ""


def _needs_visa(approval: Approval) -> bool:
    return approval.reference or approval.kind is ApprovalKind.VISA


def _with_studies(covered: Covered) -> Covered:
    """Return what a hold covers, and, for items that are whole studies, each study that something of is covered."""
    return covered | {(study, "") for study, _ in covered}


def _is_among(scope: Scope, covered: Covered) -> bool:
    """Return whether a hold that covers these stands over a scope."""
    return (scope.study, None) in covered or (scope.study, scope.series or "") in covered
