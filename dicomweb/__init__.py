"""The HTTP edge: STOW-RS, QIDO-RS, WADO-RS and what belongs to them (PS3.18), one module per service."""

from dicomweb.app import dicomweb_routes
from dicomweb.services import ROOT, Services

__all__ = ["ROOT", "Services", "dicomweb_routes"]
