"""Building the tree of a data set out of its values in order."""

from collections.abc import Callable, Iterable

from vna.dicom.elements import Mark
from vna.dicom.text import SPECIFIC_CHARACTER_SET
from vna.dicom.tree import Leaf, Tree
from vna.dicom.values import Bulk, SequenceStart, Token, Value

ReadBulk = Callable[[Bulk], bytes | None]
"""Gives a value that lies in a blob, little endian; None if it is not wanted in the tree."""


def tree_of(tokens: Iterable[Token], read_bulk: ReadBulk) -> Tree:
    """Build the tree of a data set."""
    levels = [Tree()]
    sequences: list[list[Tree]] = []
    for token in tokens:
        level = levels[-1]
        if isinstance(token, Value):
            if not token.fragments:
                level.values[token.tag] = Leaf(token.vr, token.data)
            if token.tag == SPECIFIC_CHARACTER_SET:
                level.charset = token.data.decode("ascii", "replace").strip(" \0")
        elif isinstance(token, Bulk):
            data = None if token.fragments else read_bulk(token)
            if data is not None:
                level.values[token.tag] = Leaf(token.vr, data)
        elif isinstance(token, SequenceStart):
            sequences.append(level.sequences.setdefault(token.tag, []))
        elif token is Mark.ITEM:
            levels.append(Tree(charset=level.charset))
            sequences[-1].append(levels[-1])
        elif token is Mark.ITEM_END:
            levels.pop()
        else:
            sequences.pop()
    return levels[0]
