"""The sample collection, made in this process."""

import gc
import warnings
from pathlib import Path

from sample_data.make import make


def make_collection(folder: Path) -> None:
    """Make the smallest one; what highdicom leaves open goes with the garbage at once, of which Python 3.13 warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for _ in make(folder, size="tiny"):
            pass
        gc.collect()
