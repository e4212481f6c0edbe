"""What a check may find, and how it says so."""

from enum import StrEnum


class Verdict(StrEnum):
    """The outcome of a check."""

    PASSED = "pass"
    FAILED = "fail"
    """The node does what the section forbids, or not what it demands."""
    NOT_SUPPORTED = "not supported"
    """The section leaves it open, and the node does not offer it."""
    SKIPPED = "skipped"
    """The check could not be made: something it needs was not given, or was refused before."""


class Failed(Exception):
    """The node's answer is not what the section demands; the message says what came instead."""


class NotSupported(Exception):
    """The node does not offer what is optional."""


class Skipped(Exception):
    """The check cannot be made; the message says what it lacks."""


def expect(holds: object, otherwise: str) -> None:
    """Fail with a sentence unless something holds.

    Raises:
        Failed: it does not.
    """
    if not holds:
        raise Failed(otherwise)


def expect_equal(found: object, wanted: object, what: str) -> None:
    """Fail unless two values are equal.

    Raises:
        Failed: they are not; the message has both.
    """
    if found != wanted:
        raise Failed(f"{what}: {found!r} instead of {wanted!r}")


def counted(number: int, one: str, several: str) -> str:
    """Return a number with what is counted.

    >>> counted(1, "study", "studies"), counted(2, "study", "studies")
    ('1 study', '2 studies')
    """
    return f"{number} {one if number == 1 else several}"
