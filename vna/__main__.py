"""Lets `python -m vna` stand for `vna`."""

from vna.cli import main

if __name__ == "__main__":
    main()
