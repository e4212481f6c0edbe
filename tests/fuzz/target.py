"""What a fuzz target is: a function that takes any bytes and raises on nothing but a mistake of ours."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass


class Finding(Exception):
    """A target has seen something that must not be."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is tried, the inputs to begin with, and how many bytes an input has at most."""

    run: Callable[[bytes], None]
    corpus: Callable[[], Iterable[bytes]]
    longest: int = 16_384
