"""The other stacks: one adapter for each, which says how its own programs or library are used and where they end."""

from interop.stacks.ctn import Ctn
from interop.stacks.dcm4che import Dcm4che
from interop.stacks.dcmjs_dimse import DcmjsDimse
from interop.stacks.dcmtk import Dcmtk
from interop.stacks.gdcm import Gdcm
from interop.stacks.odil import Odil
from interop.stacks.pixelmed import PixelMed
from interop.stacks.pynetdicom import Pynetdicom
from interop.stacks.roles import Stack

STACKS: tuple[Stack, ...] = (
    Dcmtk(),
    Pynetdicom(),
    Odil(),
    Ctn(),
    Gdcm(),
    PixelMed(),
    Dcm4che(),
    DcmjsDimse(),
)

__all__ = ["STACKS"]
