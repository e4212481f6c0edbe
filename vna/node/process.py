"""How the process of a node is set up, once at start: its memory, and how its threads take turns.

Buffers of half a megabyte come and go for every image. The C library would hand each back to the
system and get it again page by page, which costs more than what is done in it: with these limits
decoding a 512x512 slice takes 2 page faults instead of 15 to 30, and two threads decode 1.5 times as
fast. A collection of cyclic garbage looks at many objects that live as long as the node. And a thread
that comes back from disk or from compressing waits its turn behind one that runs Python: 5 ms by
default, as long as a whole instance takes.
"""

import ctypes
import os
import sys

from vna.garbage import collect_seldom

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h of the GNU C library
_KEPT_BYTES = 64 * 2**20
_LARGEST_FROM_HEAP = 32 * 2**20
_ARENAS = 2
_TURN_S = 0.001
_NOT_FOR_OTHERS = 0o027


def set_up_process() -> None:
    """Keep freed memory for the next image, collect garbage less often, let threads take turns sooner.

    And let nobody else read the files this process makes: they hold patients' data.
    """
    os.umask(_NOT_FOR_OTHERS)
    sys.setswitchinterval(_TURN_S)
    collect_seldom()
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another C library
        return
    mallopt(_M_ARENA_MAX, _ARENAS)
    mallopt(_M_MMAP_THRESHOLD, _LARGEST_FROM_HEAP)
    mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
