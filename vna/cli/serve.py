"""`vna serve`."""

import typer

from vna import node
from vna.cli.options import Config, read_settings


def serve(context: typer.Context, config: Config = None) -> None:
    """Run the node in the foreground.

    Ctrl-C or SIGTERM stops it: nothing new is taken, what was begun is finished.
    """
    node.serve(read_settings(context, config), typer.echo)
