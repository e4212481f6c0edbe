"""Bulk import and export: what lies in folders and archives of files becomes instances, and the other way round."""

from vna.transfer.exporting import Exported, ExportedFile, Exporter
from vna.transfer.finished import FinishedUnits
from vna.transfer.glass import write_opened
from vna.transfer.importing import Importer
from vna.transfer.layout import DEFAULT_LAYOUT, MEDIA, Layout
from vna.transfer.patient_events import PatientEventsImport, RefusedLine, open_patient_events
from vna.transfer.planning import files
from vna.transfer.selection import Selection, parse_keys, selected
from vna.transfer.standby import Standby
from vna.transfer.targets import FolderTarget, Target, ZipTarget
from vna.transfer.units import Fate, Verdict, printable
from vna.transfer.worker import Job

__all__ = [
    "DEFAULT_LAYOUT",
    "MEDIA",
    "Exported",
    "ExportedFile",
    "Exporter",
    "Fate",
    "FinishedUnits",
    "FolderTarget",
    "Importer",
    "Job",
    "Layout",
    "PatientEventsImport",
    "RefusedLine",
    "Selection",
    "Standby",
    "Target",
    "Verdict",
    "ZipTarget",
    "files",
    "open_patient_events",
    "parse_keys",
    "printable",
    "selected",
    "write_opened",
]
