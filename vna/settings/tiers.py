"""Tiers: named stores beside the main one, each written as one text.

    NAME=URL;OPTION=VALUE;OPTION=VALUE...

    store.tiers = ["cold=file:///mnt/cold;codec=smallest;availability=nearline",
                   "deep=s3://archive/vna;codec=smallest;lock=compliance;lock-days=365;retrieve-ae=DEEP"]

An environment variable holds the same texts with commas between them, so that no value may hold a comma or a
semicolon; in a URL they are written %2C and %3B.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from vna.model import Availability
from vna.settings.values import parse_ae_title, parse_endpoint, parse_replica

_CODECS: Final = ("raw", "zstd", "dense", "smallest")
_SOON: Final = tuple(each.name.lower() for each in Availability)
_LONGEST_LOCK_DAYS: Final = 36500


@dataclass(frozen=True, slots=True)
class LockSettings:
    """Object Lock of a bucket: its mode, "governance" or "compliance", and the days ahead that objects are locked."""

    mode: str
    days: int


@dataclass(frozen=True, slots=True)
class TierSettings:
    """One tier. The watermark is None where that of the main store holds; endpoint and region likewise."""

    name: str
    url: str
    codec: str = "dense"
    availability: Availability = Availability.ONLINE
    retrieve_ae_title: str = ""
    """Where a client is told to retrieve from (0008,0054); empty for the node itself."""
    lock: LockSettings | None = None
    min_free_percent: float | None = None
    min_free_bytes: int | None = None
    endpoint: str | None = None
    region: str | None = None


def parse_tier(value: str) -> TierSettings:
    """Read the text of one tier.

    Raises:
        ValueError: it is not NAME=URL with known options behind it, each once, or an option's value is wrong.
    """
    place, *options = (part.strip() for part in value.split(";"))
    name, _, url = parse_replica(place).partition("=")
    given: dict[str, str] = {}
    for option in filter(None, options):
        key, _, text = (part.strip() for part in option.partition("="))
        if key not in _OPTIONS:
            raise ValueError(f"{key} is not an option of a tier; there are {', '.join(_OPTIONS)}")
        if key in given or not text:
            raise ValueError(f"{key} needs a value, and one alone")
        given[key] = text
    values = {key: _read_option(key, text) for key, text in given.items()}
    lock = _lock(url, values)
    return TierSettings(name, url, lock=lock, **{_OPTIONS[key][0]: read for key, read in values.items()})


def check_tier(value: str) -> str:
    """Return the text of a tier as it is.

    Raises:
        ValueError: as `parse_tier`.
    """
    parse_tier(value)
    return value


def _read_option(key: str, text: str) -> Any:
    try:
        return _OPTIONS[key][1](text)
    except ValueError as exc:
        raise ValueError(f"{key}: {exc}") from exc


def _lock(url: str, values: dict[str, Any]) -> LockSettings | None:
    """Take the options of the lock out of those given."""
    mode, days = values.pop("lock", "none"), values.pop("lock-days", None)
    if mode == "none":
        if days is not None:
            raise ValueError("lock-days: there is no lock; add lock=governance or lock=compliance")
        return None
    if not url.startswith("s3://"):
        raise ValueError("lock: only an s3:// bucket has Object Lock")
    return LockSettings(mode, 365 if days is None else days)


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be {', '.join(allowed[:-1])} or {allowed[-1]}")
        return text

    return read


def _number(kind: type[int] | type[float], lowest: float, highest: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            raise ValueError("must be a number") from None
        if not lowest <= number <= highest:
            raise ValueError(f"must be {lowest} to {highest}")
        return number

    return read


_OPTIONS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "codec": ("codec", _one_of(*_CODECS)),
    "availability": ("availability", lambda text: Availability[_one_of(*_SOON)(text).upper()]),
    "retrieve-ae": ("retrieve_ae_title", parse_ae_title),
    "lock": ("lock", _one_of("none", "governance", "compliance")),
    "lock-days": ("lock", _number(int, 1, _LONGEST_LOCK_DAYS)),
    "min-free-percent": ("min_free_percent", _number(float, 0, 100)),
    "min-free-bytes": ("min_free_bytes", _number(int, 0, 2**63)),
    "endpoint": ("endpoint", parse_endpoint),
    "region": ("region", str),
}
"""The options as they are written: field of the settings, and what reads the value."""
