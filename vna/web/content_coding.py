"""Content codings: in which compressed form a client takes an answer (RFC 9110 12.5.3)."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request

CODINGS: Final = ("zstd", "br", "gzip")
"""The codings known here, best first."""


def choose_coding(request: Request, offered: Sequence[str] = CODINGS) -> str:
    """Return the coding of `offered` that the client likes best, empty for none.

    Of those it likes as well the first offered one is taken. What it writes wrongly is passed over.
    """
    qualities = dict(_qualities(",".join(request.headers.getlist("accept-encoding"))))
    rest = qualities.get("*", 0.0)
    best = max(offered, key=lambda coding: qualities.get(coding, rest), default="")
    return best if qualities.get(best, rest) > 0 else ""


def _qualities(header: str) -> list[tuple[str, float]]:
    found = []
    for part in header.split(","):
        coding, _, quality = part.partition(";")
        value = quality.strip().removeprefix("q=")
        try:
            found.append((coding.strip().lower(), float(value) if value else 1.0))
        except ValueError:
            continue
    return found
