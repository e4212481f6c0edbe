"""Query parameters of pictures: those of PS3.18 8.3.5, and those of the URI service (PS3.18 9.5.1).

What is no value of a parameter is refused with 400; parameters nobody knows are passed over (PS3.18 8.3).

Beside the standard's there is `overlays=true`, which burns the overlays of an image into its picture.
"""

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from vna.pixels.rendering.request import (
    DEFAULT_QUALITY,
    Annotation,
    Function,
    MediaType,
    Options,
    Profile,
    Region,
    Viewport,
    Window,
)
from vna.web.problem import Problem

LONGEST_EDGE: Final = 8192
"""Pixels a viewport may have in a row or column."""

_Chosen = TypeVar("_Chosen")
_NUMBER: Final = re.compile(r"[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)
_WHOLE: Final = re.compile(r"\d{1,9}", re.ASCII)
_FUNCTIONS: Final = {
    "linear": Function.LINEAR,
    "linear-exact": Function.LINEAR_EXACT,
    "sigmoid": Function.SIGMOID,
}
_FLAGS: Final = {"true": True, "false": False}


def options_of(parameters: Mapping[str, str], media_type: MediaType) -> Options:
    """Return how a rendered resource is to look.

    Raises:
        Problem: 400, a parameter has no value that it can have.
    """
    return Options(
        media_type=media_type,
        quality=_quality(parameters, "quality"),
        window=_window(parameters),
        viewport=viewport_of(parameters, regions=True),
        annotations=_annotations(parameters),
        profile=_profile(parameters),
        overlays=_chosen(parameters, "overlays", _FLAGS, default=False),
    )


def uri_options_of(parameters: Mapping[str, str], media_type: MediaType, size: tuple[int, int]) -> Options:
    """Return how a picture of the URI service is to look; `size` are columns and rows of the image.

    Raises:
        Problem: 400, a parameter has no value that it can have.
    """
    return Options(
        media_type=media_type,
        quality=_quality(parameters, "imageQuality"),
        window=_uri_window(parameters),
        viewport=_uri_viewport(parameters, size),
        annotations=_annotations(parameters),
    )


def viewport_of(parameters: Mapping[str, str], *, regions: bool) -> Viewport | None:
    """Return the viewport (PS3.18 8.3.5.1.3), None without one; of thumbnails it has no region.

    Raises:
        Problem: 400, it is none.
    """
    text = parameters.get("viewport")
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not 2 <= len(parts) <= (6 if regions else 2):
        raise Problem(400, "viewport is width,height" + (" or width,height,x,y,width,height" if regions else ""))
    across, down = (whole_number(part, "viewport", 1, LONGEST_EDGE) for part in parts[:2])
    numbers = [_number(part, "viewport") if part else 0.0 for part in parts[2:]]
    if not any(numbers):
        return Viewport(across, down)
    x, y, width, height = (*numbers, 0.0, 0.0, 0.0)[:4]
    if x < 0 or y < 0:
        raise Problem(400, "viewport: a region does not begin left of the image or above it")
    region = Region(x, y, abs(width), abs(height), mirrored=width < 0, upside_down=height < 0)
    return Viewport(across, down, region)


def _window(parameters: Mapping[str, str]) -> Window | None:
    text = parameters.get("window")
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    function = _FUNCTIONS.get(parts[2].lower()) if len(parts) == 3 else Function.LINEAR
    if len(parts) not in (2, 3) or function is None:
        raise Problem(400, f"window is center,width,function, the function one of {', '.join(_FUNCTIONS)}")
    return _made_window(parts[0], parts[1], function, "window")


def _uri_window(parameters: Mapping[str, str]) -> Window | None:
    center, width = parameters.get("windowCenter"), parameters.get("windowWidth")
    if center is None and width is None:
        return None
    if center is None or width is None:
        raise Problem(400, "windowCenter and windowWidth belong together")
    return _made_window(center, width, Function.LINEAR, "windowWidth")


def _made_window(center: str, width: str, function: Function, name: str) -> Window:
    try:
        return Window(_number(center, name), _number(width, name), function)
    except ValueError as exc:
        raise Problem(400, f"{name}: {exc}") from exc


def _uri_viewport(parameters: Mapping[str, str], size: tuple[int, int]) -> Viewport | None:
    """Return what rows, columns and region (in parts of the image) come to (PS3.18 9.5.1.2)."""
    asked = {
        name: whole_number(parameters[name], name, 1, LONGEST_EDGE)
        for name in ("rows", "columns")
        if name in parameters
    }
    text = parameters.get("region")
    if not asked and text is None:
        return None
    columns, rows = size
    region = None
    if text is not None:
        edges = [_number(part, "region") for part in text.split(",")]
        if len(edges) != 4 or not (0 <= edges[0] < edges[2] <= 1 and 0 <= edges[1] < edges[3] <= 1):
            raise Problem(400, "region is left,top,right,bottom, in parts of the image from 0 to 1")
        left, top, right, bottom = (edge * (columns, rows)[place % 2] for place, edge in enumerate(edges))
        region = Region(left, top, right - left, bottom - top)
    across, down = (region.width, region.height) if region else (float(columns), float(rows))
    if not asked:
        return Viewport(min(max(round(across), 1), LONGEST_EDGE), min(max(round(down), 1), LONGEST_EDGE), region)
    return Viewport(asked.get("columns", LONGEST_EDGE), asked.get("rows", LONGEST_EDGE), region)


def _quality(parameters: Mapping[str, str], name: str) -> int:
    text = parameters.get(name)
    return DEFAULT_QUALITY if text is None else whole_number(text, name, 1, 100)


def _annotations(parameters: Mapping[str, str]) -> frozenset[Annotation]:
    names = [part.strip() for part in parameters.get("annotation", "").split(",")]
    try:
        return frozenset(Annotation(name) for name in names if name)
    except ValueError as exc:
        raise Problem(400, f"annotation is one or more of {', '.join(Annotation)}") from exc


def _profile(parameters: Mapping[str, str]) -> Profile:
    return _chosen(parameters, "iccprofile", {each.value: each for each in Profile}, default=Profile.YES)


def _chosen(parameters: Mapping[str, str], name: str, values: Mapping[str, _Chosen], *, default: _Chosen) -> _Chosen:
    text = parameters.get(name)
    if text is None:
        return default
    if text.lower() not in values:
        raise Problem(400, f"{name} is one of {', '.join(values)}")
    return values[text.lower()]


def whole_number(text: str, name: str, least: int, most: int) -> int:
    """Return the number that a parameter of this name has.

    Raises:
        Problem: 400, it is none, or not within these bounds.
    """
    if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
        raise Problem(400, f"{name} is a whole number from {least} to {most}")
    return int(text)


def _number(text: str, name: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        raise Problem(400, f"{name}: {text[:20]!r} is no number")
    return float(text)
