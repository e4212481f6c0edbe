"""The duties that take care of stored blobs: reading them again, and copying them to replicas."""

from collections.abc import Iterator
from typing import Final

from storage_backends import MAIN
from vna.archive import Archive, LockKeeper, Pace, Reasons, Replicator, Scrubber, locked_stores, store_name
from vna.model import Availability
from vna.node.housekeeper import Duty
from vna.settings import StoreSettings

_SCRUB_EVERY_S: Final = 5.0
"""How soon a round goes on that was broken off."""
_COPY_EVERY_S: Final = 15.0
_LOCK_EVERY_S: Final = 60.0
_RECALL_EVERY_S: Final = 2.0


def caring(archive: Archive, settings: StoreSettings) -> Iterator[Duty]:
    """Yield a duty to each store that reads it again, one to each replica that brings it what it lacks, and recalls.

    Stores with Object Lock have one that renews their locks.
    """
    tiers = [name for name, tier in settings.tier_settings.items() if tier.availability is not Availability.OFFLINE]
    for store in (MAIN, *settings.replica_urls, *tiers):
        if settings.scrub_bytes_per_s:
            scrubber = Scrubber(archive.healer, store, Pace(settings.scrub_bytes_per_s))
            yield Duty(f"scrub-{store_name(store)}", _SCRUB_EVERY_S, scrubber.run)
    for name, bucket in locked_stores(archive.healer.blobs):
        reasons = Reasons(archive.healer.index, archive.retention, archive.holds)
        yield Duty(
            f"lock-{name}",
            _LOCK_EVERY_S,
            LockKeeper(archive.healer.index, bucket, name, reasons, archive.clock.now).run,
        )
    if settings.tiers:
        yield Duty("recall", _RECALL_EVERY_S, archive.tiers.recall)
    for replica in settings.replica_urls:
        yield Duty(f"replicate-{replica}", _COPY_EVERY_S, Replicator(archive.healer, replica).run)
