"""What the documents of the journal are called.

    journal/<first>.cbor.zst                        a segment; `first` is the position of its first event
    payloads/<first>-<last>/<owner>.cbor.zst        what the events of that segment keep of one study or patient
    payloads/<first>-<last>/<owner>--<n>.cbor.zst   the same, where something of it was erased
    journal/heads/<position>.cbor                   a signed head

Positions have twelve digits, so that names in order are positions in order. The folder of the payloads names the last
position too: two that seal at once may reach differently far, and what the one that loses leaves is told from what
counts.
"""

import re

_SEGMENT = re.compile(r"journal/(\d{12})\.cbor\.zst")
_PAYLOADS = re.compile(r"payloads/(\d{12})-(\d{12})/(.+?)(?:--(\d+))?\.cbor\.zst")
_HEAD = re.compile(r"journal/heads/(\d{12})\.cbor")

SEGMENTS = "journal/"
PAYLOADS = "payloads/"
HEADS = "journal/heads/"
PAYLOADS_SUFFIX = ".cbor.zst"


def segment_name(first: int) -> str:
    """Return the name of the segment that begins at a position.

    >>> segment_name(7)
    'journal/000000000007.cbor.zst'
    """
    return f"{SEGMENTS}{first:012}.cbor.zst"


def first_of_segment(name: str) -> int | None:
    """Return the position at which a segment begins; None if it is not the name of one."""
    found = _SEGMENT.fullmatch(name)
    return int(found[1]) if found else None


def payloads_name(first: int, last: int, owner: str, generation: int = 1) -> str:
    """Return the name of the payloads of one owner in the segment of these positions.

    >>> payloads_name(1, 7, "1.2.3", generation=2)
    'payloads/000000000001-000000000007/1.2.3--2.cbor.zst'
    """
    younger = f"--{generation}" if generation > 1 else ""
    return f"{PAYLOADS}{first:012}-{last:012}/{owner}{younger}{PAYLOADS_SUFFIX}"


def payloads_from(first: int) -> str:
    """Return how all names of payloads of segments that begin at a position begin."""
    return f"{PAYLOADS}{first:012}-"


def range_of_payloads(name: str) -> tuple[int, int] | None:
    """Return the positions of the segment that payloads belong to; None if it is not the name of such."""
    found = _PAYLOADS.fullmatch(name)
    return (int(found[1]), int(found[2])) if found else None


def owner_of_payloads(name: str) -> str:
    """Return whose payloads a file holds; nothing if it is not the name of such."""
    found = _PAYLOADS.fullmatch(name)
    return found[3] if found else ""


def generation_of_payloads(name: str) -> int:
    """Return which file of these payloads it is: 1 for the first one, one more each time something of it was erased."""
    found = _PAYLOADS.fullmatch(name)
    return int(found[4] or 1) if found else 0


def head_name(position: int) -> str:
    """Return the name of the signed head at a position."""
    return f"{HEADS}{position:012}.cbor"


def position_of_head(name: str) -> int | None:
    """Return the position a signed head speaks of; None if it is not the name of one."""
    found = _HEAD.fullmatch(name)
    return int(found[1]) if found else None
