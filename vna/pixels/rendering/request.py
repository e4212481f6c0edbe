"""What is asked for when something is rendered (PS3.18 8.3.5), and what a codec process is given to do it.

Values alone: nothing here decodes, draws or knows HTTP.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from vna.dicom.tree import Tree
from vna.pixels.image import Image

SHARED_GROUPS: Final = 0x52009229
FRAME_GROUPS: Final = 0x52009230
"""Shared and Per-Frame Functional Groups Sequence."""

DEFAULT_QUALITY: Final = 90
"""Quality of JPEG where none is asked for, of 100."""


class MediaType(StrEnum):
    """What a picture can be written as (PS3.18 table 8.7.4-1)."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    GIF = "image/gif"
    JP2 = "image/jp2"
    JXL = "image/jxl"


class Function(StrEnum):
    """How a window maps values (PS3.3 C.11.2.1.2, C.11.2.1.3)."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


class Profile(Enum):
    """What is done with an ICC profile (PS3.18 8.3.5.1.5): what the image has is put in unless it is unwanted."""

    NO = "no"
    YES = "yes"
    SRGB = "srgb"


class Annotation(StrEnum):
    """What is written into a picture (PS3.18 8.3.5.1.1)."""

    PATIENT = "patient"
    TECHNIQUE = "technique"


@dataclass(frozen=True, slots=True)
class Window:
    """A window, in values behind the Modality LUT.

    Raises:
        ValueError: too narrow for its function.
    """

    center: float
    width: float
    function: Function = Function.LINEAR

    def __post_init__(self) -> None:
        least = 1 if self.function is Function.LINEAR else 0
        if not abs(self.center) < float("inf") or not least <= self.width < float("inf") or not self.width:
            raise ValueError(f"no {self.function} window has a width of {self.width:g}")


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the picture before it is scaled: left and top edge, width and height, in pixels; flipped on the way."""

    x: float
    y: float
    width: float
    height: float
    mirrored: bool = False
    upside_down: bool = False


@dataclass(frozen=True, slots=True)
class Viewport:
    """What the picture is to fit in, in pixels, its proportions kept; `region` None is all of it."""

    width: int
    height: int
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """How a frame is to be rendered. Without anything given: as its own attributes say, at its own size."""

    media_type: MediaType = MediaType.JPEG
    quality: int = DEFAULT_QUALITY
    window: Window | None = None
    viewport: Viewport | None = None
    annotations: frozenset[Annotation] = frozenset()
    profile: Profile = Profile.YES
    overlays: bool = False


@dataclass(frozen=True, slots=True)
class Floats:
    """Pixels of Float or Double Float Pixel Data (PS3.3 C.7.6.24): `bits` are 32 or 64."""

    rows: int
    columns: int
    bits: int


@dataclass(frozen=True, slots=True)
class RenderTask:
    """A frame to be rendered.

    Attributes:
        source: the transfer syntax of the frame; one without compression for native frames.
        image: how its pixels lie.
        header: the data set, of its functional groups per frame those of this frame alone.
        frame: its number, from 1.
        instance: SOP Instance UID, by which a presentation state names it.
        presentation: the presentation state to be applied, None for none.
    """

    source: str
    image: Image | Floats
    header: Tree
    frame: int
    options: Options
    instance: str = ""
    presentation: Tree | None = None


@dataclass(frozen=True, slots=True)
class TileTask:
    """A tile with a word on it, which stands for what has no picture, to fit in a viewport."""

    word: str
    options: Options
