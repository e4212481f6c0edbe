"""What an arriving instance amounts to, given what is held under its key (DESIGN section 2).

| same key                                                   | becomes     | served    |
|------------------------------------------------------------|-------------|-----------|
| nothing held                                               | version 1   | it        |
| same digest as a live version                              | nothing new | unchanged |
| differs in encoding only from the served or an aside one   | rendition   | unchanged |
| other content, same source as the served version           | version n+1 | the new   |
| other content, other source                                | version n+1 | unchanged |

A superseded version is not live: when a sender goes back to it, that is a new version again.

While a rejection of the instance, its series or its study stands, `archive.rejected_again` decides:

| setting     | arrives                       | becomes                       | shown     |
|-------------|-------------------------------|-------------------------------|-----------|
| refuse      | anything                      | refused                       | nothing   |
| restore     | same digest as a live version | nothing new, but shown again  | as before |
| restore     | anything else                 | refused                       | nothing   |
| keep-hidden | anything                      | what the table above says     | nothing   |

Where all rejections that stand over it came as notes (IHE RAD TF-3 4.66), the setting is not asked about the first
arrival under a key: a note may come before what it rejects, which is kept hidden. Where all of those notes let a
corrected instance replace what they reject, other content from the same source becomes version n+1 and is shown. A
note itself is always kept, and hidden with what it rejects.

Where an elimination destroyed what the arrival is, or lay in, `archive.eliminated_again` decides on the first arrival
under its key; what was accepted so is held from then on as anything else:

| setting | becomes                                       |
|---------|-----------------------------------------------|
| refuse  | refused                                       |
| accept  | what the tables above say, its study flagged  |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from vna.events.kinds import BlobEntry
from vna.model import EliminatedAgain, InstanceKey, Outcome, RejectedAgain, Source, VersionState


@dataclass(frozen=True, slots=True)
class Arrival:
    """An instance received, scanned and (as far as its blobs were unknown) written to the store.

    `issuer` is that of the patient's identity: of the data set, else of the peer, else the source's name.
    `same_content` holds, by digest of a held version, whether it differs in encoding only; it is
    filled in when the committer asks for it.
    """

    key: InstanceKey
    sop_class_uid: str
    transfer_syntax: str
    digest: str
    size: int
    source: Source
    issuer: str
    recipe: bytes
    blobs: tuple[BlobEntry, ...]
    association: str
    same_content: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeldVersion:
    """A version held under the arriving key; `state` is where it stands but for rejections."""

    version: int
    digest: str
    state: VersionState
    source: str


@dataclass(frozen=True, slots=True)
class Hidden:
    """The arriving key is under these rejections, by number, and what the archive does then.

    `by_notes`: all of them came as notes; `replaceable`: all of these let a corrected instance replace the rejected.
    """

    rejections: tuple[int, ...]
    again: RejectedAgain
    by_notes: bool = False
    replaceable: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """The arriving key was destroyed by these eliminations, oldest first, and what the archive does then."""

    eliminations: tuple[int, ...]
    again: EliminatedAgain


@dataclass(frozen=True, slots=True)
class Decision:
    """What to record; `version` is the number the arrival gets, or the served one's if nothing is new.

    `rejections` stand over it: they no longer hide what becomes `RESTORED` or is `readmitted`, and hide anything else.
    `eliminated` is the last elimination that destroyed what arrives anew, None where there is none.
    """

    outcome: Outcome
    version: int
    rejections: tuple[int, ...] = ()
    readmitted: bool = False
    eliminated: int | None = None

    @property
    def hidden_by(self) -> tuple[int, ...]:
        """The rejections that hide what this is recorded as."""
        return () if self.readmitted or self.outcome is Outcome.RESTORED else self.rejections


@dataclass(frozen=True, slots=True)
class Refuse:
    """The arrival is not kept, because of these rejections."""

    rejections: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RefuseGone:
    """The arrival is not kept, because this elimination destroyed what it is."""

    elimination: int


@dataclass(frozen=True, slots=True)
class Compare:
    """The decision waits for a comparison of contents with these held versions."""

    digests: tuple[str, ...]


def decide(
    arrival: Arrival, held: Sequence[HeldVersion], hidden: Hidden | None = None, gone: Gone | None = None
) -> Decision | Compare | Refuse | RefuseGone:
    """Return what the arrival becomes, or which held versions it must be compared with first."""
    if gone is None or held:
        return _decide_hidden(arrival, held, hidden)
    if gone.again is EliminatedAgain.REFUSE:
        return RefuseGone(gone.eliminations[-1])
    decided = _decide_hidden(arrival, held, hidden)
    return replace(decided, eliminated=gone.eliminations[-1]) if isinstance(decided, Decision) else decided


def _decide_hidden(arrival: Arrival, held: Sequence[HeldVersion], hidden: Hidden | None) -> Decision | Compare | Refuse:
    decided = _decide(arrival, held)
    if hidden is None:
        return decided
    again = hidden.again
    if hidden.by_notes and not held:
        again = RejectedAgain.KEEP_HIDDEN
    if hidden.replaceable and isinstance(decided, Compare):
        return decided
    if hidden.replaceable and isinstance(decided, Decision) and decided.outcome is Outcome.NEW_VERSION:
        return replace(decided, rejections=hidden.rejections, readmitted=True)
    match again, decided:
        case RejectedAgain.KEEP_HIDDEN, Decision():
            return replace(decided, rejections=hidden.rejections)
        case RejectedAgain.KEEP_HIDDEN, Compare():
            return decided
        case RejectedAgain.RESTORE, Decision(outcome=Outcome.ALREADY_STORED):
            return replace(decided, outcome=Outcome.RESTORED, rejections=hidden.rejections)
    return Refuse(hidden.rejections)


def _decide(arrival: Arrival, held: Sequence[HeldVersion]) -> Decision | Compare:
    """Compare it with what is served or aside; a rendition counts as long as what it is another encoding of."""
    served = next((v for v in held if v.state is VersionState.SERVED), None)
    if served is None:
        return Decision(Outcome.STORED, _next_version(held))
    live = [v for v in held if v.state in (VersionState.SERVED, VersionState.ASIDE)]
    if any(v.digest == arrival.digest for v in live):
        return Decision(Outcome.ALREADY_STORED, served.version)
    unknown = tuple(v.digest for v in live if v.digest not in arrival.same_content)
    if unknown:
        return Compare(unknown)
    if any(arrival.same_content[v.digest] for v in live):
        if any(v.digest == arrival.digest and v.state is VersionState.RENDITION for v in held):
            return Decision(Outcome.ALREADY_STORED, served.version)
        return Decision(Outcome.RENDITION, _next_version(held))
    outcome = Outcome.NEW_VERSION if served.source == arrival.source.name else Outcome.ASIDE
    return Decision(outcome, _next_version(held))


def _next_version(held: Sequence[HeldVersion]) -> int:
    return max((v.version for v in held), default=0) + 1
