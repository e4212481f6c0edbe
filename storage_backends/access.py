"""How a bucket is reached, whatever asks it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

REQUESTS_AT_ONCE: Final = 16
"""How many small requests a bucket is sent at a time where many are to be made."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a bucket is reached.

    Args:
        endpoint: of a service that is not the cloud's own; http:// is without encryption. Empty for the cloud's.
        region: of the bucket; empty for what the environment says.
        timeout_s: of one request. Nothing is tried again once this long has passed, so that twice this is the most.
        spool: folder of nameless files for what does not fit in memory; None for the system's.
        credentials: those that the environment gave at the opening, by botocore's names; none for the machine's role.
    """

    endpoint: str = ""
    region: str = ""
    timeout_s: float = 20
    spool: Path | None = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
