"""`vna config show`."""

from dataclasses import asdict

import typer

from vna import settings
from vna.cli.exits import HELP
from vna.cli.options import AsJson, Config, print_json, read_settings

app = typer.Typer(help="Show the settings.", no_args_is_help=True)


@app.command("show", epilog=HELP)
def show(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    """Print every setting with its value, what it means and the environment variable that sets it."""
    shown = list(settings.show(read_settings(context, config)))
    if as_json:
        print_json([asdict(setting) for setting in shown])
        return
    for setting in shown:
        changed = "" if setting.value == setting.default else f"  (default: {_text(setting.default)})"
        typer.echo(f"{setting.path} = {_text(setting.value)}{changed}")
        typer.echo(f"    {setting.description} [{setting.variable}]")


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) or "empty"
