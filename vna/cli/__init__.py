"""The command line: `vna serve | status | peers | verify | config`."""

from vna.cli.app import main

__all__ = ["main"]
