"""The measurement of C-FIND in a large archive: many kinds of query over the wire, the first matches of each.

What is timed is from the request to the hundredth match, or to the end where there are fewer; then the rest is
cancelled. Encoding the request and taking the answers apart is not timed: that is the client's work.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path

from conformance.figures import Row, Spread, Target
from conformance.load import RETURN_KEYS, LoadFailed, percentile
from conformance.messages import Field, MessageReader, Tag
from conformance.node_process import NodeProcess
from conformance.requests import STUDY_ROOT_FIND, cancel, identifier, send_request
from conformance.side_by_side import Plan
from conformance.synthetic_index import build_index
from conformance.synthetic_studies import SyntheticStudy, synthetic_study
from conformance.upper_layer import Address, Association, Proposal

_FIRST = 100
_QUERIES = 60
_KEYED = Target(2, at_least=False)
_NAMES = Target(50, at_least=False)
_DESCRIPTIONS = Target(10, at_least=False)

Keys = Callable[[SyntheticStudy], dict[str, str]]

QUERIES: dict[str, tuple[str, Keys, Target | None]] = {
    "StudyInstanceUID": ("STUDY", lambda study: {"StudyInstanceUID": study.uid}, _KEYED),
    "PatientID": ("STUDY", lambda study: {"PatientID": study.patient_id}, _KEYED),
    "AccessionNumber": ("STUDY", lambda study: {"AccessionNumber": study.accession_number}, _KEYED),
    "series of a study": ("SERIES", lambda study: {"StudyInstanceUID": study.uid}, _KEYED),
    "instances of a series": (
        "IMAGE",
        lambda study: {"StudyInstanceUID": study.uid, "SeriesInstanceUID": f"{study.uid}.1"},
        _KEYED,
    ),
    "PatientName": ("STUDY", lambda study: {"PatientName": study.patient_name}, None),
    "PatientBirthDate": ("STUDY", lambda study: {"PatientBirthDate": study.birth_date}, None),
    "StudyDate and modality": ("STUDY", lambda study: {"StudyDate": study.date, "ModalitiesInStudy": "CT"}, None),
    "a week and modality": ("STUDY", lambda study: {"StudyDate": _week(study), "ModalitiesInStudy": "MR"}, None),
    "MARTIN*": ("STUDY", lambda _study: {"PatientName": "MARTIN*"}, _NAMES),
    "*MARTIN*": ("STUDY", lambda _study: {"PatientName": "*MARTIN*"}, _NAMES),
    "M?RTIN^J*": ("STUDY", lambda _study: {"PatientName": "M?RTIN^J*"}, _NAMES),
    "*THORAX*": ("STUDY", lambda _study: {"StudyDescription": "*THORAX*"}, _DESCRIPTIONS),
    "no key at all": ("STUDY", lambda _study: {}, None),
}
"""Level, keys out of a study chosen at random, and what the median in milliseconds must not exceed."""


def measure_large(plan: Plan) -> list[Row]:
    """C-FIND with `plan.large_studies` in the archive, first with a thousandth of them."""
    rows = []
    for studies in (plan.large_studies // 1000, plan.large_studies):
        folder = plan.folder / f"large-{studies}"
        rows += measured(folder, studies, with_targets=studies == plan.large_studies)
    return rows


def measured(folder: Path, studies: int, *, with_targets: bool) -> list[Row]:
    """Build an index, serve it, and return two rows of each kind of query: its time, and what it costs the node."""
    node = NodeProcess(folder)
    node.data_dir.mkdir(parents=True)
    build_index(f"sqlite:///{node.data_dir / 'index.sqlite'}", studies)
    with node:
        server = node.start()
        rows = []
        for name, (level, keys, target) in QUERIES.items():
            cpu_before = server.cpu_s()
            times = _times(server.address, level, keys, studies)
            cpu_ms = (server.cpu_s() - cpu_before) * 1e3 / (len(times) + 1)
            spread = Spread(percentile(times, 50), min(times), percentile(times, 95))
            title = f"C-FIND {name}, {studies:,} studies"
            rows.append(Row(title, "ms p50 (least-p95)", spread, target=target if with_targets else None))
            rows.append(Row(f"{title}, CPU", "ms/query", Spread.of([cpu_ms])))
    return rows


def _times(address: Address, level: str, keys: Keys, studies: int) -> list[float]:
    """Return the milliseconds of each query, after one that is not counted."""
    chosen = random.Random(studies)  # noqa: S311 - the same queries each time
    asked = [keys(synthetic_study(chosen.randrange(studies), of=studies)) for _ in range(_QUERIES + 1)]
    returned = _RETURNED.get(level, RETURN_KEYS)
    with Association.open(address, [Proposal(STUDY_ROOT_FIND, ("1.2.840.10008.1.2",))]) as association:
        return [_time(association, identifier(dict.fromkeys(returned, "") | one, level=level)) for one in asked][1:]


def _time(association: Association, request: bytes) -> float:
    fields: dict[Tag, int | str] = {Tag.SOP_CLASS: STUDY_ROOT_FIND, Tag.COMMAND_FIELD: Field.FIND_RQ}
    reader = MessageReader(association.sock, association.pdus)
    begin = time.perf_counter()
    message_id = send_request(association, STUDY_ROOT_FIND, fields, request)
    seconds, found = 0.0, 0
    while (message := reader.read()) is not None and message.pending:
        found += 1
        if found == _FIRST:
            seconds = time.perf_counter() - begin
            cancel(association, STUDY_ROOT_FIND, message_id=message_id)
    if message is None or message.status not in (0x0000, 0xFE00):
        raise LoadFailed("a C-FIND was not answered to its end")
    return (seconds or time.perf_counter() - begin) * 1e3


def _week(study: SyntheticStudy) -> str:
    """Return a range of days around that of a study, in its month."""
    day = max(1, min(22, int(study.date[6:])))
    return f"{study.date[:6]}{day:02d}-{study.date[:6]}{day + 6:02d}"


_RETURNED = {
    "SERIES": ("SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription"),
    "IMAGE": ("SOPInstanceUID", "SOPClassUID", "InstanceNumber"),
}
