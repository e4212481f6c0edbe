"""Every check there is, in the order they are made: what stores comes before what asks."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from conformance.checks import (
    commands,
    commitment,
    find_keys,
    find_levels,
    find_rules,
    get,
    move,
    negotiation,
    pdus,
    rejection,
    storage,
    verification,
    web_accept,
    web_caching,
    web_commitment,
    web_content,
    web_missing,
    web_queries,
    web_rendered,
    web_search,
    web_search_rules,
    web_service,
    web_store,
    web_transfer,
    web_uri,
)
from conformance.checks.registry import Check, checks_of

_MODULES = (
    verification,
    negotiation,
    storage,
    find_keys,
    find_levels,
    find_rules,
    get,
    move,
    commitment,
    rejection,
    commands,
    pdus,
    web_store,
    web_search,
    web_queries,
    web_search_rules,
    web_transfer,
    web_content,
    web_accept,
    web_missing,
    web_caching,
    web_rendered,
    web_uri,
    web_commitment,
    web_service,
)

CHECKS: tuple[Check, ...] = tuple(check for module in _MODULES for check in checks_of(module))


def chosen(patterns: Iterable[str]) -> list[Check]:
    """Return the checks whose ID fits one of the patterns (`find.*`), all of them without a pattern."""
    wanted = tuple(patterns)
    return [check for check in CHECKS if not wanted or any(fnmatchcase(check.id, pattern) for pattern in wanted)]
