"""The duties of a node's housekeeper, made out of the settings."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

from vna.archive import Sealer
from vna.journal import SigningKey
from vna.node.housekeeper import Duty
from vna.node.journal import open_sealer
from vna.settings import Settings


def duties(settings: Settings, key: SigningKey, stack: ExitStack) -> Iterator[Duty]:
    """Yield what this node's housekeeper is to do; what the duties hold open is given to `stack`."""
    sealer = open_sealer(settings)
    if sealer is not None:
        stack.callback(sealer.close)
        yield _sealing(sealer, key, settings.journal.seal_every_s)


def _sealing(sealer: Sealer, key: SigningKey, every_s: float) -> Duty:
    """Seal the journal, and sign its head once a day; what is not sealed now is sealed with the next ones."""

    def seal() -> None:
        sealer.seal()
        now = datetime.now(UTC)
        if sealer.signed_on() != now.date():
            sealer.sign(key, now)

    return Duty("seal", every_s, lambda _stopping: seal(), at_the_end=True)
