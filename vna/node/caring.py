"""The duties that take care of stored blobs: reading them again, and copying them to replicas."""

from collections.abc import Iterator
from typing import Final

from storage_backends import MAIN
from vna.archive import Archive, Pace, Replicator, Scrubber, store_name
from vna.node.housekeeper import Duty
from vna.settings import StoreSettings

_SCRUB_EVERY_S: Final = 5.0
"""How soon a round goes on that was broken off."""
_COPY_EVERY_S: Final = 15.0


def caring(archive: Archive, settings: StoreSettings) -> Iterator[Duty]:
    """Yield one duty to each store that reads it again, and one to each replica that brings it what it lacks."""
    for store in (MAIN, *settings.replica_urls):
        if settings.scrub_bytes_per_s:
            scrubber = Scrubber(archive.healer, store, Pace(settings.scrub_bytes_per_s))
            yield Duty(f"scrub-{store_name(store)}", _SCRUB_EVERY_S, scrubber.run)
    for replica in settings.replica_urls:
        yield Duty(f"replicate-{replica}", _COPY_EVERY_S, Replicator(archive.healer, replica).run)
