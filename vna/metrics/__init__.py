"""The numbers a node keeps of itself: what is counted, and the memory its processes count in.

Knows nothing of DICOM, SQL or HTTP. What is counted is declared in `families`; every process writes through its
`Metrics` onto a `Board`; the process that answers Prometheus reads all boards (`vna.node.exposition`).
"""

from vna.metrics.board import Board, Note, Series, boards
from vna.metrics.families import FAMILIES, Counter, Family, Gauge, Histogram, Stage
from vna.metrics.recorder import Metrics

__all__ = [
    "FAMILIES",
    "Board",
    "Counter",
    "Family",
    "Gauge",
    "Histogram",
    "Metrics",
    "Note",
    "Series",
    "Stage",
    "boards",
]
