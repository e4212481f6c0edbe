"""Rendering a frame: decoded, seen through its transformations, laid out, written on, and written down.

Runs in a codec process: what it does with a malicious image, it does there.
"""

from typing import Final

from vna.dicom.tree import Tree
from vna.pixels.rendering.cells import Stored, floats, stored
from vna.pixels.rendering.colour import palette_of, palette_rgb_of, profile_of, rgb_of, with_profile
from vna.pixels.rendering.grey import grey_of, grey_of_floats, pipeline_of, softcopy_pipeline
from vna.pixels.rendering.layout import Laid, Shown, fitted, laid
from vna.pixels.rendering.lettering import annotated, tile
from vna.pixels.rendering.media import encoded
from vna.pixels.rendering.planes import activated_groups, overlay, overlay_groups, shutter, shutter_value
from vna.pixels.rendering.presentation import State
from vna.pixels.rendering.request import Floats, Options, RenderTask, TileTask

_WHITE: Final = 255
_TILE: Final = 128


def render(frame: bytes, task: RenderTask) -> bytes:
    """Return the file of a rendered frame.

    Raises:
        ValueError: it cannot be rendered as asked for; says why.
    """
    state = None if task.presentation is None else State(task.presentation, task.instance, task.frame)
    pixels = None if isinstance(task.image, Floats) else stored(frame, task.source, task.image)
    shown = _seen(frame, task, pixels, state)
    profile = b""
    if shown.ndim == 3:
        owner = task.presentation if task.presentation and profile_of(task.presentation) else task.header
        shown, profile = with_profile(shown, profile_of(owner), task.options.profile)
    shown = _covered(shown, task, pixels)
    picture = laid(shown)
    if state is not None:
        picture = state.arranged(picture)
    if task.options.viewport is not None:
        picture = fitted(picture, task.options.viewport)
    if state is not None:
        picture = state.draw_on(picture)
    picture = annotated(picture, task.header, task.options.annotations)
    return _file(picture, task.options, profile)


def render_tile(task: TileTask) -> bytes:
    """Return the file of a tile."""
    viewport = task.options.viewport
    size = _TILE if viewport is None else min(viewport.width, viewport.height)
    return _file(laid(tile(task.word, max(size, 1))), task.options, b"")


def _seen(frame: bytes, task: RenderTask, pixels: Stored | None, state: State | None) -> Shown:
    """Return gray or RGB of the whole frame."""
    header, window = task.header, task.options.window
    if pixels is None:
        assert isinstance(task.image, Floats)  # noqa: S101 - else there are pixels
        return grey_of_floats(floats(frame, task.image), pipeline_of(header, None, window))
    if pixels.image.samples > 1:
        return rgb_of(pixels)
    if pixels.image.photometric == "PALETTE COLOR":
        return palette_rgb_of(pixels, header)
    if state is None:
        return grey_of(pixels, pipeline_of(header, pixels.image, window), header)
    grey = grey_of(pixels, softcopy_pipeline(state.tree, state.voi, pixels.image, window), header)
    palette = palette_of(state.tree)
    return grey if palette is None else palette[grey]


def _covered(shown: Shown, task: RenderTask, pixels: Stored | None) -> Shown:
    """Return a frame with overlays and shutters over it: those of the presentation state, else of the image."""
    shape = (int(shown.shape[0]), int(shown.shape[1]))
    masks = [overlay(owner, group, task.frame, shape, pixels) for owner, group in _overlays(task)]
    owner = task.presentation or task.header
    seen = shutter(owner, shape)
    if not masks and seen is None:
        return shown
    covered = shown.copy()
    for mask in masks:
        covered[mask] = _WHITE
    if seen is not None:
        covered[~seen] = shutter_value(owner)
    return covered


def _overlays(task: RenderTask) -> list[tuple[Tree, int]]:
    """Return the overlays that are to be seen, each with the data set that has it.

    A presentation state says it by the layers it puts them in; it may bring overlays of its own (PS3.3 C.11.7).
    """
    state = task.presentation
    if state is None:
        groups = overlay_groups(task.header) if task.options.overlays else []
        return [(task.header, group) for group in groups]
    own = overlay_groups(state)
    return [(state if group in own else task.header, group) for group in activated_groups(state)]


def _file(picture: Laid, options: Options, profile: bytes) -> bytes:
    return encoded(picture.pixels, options.media_type, quality=options.quality, profile=profile)
