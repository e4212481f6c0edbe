"""The stores of an archive as rules and people name them: how soon each gives what lies in it, and which is nearest."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from storage_backends import CODECS, MAIN, BlobStore
from vna.errors import NotFound
from vna.index import Placing, StoreNames
from vna.model import Availability


def codec_name(suffix: str) -> str:
    """Return what settings and rules call the codec that blobs are kept in; one unknown here by its suffix."""
    return CODECS[suffix].name.lower() if suffix in CODECS else suffix


@dataclass(frozen=True, slots=True)
class Traits:
    """What the settings say of a store; `retrieve_ae_title` (0008,0054) is empty for the node itself."""

    availability: Availability = Availability.ONLINE
    retrieve_ae_title: str = ""


_ORDINARY: Final = Traits()


class TierStores:
    """The stores of one archive by name. Without traits a store is online; the main one is called `main`."""

    def __init__(self, blobs: BlobStore, main: str = "main", traits: Mapping[str, Traits] | None = None) -> None:
        self._blobs, self.main, self._traits = blobs, main, dict(traits or {})
        self.names = StoreNames((MAIN, *blobs.replicas), tuple(blobs.tiers))
        self.every = (MAIN, *blobs.tiers, *blobs.replicas)
        self._soon = {store: self._traits.get(store, _ORDINARY).availability for store in self.every}
        self.nearest_first = tuple(sorted(self.every, key=self._soon.__getitem__))
        """All stores in the order they are to be read from: by how soon they answer, then as the settings have them."""
        self.all_online = max(self._soon.values()) is Availability.ONLINE

    def availability(self, store: str) -> Availability:
        """Return how soon a store gives what lies in it; one that the settings do not name, not by itself."""
        return self._soon.get(store, Availability.OFFLINE)

    def traits(self, store: str) -> Traits:
        """Return what the settings say of a store."""
        return self._traits.get(store, _ORDINARY)

    def soon(self, placings: Sequence[Placing]) -> tuple[str, str]:
        """Return Instance Availability, and Retrieve AE Title where it is not the node's own, of what lies so."""
        nearest = min(self.kept(placings), key=self.nearest_first.index, default="")
        return self.availability(nearest).name, self.traits(nearest).retrieve_ae_title

    def codec(self, store: str) -> str:
        """Return the codec that a store writes, as settings and rules call it."""
        return self._blobs.at(store).codec.name.lower()

    def label(self, store: str) -> str:
        """Return what people call a store."""
        return store or self.main

    def named(self, label: str) -> str:
        """Return the store that people call so.

        Raises:
            NotFound: there is none.
        """
        store = MAIN if label == self.main else label
        if label and store in self.every:
            return store
        raise NotFound(f"there is no store {label}; there are {', '.join(map(self.label, self.every))}")

    def kept(self, placings: Iterable[Placing]) -> frozenset[str]:
        """Return the stores that a study is kept in, of those there are."""
        said = {placing.store: placing.kept for placing in placings}
        full = {store for store in self.names.full if said.get(store, True)}
        return frozenset(full | {store for store in self.names.tiers if said.get(store, False)})
