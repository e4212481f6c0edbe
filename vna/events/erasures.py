"""What events say of payloads that are erased: those of an owner before an event, or of instances in a scope."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import cbor2

from vna.events.eliminations import Eliminated
from vna.events.kinds import InstanceStored, PayloadsErased

ERASING_KINDS: Final = (PayloadsErased.kind, Eliminated.kind)
"""The kinds of event that say so."""


@dataclass(slots=True)
class Erasures:
    """Whose payloads events say are erased; each speaks of those that were kept before it."""

    _owners: dict[str, int] = field(default_factory=dict)
    _scopes: dict[str, list[tuple[int, str | None, str | None]]] = field(default_factory=dict)

    def add(self, position: int, kind: str, body: bytes) -> None:
        """Take what an event says, if it says anything; events come in order."""
        if kind == PayloadsErased.kind:
            self._owners[str(cbor2.loads(body)["owner"])] = position
        elif kind == Eliminated.kind:
            said = cbor2.loads(body)
            self._owners |= dict.fromkeys(map(str, said["owners"]), position)
            study, series, instance = said["scope"]
            self._scopes.setdefault(str(study), []).append((position, series, instance))

    def update(self, events: Iterable[Any]) -> None:
        """Take what events say, each with position, kind and body."""
        for event in events:
            self.add(event.position, event.kind, bytes(event.body))

    @property
    def last(self) -> int:
        """The last event that says that something is erased; 0 if none does."""
        scopes = (position for each in self._scopes.values() for position, _series, _instance in each)
        return max((*self._owners.values(), *scopes), default=0)

    def of_owner(self, owner: str) -> int:
        """Return the last event that says that all which earlier ones kept of an owner is erased; 0 if none does."""
        return self._owners.get(owner, 0)

    def of_event(self, owner: str, position: int, kind: str, body: bytes) -> int:
        """Return the last event that says that the payload of one is erased; 0 if none does.

        Args:
            owner: of the payload.
            position, kind, body: of its event.
        """
        said_at = self.of_owner(owner)
        if said_at < position and kind == InstanceStored.kind and owner in self._scopes:
            said = cbor2.loads(body)
            for scope_at, series, instance in self._scopes[owner]:
                if series in (None, said["series"]) and instance in (None, said["instance"]):
                    said_at = max(said_at, scope_at)
        return said_at if said_at > position else 0
