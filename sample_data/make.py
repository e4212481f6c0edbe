"""`python -m sample_data.make FOLDER`: writes the collection, or a smaller or larger one, into a folder."""

import argparse
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from pydicom.dataset import Dataset

from sample_data import chu, infirmary, klinikum
from sample_data.files import write
from sample_data.identity import Seed
from sample_data.sizes import SIZES, Size


def instances(seed: Seed, size: Size) -> Iterator[Dataset]:
    """Yield every data set of the collection, study by study."""
    return chain.from_iterable(institution.everything(seed, size) for institution in (chu, infirmary, klinikum))


def make(folder: Path, *, size: str = "small", seed: int = 0) -> Iterator[Path]:
    """Write the collection below a folder and yield each file once it is there.

    The same size and seed give the same bytes, with the same versions of numpy, pydicom, highdicom and Pillow.
    """
    for ds in instances(Seed(seed), SIZES[size]):
        yield write(folder, ds)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.make", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to write; made when missing")
    parser.add_argument("--size", choices=SIZES, default="small", help="how much of everything (default: small)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another number gives other UIDs and noise")
    args = parser.parse_args()
    count = total = 0
    for path in make(args.folder, size=args.size, seed=args.seed):
        count, total = count + 1, total + path.stat().st_size
        if sys.stdout.isatty():
            sys.stdout.write(f"\r{count} files, {total / 1e6:.1f} MB")
            sys.stdout.flush()
    sys.stdout.write(f"\r{count} files, {total / 1e6:.1f} MB\n{args.folder}\n")


if __name__ == "__main__":
    main()
