"""The duties of the lifecycle: carrying out what is due, and watching the clock that says so."""

from collections.abc import Iterator
from typing import Final

from vna.archive import Archive
from vna.lifecycle import Lifecycle, Limits
from vna.node.housekeeper import Duty
from vna.settings import LifecycleSettings

_LOOK_AT_CLOCK_S: Final = 60.0


def lifecycle_of(archive: Archive, settings: LifecycleSettings) -> Lifecycle:
    """Return what plans and runs the lifecycle of an archive, within the limits of the settings."""
    return Lifecycle(archive, Limits(settings.max_actions, settings.max_bytes_per_s))


def living(archive: Archive, settings: LifecycleSettings) -> Iterator[Duty]:
    """Yield the duty to watch the clock, and that to run the lifecycle where the settings want it run by itself."""
    yield Duty("clock", min(_LOOK_AT_CLOCK_S, settings.max_clock_jump_s / 2), lambda _stopping: archive.clock.check())
    if settings.run_every_s:
        yield Duty("lifecycle", settings.run_every_s, lifecycle_of(archive, settings).run)
