"""What the console shows of a node; it is given these values and finds out nothing itself."""

from dataclasses import dataclass
from datetime import datetime

from vna.archive import Overview


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that serves DIMSE; `starts` counts it and those that died before it."""

    number: int
    pid: int
    alive: bool
    associations: int
    starts: int


@dataclass(frozen=True, slots=True)
class Complaint:
    """A warning or an error that was logged `count` times since the node started, last (UTC) in these words."""

    level: str
    logger: str
    event: str
    count: int
    last: datetime
    text: str


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """The node; `dimse` and `http` are the addresses it listens on."""

    version: str
    ae_title: str
    dimse: str
    http: str
    overview: Overview
    workers: tuple[Worker, ...]
    complaints: tuple[Complaint, ...]
