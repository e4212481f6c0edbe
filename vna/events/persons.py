"""Persons as the journal names them: when two names are those of one person, for what takes a second one."""


def same_person(one: str, other: str) -> bool:
    """Return whether two names are those of one person, whatever case and blanks they are written with.

    >>> same_person("Anne  Martin", "anne martin ")
    True
    """
    return one.casefold().split() == other.casefold().split()
