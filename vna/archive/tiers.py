"""Tiers: in which of the named stores each study lies, and bringing it to another one, by hand or by rules.

Stores are called here as people call them: the main one by its name in the settings.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from threading import Event
from typing import Final

from storage_backends import MAIN
from vna.archive.accesses import Accesses
from vna.archive.placing import Moved, Placer, lacking
from vna.archive.retention_gathering import Gatherer, Needs, StudyCase
from vna.archive.room import Room
from vna.archive.tier_stores import TierStores, Traits, codec_name
from vna.errors import NotFound, NotPlausible, TooFewVerified, VnaError
from vna.index import BlobState, Filling, Index, Lying, Whereabouts, index_errors
from vna.model import Availability, StudyUID
from vna.retention import Place, Placement, Profile, TierAction, TierRule, TierVerb, recall_to, tier_actions

_NOWHERE: Final = Whereabouts()
_NOTHING: Final = Filling(0, 0, 0, 0)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TierStanding:
    """One store: what lies there, and what room is left in bytes, None where there is no telling."""

    store: str
    codec: str
    availability: Availability
    filling: Filling
    free_bytes: int | None
    shortage: str


@dataclass(frozen=True, slots=True)
class StudyPlace:
    """What of a study lies in one store: blobs present and bad, their bytes there; `is_kept` where it is to lie there.

    Where it is kept and `is_complete` is not set, something came in since.
    """

    store: str
    codecs: tuple[str, ...]
    availability: Availability
    is_kept: bool
    is_complete: bool
    blobs: int
    bad: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class StudyStanding:
    """Where a study lies, how soon it can be retrieved, and the day it last was, empty where none is known."""

    study: str
    blobs: int
    availability: Availability
    retrieve_ae_title: str
    last_access: str
    places: tuple[StudyPlace, ...]


class Tiers:
    """Where the studies of one archive lie."""

    def __init__(
        self, index: Index, placer: Placer, accesses: Accesses, in_force: Callable[[], Profile | None]
    ) -> None:
        """Follow the rules of the profile that `in_force` gives."""
        self._index, self.placer, self._in_force = index, placer, in_force
        self.accesses = accesses
        index.reader.nearest = self.stores.nearest_first

    @property
    def stores(self) -> TierStores:
        """The stores there are."""
        return self.placer.stores

    def know(self, main: str, traits: Mapping[str, Traits]) -> None:
        """Say what the settings call the main store, and what they say of each of the others."""
        stores = TierStores(self.placer.blobs, main, traits)
        self.placer.stores = self.accesses.stores = stores
        self._index.reader.nearest = stores.nearest_first
        speaks = any(each.retrieve_ae_title for each in traits.values())
        self._index.finder.soon = stores.soon if speaks or not stores.all_online else None

    def place(self, study: str, store: str, actor: str) -> Moved:
        """Bring all of a study to a store, beside those it lies in; see `Placer.place`."""
        return self.placer.place(study, self.stores.named(store), actor)

    def displace(self, study: str, store: str, actor: str, *, copies: int = 1) -> Moved:
        """Keep a study in a store no longer; see `Placer.displace`."""
        return self.placer.displace(study, self.stores.named(store), copies, actor)

    def move(self, study: str, source: str, target: str, actor: str, *, copies: int = 1) -> Moved:
        """Bring a study from a store to another one; of each blob so many sound copies are left in all.

        Raises:
            NotFound, Damaged, TooFewVerified, Held, OutOfResources: as `Placer.place` and `Placer.displace`; what was
                copied by then stays.
        """
        here, there = self.stores.named(source), self.stores.named(target)
        if here == there:
            raise NotPlausible(f"a study is not moved from {source} to {target}")
        moved = self.placer.place(study, there, actor)
        try:
            return moved + self.placer.displace(study, here, copies, actor)
        except TooFewVerified:  # something may have come in since it was placed
            moved += self.placer.place(study, there, actor)
            return moved + self.placer.displace(study, here, copies, actor)

    def reencode(self, study: str, store: str, actor: str) -> Moved:
        """Write what of a study is not in the codec of a store anew there; see `Placer.reencode`."""
        return self.placer.reencode(study, self.stores.named(store), actor)

    def missing(self, study: str, store: str) -> Moved:
        """Return what bringing a study to a store would copy: blobs, and the bytes they take where they are.

        Raises:
            NotFound: the study is not held, or there is no such store.
        """
        places = lacking(self.placer.lying(study), self.stores.named(store)).values()
        return Moved(len(places), sum(each[0].stored_size for each in places if each))

    def room(self, store: str) -> int | None:
        """Return how many bytes may still be brought to a store; see `Placer.room`.

        Raises:
            NotFound: there is no such store.
            OutOfResources: it cannot be used.
        """
        return self.placer.room(self.stores.named(store))

    def list(self, room: Room) -> tuple[TierStanding, ...]:
        """Return how the stores stand; goes through the rows of all blobs.

        Args:
            room: in the main store, which knows that of the tiers.
        """
        with index_errors():
            fillings = self._index.placements.fillings()
        return tuple(self._standing(store, fillings.get(store, _NOTHING), room) for store in self.stores.every)

    def show(self, study: str) -> StudyStanding:
        """Return where a study lies.

        Raises:
            NotFound: it is not held.
        """
        found = self.placer.lying(study)
        with index_errors():
            access = self._index.placements.last_access(study)
        kept = self.stores.kept(found.placings)
        nearest = self.nearest(kept)
        stores = dict.fromkeys((*self.stores.every, *sorted(_stores_of(found))))
        places = tuple(self._place(found, store, kept) for store in stores)
        told = tuple(place for place in places if place.is_kept or place.blobs or place.bad)
        title, soonest = self.stores.traits(nearest).retrieve_ae_title, self.stores.availability(nearest)
        return StudyStanding(study, len(found.blobs), soonest, title, access, told)

    def nearest(self, kept: frozenset[str]) -> str:
        """Return the store that a study is read from, of those it is kept in."""
        return min(kept, key=self.stores.nearest_first.index, default=MAIN)

    def plan(self, on: date, profile: Profile | None = None) -> Iterator[TierAction]:
        """Go through what the tier rules of a profile, or of that in force, want done on a day; none without rules."""
        profile = profile or self._in_force()
        if profile is None or not profile.tiers.rules:
            return
        with index_errors():
            upto = self._index.retention.last_patient()
        gatherer = Gatherer(self._index, Needs.of(profile))
        for cases in gatherer.all(after=0, upto=upto):
            with index_errors():
                where = self._index.placements.whereabouts([case.study_id for case in cases])
            for case in cases:
                placement = self._placement(where.get(case.study_id, _NOWHERE))
                actions = tier_actions(profile, case.timeline, case.study, placement, on)
                yield from (action for action in actions if self._has_effect(action))

    def broken_rules(self, profile: Profile) -> dict[str, str]:
        """Return what is wrong with enabled tier rules by their ids: stores that are not there, or of another codec."""
        found = {}
        for rule in profile.tiers.rules:
            try:
                if rule.enabled:
                    self._check(rule)
            except (NotFound, NotPlausible) as exc:
                found[rule.id] = str(exc)
        return found

    def waiting_rules(self, profile: Profile) -> dict[str, str]:
        """Return why enabled tier rules cannot be followed now, by their ids: they are broken, or a store is full."""
        found = self.broken_rules(profile)
        for rule in profile.tiers.rules:
            if rule.enabled and rule.id not in found:
                shortage = self.placer.shortage(self.stores.named(rule.target))
                if shortage is not None:
                    found[rule.id] = shortage
        return found

    def carry_out(self, action: TierAction, actor: str) -> Moved:
        """Do what a rule wants; nothing is left to do where it is done already.

        Raises:
            NotFound: the study is not held, or there is no such store.
            NotPlausible: the study is to be in another codec than the store writes.
            Damaged, TooFewVerified, Held, OutOfResources: as `Placer.place` and `Placer.displace`.
        """
        self._check(action)
        match action.verb:
            case TierVerb.MOVE:
                copies = action.min_copies
                return self.move(action.study_uid, action.source, action.target, actor, copies=copies)
            case TierVerb.REENCODE:
                return self.reencode(action.study_uid, action.source, actor)
            case TierVerb.COPY | TierVerb.RECALL:
                return self.place(action.study_uid, action.target, actor)

    def recall(self, stopping: Event) -> int:
        """Bring back what was asked for and is not online, where the rules say so or it cannot be read else.

        Returns how many studies came back; what cannot be brought back now stays asked for.
        """
        with index_errors():
            asked, profile = self._index.placements.asked_for(), self._in_force()
        back = 0
        for study in asked:
            if stopping.is_set():
                break
            try:
                target = self._recall_target(study, profile)
                if target is not None:
                    self.placer.place(study, target, "recall")
                    back += 1
            except NotFound:
                pass  # it is gone
            except VnaError as exc:
                log.warning("a study cannot be brought back now study=%s reason=%s", study, exc)
                continue
            with index_errors():
                self._index.placements.done_with([study])
        return back

    def _check(self, wanted: TierRule | TierAction) -> None:
        """Refuse what the settings do not allow: the codec is that of the store, which a rule may only confirm."""
        self.stores.named(wanted.source)
        codec = self.stores.codec(self.stores.named(wanted.target))
        if wanted.codec and wanted.codec != codec:
            raise NotPlausible(f"store {wanted.target} writes {codec}, and the rule wants {wanted.codec}")

    def _recall_target(self, study: str, profile: Profile | None) -> str | None:
        """Return the store a study is to come back to, None where it is to stay."""
        kept = self.stores.kept(self.placer.lying(study).placings)
        source = self.nearest(kept)
        if self.stores.availability(source) is Availability.ONLINE:
            return None
        case = None if profile is None else self._case(StudyUID(study), profile)
        if profile is not None and case is not None:
            target = recall_to(profile, case.timeline, case.study, self.stores.label(source))
            if target:
                return self.stores.named(target)
        return MAIN if self.stores.availability(source) is Availability.OFFLINE else None

    def _case(self, study: StudyUID, profile: Profile) -> StudyCase | None:
        with index_errors():
            _, cases = Gatherer(self._index, Needs.of(profile)).of(self._index.retention.patients_of([study]))
        return next((case for case in cases if case.study.uid == study), None)

    def _placement(self, where: Whereabouts) -> Placement:
        """Return what rules look at: the stores a study lies in, and those it is to leave still with what came since.

        Of the codec nothing is said: whether there is something to be re-encoded is seen where a rule asks.
        """
        said = {placing.store: placing for placing in where.placings}
        lies = set(self.stores.kept(where.placings))
        lies -= {store for store in lies if store in said and said[store].upto < where.newest and store in self._tiers}
        main = said.get(MAIN)
        if main is not None and not main.kept and main.upto < where.newest:
            lies.add(MAIN)
        places = tuple(
            Place(self.stores.label(store), online=self.stores.availability(store) is Availability.ONLINE)
            for store in self.stores.every
            if store in lies
        )
        online = {s for s in self.stores.every if self.stores.availability(s) is Availability.ONLINE}
        access = date.fromisoformat(where.last_access) if where.last_access else None
        return Placement(places, access, frozenset(map(self.stores.label, online)))

    @property
    def _tiers(self) -> Sequence[str]:
        return self.stores.names.tiers

    def _has_effect(self, action: TierAction) -> bool:
        if action.verb is not TierVerb.REENCODE:
            return True
        store = self.stores.named(action.source)
        places = [place for each in self.placer.lying(action.study_uid).blobs.values() for place in each]
        return any(blob.store == store and codec_name(blob.codec) != action.codec for blob, _ in places)

    def _standing(self, store: str, filling: Filling, room: Room) -> TierStanding:
        watched = room.at(store) if store == MAIN or store in self._tiers else None
        shortage = watched.shortage() if watched else None
        space = watched.space() if watched and not shortage else None
        free = space.free if space else None
        label, codec = self.stores.label(store), self.stores.codec(store)
        return TierStanding(label, codec, self.stores.availability(store), filling, free, shortage or "")

    def _place(self, found: Lying, store: str, kept: frozenset[str]) -> StudyPlace:
        places = [each for blobs in found.blobs.values() for each in blobs if each[0].store == store]
        present = [blob for blob, state in places if state is BlobState.PRESENT]
        return StudyPlace(
            store=self.stores.label(store),
            codecs=tuple(sorted({codec_name(blob.codec) for blob in present})),
            availability=self.stores.availability(store),
            is_kept=store in kept,
            is_complete={blob.digest for blob in present} == found.blobs.keys(),
            blobs=len(present),
            bad=sum(state is BlobState.BAD for _, state in places),
            stored_bytes=sum(blob.stored_size for blob in present),
        )


def _stores_of(found: Lying) -> set[str]:
    return {blob.store for places in found.blobs.values() for blob, _ in places}
