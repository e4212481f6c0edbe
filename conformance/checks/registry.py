"""What a check is, and how a module of checks is read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

from conformance.checks.session import Session

Run = Callable[[Session], str | None]
"""Makes a check; returns a remark or nothing. It raises Failed, NotSupported or Skipped, else the node has passed."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `id` is dotted, by service first; `section` is where the standard demands it."""

    id: str
    title: str
    section: str
    run: Run


def check(id_: str, title: str, section: str) -> Callable[[Run], Check]:
    """Make a check of the function below it."""
    return lambda run: Check(id_, title, section, run)


def checks_of(module: ModuleType) -> Iterator[Check]:
    """Yield the checks a module defines, alone or in a tuple of them, in the order of the text."""
    for value in vars(module).values():
        if isinstance(value, Check):
            yield value
        elif isinstance(value, tuple):
            yield from (one for one in value if isinstance(one, Check))
