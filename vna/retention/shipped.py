"""The profiles that come with the node: examples to copy, each unverified until a site says who has checked it."""

from collections.abc import Mapping
from importlib.resources import files


def shipped_profiles() -> Mapping[str, str]:
    """Return the YAML text of each profile by its file's name without the ending."""
    folder = files("vna.retention") / "profiles"
    texts = {
        each.name.removesuffix(".yaml"): each.read_text() for each in folder.iterdir() if each.name.endswith(".yaml")
    }
    return dict(sorted(texts.items()))
