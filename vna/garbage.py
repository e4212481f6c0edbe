"""When Python looks for cyclic garbage: seldom, as next to none is made here.

A search looks at all objects that were made of late, now and then at all there are. At Python's own threshold of 700
that is half of the time it takes to load `vna`, the last one at its end included, and a quarter of that of a rebuild.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_MADE_BETWEEN_SEARCHES = 20_000


def collect_seldom() -> None:
    """Look for garbage less often from now on, and never among what there is by now."""
    gc.freeze()
    gc.set_threshold(_MADE_BETWEEN_SEARCHES, 20, 20)


@contextmanager
def loading() -> Iterator[None]:
    """Load modules without a search, and have them left out of all that follow."""
    gc.disable()
    try:
        yield
    finally:
        collect_seldom()
        gc.enable()
