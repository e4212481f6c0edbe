"""Pixels that look like an image: smooth, with noise and an edge, the same for the same seed."""

import numpy as np

from storage_backends import PixelShape


def image(shape: PixelShape, *, frames: int = 1, seed: int = 0, noise: int = 3) -> bytes:
    """Return native pixel data of `frames` frames."""
    random = np.random.default_rng(seed)
    size = (frames, shape.rows, shape.columns, shape.samples)
    rows, columns = np.ogrid[: shape.rows, : shape.columns]
    smooth = (rows // 3 + columns // 2 + 40 * (columns > shape.columns // 2))[None, :, :, None]
    values = smooth + random.integers(-noise, noise + 1, size)
    kind = f"{shape.byte_order}u{shape.item_size}"
    return bytes(values.astype(f"u{shape.item_size}").astype(kind).tobytes())
