"""`vna retention profiles list | show | check | propose | activate | export`."""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from vna.archive import KeptProfile, understood_profile
from vna.cli.exits import HELP
from vna.cli.options import LARGEST_NUMBER, AsJson, By, Config, print_json, read_settings, read_text, user_name
from vna.node import open_archive
from vna.retention import Profile, shipped_profiles

app = typer.Typer(
    no_args_is_help=True,
    help="Retention profiles: versioned rules with their citations. One person proposes, another one activates.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A number, NAME@VERSION, the name of the last one, or a shipped one.")
]
ProfileFile = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The profile, as YAML.")]


@app.command("list", epilog=HELP)
def list_profiles(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    """List the profiles that were proposed, and those that come with the node."""
    with closing(open_archive(read_settings(context, config))) as archive:
        kept = archive.retention.profiles.all()
    if as_json:
        print_json({"proposed": [_told(each) for each in kept], "shipped": list(shipped_profiles())})
        return
    for each in kept:
        standing = f"{_standing(each)}, proposed {each.time[:10]} by {each.actor}"
        typer.echo(f"{each.number:>8}  {each.name} {each.version}  {standing}")
    typer.echo(f"Shipped, to be proposed by name: {', '.join(shipped_profiles())}")


@app.command(epilog=HELP)
def show(context: typer.Context, name: Name, config: Config = None, as_json: AsJson = False) -> None:
    """Show what a profile says: its rules, who verified it, and what the law is."""
    with closing(open_archive(read_settings(context, config))) as archive:
        profile = understood_profile(archive.retention.profiles.text(name))
    if as_json:
        print_json(_summary(profile))
        return
    typer.echo(f"{profile.name} {profile.version}: {profile.title} ({profile.jurisdiction})")
    typer.echo(f"Verified: {_verified(profile)}")
    for rule in profile.rules:
        off = "" if rule.enabled else "  (off)"
        typer.echo(f"  {rule.id}  {rule.level}: {rule.keep} from {rule.start}{off}  [{rule.cite}]")
        if rule.note:
            typer.echo(f"      {rule.note}")
    roles = ", then ".join(f"{step.role} ({step.kind})" for step in profile.elimination.approvals)
    typer.echo(f"Elimination: {profile.elimination.action}; decided by {roles or 'nobody'}")


@app.command(epilog=HELP)
def check(file: ProfileFile, as_json: AsJson = False) -> None:
    """See whether a file is a profile; what is wrong is said with its line. Nothing is changed."""
    profile = understood_profile(read_text(file))
    if as_json:
        print_json(_summary(profile))
        return
    rules = f"{len(profile.study_rules) + len(profile.part_rules)} of {len(profile.rules)} rules are on"
    typer.echo(f"{profile.name} {profile.version} is a profile: {rules}; verified: {_verified(profile)}")


@app.command(epilog=HELP)
def propose(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The profile, as YAML; or the name of a shipped one.")],
    by: By = "",
    config: Config = None,
) -> None:
    """Publish a profile. Nothing changes until another person activates it."""
    path, shipped = Path(file), shipped_profiles()
    if not path.is_file() and file not in shipped:
        raise typer.BadParameter(f"{file} is no file, nor one of {', '.join(shipped)}", ctx=context)
    text = read_text(path) if path.is_file() else shipped[file]
    with closing(open_archive(read_settings(context, config))) as archive:
        number = archive.retention.profiles.propose(text, by or user_name())
        kept = archive.retention.profiles.get(number)
        broken = archive.tiers.broken_rules(understood_profile(text))
    typer.echo(f"Proposed {kept.name} {kept.version} as number {number}, by {kept.actor}; {_standing(kept)}.")
    typer.echo(f"Another person brings it into force with: vna retention profiles activate {number} --by NAME")
    for rule, problem in broken.items():
        typer.echo(f"Tier rule {rule} cannot be followed here: {problem}", err=True)


@app.command(epilog=HELP)
def activate(
    context: typer.Context,
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", max=LARGEST_NUMBER, help="The number it was proposed under.")
    ],
    by: By = "",
    config: Config = None,
) -> None:
    """Bring a profile into force in place of the one before: every study is computed again."""
    with closing(open_archive(read_settings(context, config))) as archive:
        kept = archive.retention.profiles.activate(number, by or user_name())
    typer.echo(f"{kept.name} {kept.version} is in force from now on, by {kept.activated_by}.")


@app.command(epilog=HELP)
def export(context: typer.Context, name: Name, config: Config = None) -> None:
    """Write the text of a profile to standard output, to be edited or sent elsewhere."""
    with closing(open_archive(read_settings(context, config))) as archive:
        typer.echo(archive.retention.profiles.text(name), nl=False)


def _standing(kept: KeptProfile) -> str:
    if kept.is_in_force:
        return f"in force since {(kept.active_time or '')[:10]} by {kept.activated_by}"
    return "not in force any more" if kept.active_at is not None else "not activated"


def _verified(profile: Profile) -> str:
    verified = profile.verified
    return f"by {verified.by} on {verified.on}" if verified else "by nobody, so nothing is eliminated automatically"


def _told(kept: KeptProfile) -> dict[str, Any]:
    told = asdict(kept)
    del told["text"]
    return {**told, "in_force": kept.is_in_force}


def _summary(profile: Profile) -> dict[str, Any]:
    elimination = profile.elimination
    return {
        "name": profile.name,
        "version": profile.version,
        "title": profile.title,
        "jurisdiction": profile.jurisdiction,
        "verified": asdict(profile.verified) if profile.verified else None,
        "rules": [
            {
                "id": rule.id,
                "level": rule.level,
                "enabled": rule.enabled,
                "start": rule.start,
                "keep": str(rule.keep),
                "replaces": sorted(rule.replaces),
                "cite": rule.cite,
                "note": rule.note,
            }
            for rule in profile.rules
        ],
        "elimination": {
            "action": elimination.action,
            "approvals": [asdict(step) for step in elimination.approvals],
            "wait_days": elimination.wait_days,
        },
    }
