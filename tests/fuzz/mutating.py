"""Mutations of inputs: what a fuzzer without knowledge of the code tries. The same seed makes the same inputs."""

import random
from collections.abc import Iterator, Sequence

_TELLING = (0, 1, 2, 4, 8, 0x7F, 0x80, 0xFE, 0xFF)
_NUMBERS = (0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)


def mutated(corpus: Sequence[bytes], *, seed: int, longest: int) -> Iterator[bytes]:
    """Yield inputs without end: each is one of the corpus, changed once to eight times."""
    chance = random.Random(seed)
    while True:
        data = bytearray(chance.choice(corpus))
        for _ in range(chance.randint(1, 8)):
            _change(data, corpus, chance)
        yield bytes(data[:longest])


def _change(data: bytearray, corpus: Sequence[bytes], chance: random.Random) -> None:
    at, size = chance.randrange(len(data) + 1), chance.choice((1, 2, 4, 8, 64))
    match chance.randrange(8):
        case 0 if at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        case 1:
            data[at : at + 1] = bytes([chance.choice(_TELLING)])
        case 2:
            order = chance.choice(("little", "big"))
            width = chance.choice((2, 4))
            data[at : at + width] = (chance.choice(_NUMBERS) & (1 << 8 * width) - 1).to_bytes(width, order)
        case 3:
            del data[at : at + size]
        case 4:
            data[at:at] = chance.randbytes(size)
        case 5:
            data[at:at] = data[at : at + size]
        case 6:
            other = chance.choice(corpus)
            begin = chance.randrange(len(other) + 1)
            data[at : at + size] = other[begin : begin + size * 4]
        case _:
            data[at:] = data[at : len(data) if chance.random() < 0.8 else at]
