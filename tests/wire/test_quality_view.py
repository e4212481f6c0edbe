"""Rejection notes, the quality view and limitations in a running node, as DCMTK's programs see them."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

import dcmtk
from conformance import phantoms
from conformance.corpus import Instance
from conformance.notes import rejection_note
from conformance.requests import find, get, get_proposals, move, query_proposals
from conformance.server import accepts_connections, free_port, kill, running, wait_until
from conformance.sink import Sink
from conformance.upper_layer import Association
from running_node import RunningNode, running_node
from sending import Sending
from vna.archive import Archive, Statement
from vna.model import Peer, RejectionReason, Scope, StudyUID
from vna.node import open_archive
from vna.settings import Settings

pytestmark = dcmtk.needs_dcmtk

QUALITY = "VNAQUALITY"


PORT = free_port()
"""Where storescp listens, under the AE title DEST."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node with a quality view."""
    settings = {"VNA_DIMSE__QUALITY_AE_TITLE": QUALITY}
    with running_node(tmp_path_factory.mktemp("quality"), settings=settings) as running_one:
        with beside(running_one) as archive:
            archive.add_peer(Peer("DEST", "127.0.0.1", PORT), actor="test")
        yield running_one


@contextmanager
def beside(node: RunningNode) -> Iterator[Archive]:
    """Open the archive of a running node, as its commands do."""
    with closing(open_archive(Settings(data_dir=node.node.data_dir))) as archive:
        yield archive


def run(node: RunningNode, name: str, *options: str, called: str = "VNA") -> "subprocess.CompletedProcess[str]":
    """Run one of DCMTK's programs against the node; files come last."""
    files = [option for option in options if option.startswith("/")][-1:] if name == "storescu" else []
    others = [option for option in options if option not in files]
    address = [node.address.host, str(node.address.port)]
    command = [str(dcmtk.program(name)), "-aec", called, *others, *address, *files]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def send(node: RunningNode, folder: Path, data_sets: Sequence[Dataset], called: str = "VNA") -> str:
    """Send files with storescu; return what it said."""
    folder.mkdir()
    for number, ds in enumerate(data_sets):
        (folder / f"{number}.dcm").write_bytes(phantoms.part10(ds))
    answer = run(node, "storescu", "-d", "-R", "+sd", str(folder), called=called)
    return answer.stdout + answer.stderr


def keys(level: str, study: str) -> list[str]:
    return ["-k", f"QueryRetrieveLevel={level}", "-k", f"StudyInstanceUID={study}"]


def found(node: RunningNode, study: str, called: str = "VNA") -> set[str]:
    """Return the SOP Instance UIDs that findscu finds in a study, series by series."""
    uids = set[str]()
    for series in answered(
        run(node, "findscu", "-S", *keys("SERIES", study), "-k", "SeriesInstanceUID", called=called)
    ):
        asked = [*keys("IMAGE", study), "-k", f"SeriesInstanceUID={series}", "-k", "SOPInstanceUID"]
        uids |= answered(run(node, "findscu", "-S", *asked, called=called)) - {series}
    return uids


def answered(answer: "subprocess.CompletedProcess[str]") -> set[str]:
    """Return the UIDs of series and instances in answers of findscu."""
    assert answer.returncode == 0, answer.stderr
    lines = re.findall(r"^.*(?:SeriesInstanceUID|SOPInstanceUID)$", answer.stdout + answer.stderr, re.MULTILINE)
    return {uid for line in lines for uid in re.findall(r"\[(2\.25\.\d+)", line)}


def got(node: RunningNode, folder: Path, study: str, called: str = "VNA") -> set[str]:
    """Return the SOP Instance UIDs that getscu brings."""
    folder.mkdir()
    answer = run(node, "getscu", "-S", "-od", str(folder), *keys("STUDY", study), called=called)
    assert answer.returncode == 0, answer.stderr
    return {path.name.partition(".")[2] for path in folder.iterdir()}


def moved(node: RunningNode, folder: Path, study: str, called: str = "VNA") -> set[str]:
    """Return the SOP Instance UIDs that the node sends to storescp when movescu asks for it."""
    folder.mkdir()
    log = folder.parent / f"{folder.name}.log"
    with running([str(dcmtk.program("storescp")), "-od", str(folder), str(PORT)], environment={}, log=log) as process:
        wait_until(lambda: accepts_connections("127.0.0.1", PORT), process, log=log, timeout_s=20)
        answer = run(node, "movescu", "-S", "-aem", "DEST", *keys("STUDY", study), called=called)
        kill(process)
    assert answer.returncode == 0, answer.stderr
    return {path.name.partition(".")[2] for path in folder.iterdir()}


def uids(data_sets: Sequence[Dataset]) -> set[str]:
    return {str(ds.SOPInstanceUID) for ds in data_sets}


def test_a_note_that_storescu_sends_hides_what_it_names_from_all_but_the_quality_view(
    node: RunningNode, tmp_path: Path
) -> None:
    slices = [phantoms.ct_slice(study=20, number=number, size=16) for number in (1, 2, 3)]
    study = str(slices[0].StudyInstanceUID)
    note = rejection_note(slices[:2], RejectionReason.SAFETY, study=20)

    told = send(node, tmp_path / "images", slices) + send(node, tmp_path / "note", [note])

    assert len(re.findall(r"DIMSE Status\s*: 0x0000", told)) == 4
    assert found(node, study) == got(node, tmp_path / "got", study) == uids(slices[2:])
    assert moved(node, tmp_path / "moved", study) == uids(slices[2:])
    every = uids([*slices, note])
    assert found(node, study, QUALITY) == got(node, tmp_path / "got-all", study, QUALITY) == every
    assert moved(node, tmp_path / "moved-all", study, QUALITY) == every


@pytest.mark.parametrize("reason", [RejectionReason.QUALITY, RejectionReason.WORKLIST, RejectionReason.EXPIRED])
def test_a_note_may_come_before_the_images(node: RunningNode, tmp_path: Path, reason: RejectionReason) -> None:
    number = 30 + [*RejectionReason].index(reason)
    slices = [phantoms.ct_slice(study=number, number=each, size=16) for each in (1, 2)]
    study = str(slices[0].StudyInstanceUID)
    note = rejection_note(slices, reason, study=number)

    send(node, tmp_path / "note", [note])
    send(node, tmp_path / "images", slices)

    assert found(node, study) == set()
    assert found(node, study, QUALITY) == uids([*slices, note])


def test_nothing_is_stored_under_the_quality_ae_title(node: RunningNode, tmp_path: Path) -> None:
    slices = [phantoms.ct_slice(study=22, size=16)]

    told = send(node, tmp_path / "sent", slices, called=QUALITY)

    assert "0x0124" in told
    assert "call VNA" in told
    assert found(node, str(slices[0].StudyInstanceUID), QUALITY) == set()


def test_a_limited_study_is_gone_for_every_peer_at_once_until_lifted(node: RunningNode, tmp_path: Path) -> None:
    slices = [phantoms.ct_slice(study=23, number=number, size=16) for number in (1, 2)]
    study = str(slices[0].StudyInstanceUID)
    send(node, tmp_path / "sent", slices)

    with beside(node) as archive:
        number = archive.limitations.place(Scope(StudyUID(study)), Statement("test", "MARTIN asks"))
        late = phantoms.ct_slice(study=23, number=3, size=16)
        told = send(node, tmp_path / "late", [late])
        hidden = [
            look(node, tmp_path / f"{look.__name__}-{called}", study, called)
            for called in ("VNA", QUALITY)
            for look in (got, moved)
        ]
        not_found = [found(node, study, called) for called in ("VNA", QUALITY)]
        archive.limitations.lift(number, Statement("test", "settled"))

    assert (hidden, not_found) == ([set()] * 4, [set()] * 2)
    assert re.findall(r"DIMSE Status\s*: (0x....)", told) == ["0x0000"]
    assert found(node, study) == got(node, tmp_path / "again", study) == uids([*slices, late])
    assert "MARTIN" not in node.log()


@pytest.mark.parametrize("how", ["limited", "rejected"])
@pytest.mark.parametrize("level", ["SERIES", "IMAGE"])
def test_a_part_that_is_hidden_is_not_found_fetched_or_sent_but_the_rest_is(
    node: RunningNode, level: str, how: str
) -> None:
    number = 50 + 2 * ["SERIES", "IMAGE"].index(level) + ["limited", "rejected"].index(how)
    hidden, *rest = (phantoms.ct_slice(study=number, series=n, number=m, size=16) for n, m in ((1, 1), (1, 2), (2, 1)))
    with beside(node) as archive:
        for ds in (hidden, *rest):
            Sending(archive).store(ds)
        scope = Scope(hidden.StudyInstanceUID, hidden.SeriesInstanceUID)
        scope = replace(scope, instance=hidden.SOPInstanceUID) if level == "IMAGE" else scope
        if how == "limited":
            archive.limitations.place(scope, Statement("test", "asked for"))
        else:
            archive.rejections.reject(scope, RejectionReason.QUALITY, Statement("test"))

    unique = {"StudyInstanceUID": scope.study, "SeriesInstanceUID": hidden.SeriesInstanceUID}
    if level == "IMAGE":
        unique["SOPInstanceUID"] = hidden.SOPInstanceUID

    seen = {called: _through_each_door(node, called, level, unique) for called in ("VNA", QUALITY)}

    left = 1 if level == "SERIES" else 2
    nothing = (0, 0, 0, left)
    assert seen == {"VNA": nothing, QUALITY: nothing if how == "limited" else (1, 3 - left, 3 - left, 3)}


def _through_each_door(node: RunningNode, called: str, level: str, unique: dict[str, str]) -> tuple[int, int, int, int]:
    """Return how many C-FIND, C-GET and C-MOVE give of something, and how many instances C-GET gives of its study."""
    to_get = get_proposals([Instance(CTImageStorage, "", ExplicitVRLittleEndian, b"")])
    study = {"StudyInstanceUID": unique["StudyInstanceUID"]}
    with Association.open(replace(node.address, ae_title=called), (*query_proposals(), *to_get)) as association:
        found = find(association, unique, level=level).matches
        fetched = get(association, unique, level=level).count
        with Sink(port=PORT) as sink:
            move(association, unique, level=level, destination="DEST")
        return len(found), fetched, sink.count, get(association, study).count
