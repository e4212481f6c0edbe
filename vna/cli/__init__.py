"""The command line: `vna serve | status | import | export | peers | verify | config`."""

from vna.cli.app import main

__all__ = ["main"]
