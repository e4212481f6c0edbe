"""Compressed instances for peers that take none, and the other way round, over the wire.

What comes is compared byte for byte with what the transcoder makes; that this is right is what `unit/pixels` shows.
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import ImplicitVRLittleEndian

import dcmtk
from conformance import phantoms
from conformance.corpus import Instance
from conformance.requests import STUDY_ROOT_GET, Retrieved, get, move, query_proposals
from conformance.server import accepts_connections, free_port, process_tree, running, wait_until
from conformance.sources import read_part10
from conformance.upper_layer import Association, Proposal
from exchange import sample_instances, store_all, unique_keys
from held_data_sets import DataSet
from image_kinds import DEFLATED_FRAME, EXPLICIT_LE, IMPLICIT_LE, KINDS, RLE, convert, native_pixels
from running_node import RunningNode, running_node
from shared_samples import needs_samples
from vna.archive import Spool
from vna.errors import VnaError
from vna.pixels.codecs import COMPRESSIONS
from vna.pixels.transcode import Transcoder

JPEG, JPEG_LS, VIDEO = (f"1.2.840.10008.1.2.4.{process}" for process in (50, 80, 102))


def instance(ds: object) -> Instance:
    """Return a pydicom data set as it is sent."""
    data = phantoms.data_set_bytes(ds)
    return Instance(ds.SOPClassUID, ds.SOPInstanceUID, ds.file_meta.TransferSyntaxUID, data)


def broken_jpeg() -> Instance:
    """Return a loop whose frames are cut short, in the study of `jpeg_multiframe`."""
    ds = phantoms.jpeg_multiframe(number=2)
    cut = ds.PixelData.replace(b"\x3f\xff\xd9", b"\x3f\x00\x00")
    assert cut != ds.PixelData
    ds.PixelData = cut
    return instance(ds)


GOOD = {
    "rle": instance(phantoms.rle_multiframe()),
    "jpeg": instance(phantoms.jpeg_multiframe()),
    "jpeg-eot": instance(phantoms.jpeg_multiframe(study=17, offsets="extended")),
    "ct": instance(phantoms.ct_slice(size=64)),
}
BAD = {
    "broken": broken_jpeg(),
    "video": instance(phantoms.in_syntax(phantoms.us_multiframe(study=7), VIDEO)),
}


@pytest.fixture(scope="module")
def transcoder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transcoder]:
    opened = Transcoder(Spool(tmp_path_factory.mktemp("spool")).incoming)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node that holds the instances of `GOOD` and `BAD`."""
    with running_node(tmp_path_factory.mktemp("node")) as node:
        assert {each.status for each in store_all(node.address, [*GOOD.values(), *BAD.values()])} == {0}
        yield node


def converted(transcoder: Transcoder, one: Instance, target: str) -> Instance:
    result = convert(transcoder, DataSet("", one.transfer_syntax, one.data), target)
    return Instance(one.sop_class_uid, one.sop_instance_uid, target, result.data)


def get_study(node: RunningNode, one: Instance, *syntaxes: str) -> Retrieved:
    """Retrieve the study of an instance by C-GET, in these transfer syntaxes only."""
    proposals = (
        Proposal(STUDY_ROOT_GET, (ImplicitVRLittleEndian,)),
        *(Proposal(one.sop_class_uid, (syntax,), as_scp=True) for syntax in syntaxes),
    )
    with Association.open(node.address, proposals) as association:
        return get(association, {"StudyInstanceUID": unique_keys(one)["StudyInstanceUID"]})


@pytest.mark.parametrize("target", [IMPLICIT_LE, EXPLICIT_LE, JPEG_LS])
@pytest.mark.parametrize("name", ["rle", "jpeg-eot"])
def test_a_requestor_gets_what_it_accepts(filled: RunningNode, transcoder: Transcoder, name: str, target: str) -> None:
    got = get_study(filled, GOOD[name], target)

    assert got.answer.status == 0
    assert got.instances == [converted(transcoder, GOOD[name], target)]


def test_uncompressed_is_preferred_to_another_compression(filled: RunningNode) -> None:
    assert [one.transfer_syntax for one in get_study(filled, GOOD["rle"], JPEG_LS, IMPLICIT_LE).instances] == [
        IMPLICIT_LE
    ]
    assert [one.transfer_syntax for one in get_study(filled, GOOD["rle"], JPEG_LS, RLE).instances] == [RLE]


def test_a_requestor_that_takes_only_a_compression_gets_it_without_loss(
    filled: RunningNode, transcoder: Transcoder
) -> None:
    (got,) = get_study(filled, GOOD["ct"], DEFLATED_FRAME, JPEG_LS).instances

    assert got == converted(transcoder, GOOD["ct"], JPEG_LS)
    back = convert(transcoder, DataSet("", got.transfer_syntax, got.data), EXPLICIT_LE)
    assert np.array_equal(native_pixels(back), native_pixels(DataSet("", EXPLICIT_LE, GOOD["ct"].data)))


def test_what_cannot_be_converted_is_a_failed_sub_operation_with_its_reason(
    filled: RunningNode, transcoder: Transcoder
) -> None:
    got = get_study(filled, GOOD["jpeg"], EXPLICIT_LE)

    assert got.instances == [converted(transcoder, GOOD["jpeg"], EXPLICIT_LE)]
    assert (got.answer.status, got.answer.completed, got.answer.failed) == (0xB000, 1, 1)
    assert got.answer.comment == "frame 1 of 4: JPEG: the JPEG stream has no end"
    assert BAD["broken"].sop_instance_uid.encode() in got.answer.data


def test_video_is_not_converted(filled: RunningNode) -> None:
    answer = get_study(filled, BAD["video"], EXPLICIT_LE).answer

    assert (answer.status, answer.failed) == (0xA702, 1)
    assert answer.comment == f"no accepted context takes {BAD['video'].transfer_syntax}"


def test_a_killed_codec_process_is_replaced(filled: RunningNode) -> None:
    before = get_study(filled, GOOD["rle"], EXPLICIT_LE).instances
    codecs = [pid for pid in process_tree(filled.server.pid) if b"vna.pixels.process" in command_line(pid)]
    for pid in codecs:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(process_tree, codecs)), filled.node.process, log=filled.node.log, timeout_s=20)

    after = [get_study(filled, GOOD["rle"], EXPLICIT_LE).instances for _ in range(3)]

    assert codecs
    assert after == [before] * 3


def command_line(pid: int) -> bytes:
    """Return how a process was started; nothing of one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@pytest.fixture(scope="module")
def implicit_only(filled: RunningNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A storescp that accepts nothing but Implicit VR Little Endian, registered as a peer; what it took, bit by bit."""
    program = dcmtk.program("storescp")
    if program is None:
        pytest.skip(dcmtk.REASON)
    folder, port = tmp_path_factory.mktemp("moved"), free_port()
    filled.add_peer("IMPLICIT", port)
    command = [str(program), "-aet", "IMPLICIT", "+B", "+xi", "-od", str(folder), str(port)]
    log = folder.with_suffix(".log")
    with running(command, environment={}, log=log) as process:
        wait_until(lambda: accepts_connections("127.0.0.1", port), process, log=log, timeout_s=20)
        yield folder


def moved(node: RunningNode, folder: Path, studies: list[str]) -> Mapping[str, Instance]:
    """Have studies moved to the storescp, and return what it wrote, by SOP Instance UID."""
    with Association.open(node.address, query_proposals()) as association:
        for study in studies:
            move(association, {"StudyInstanceUID": study}, destination="IMPLICIT")
    written = [read_part10(path.read_bytes()) for path in folder.iterdir()]
    return {one.sop_instance_uid: one for one in written}


def test_a_destination_that_takes_implicit_only_gets_everything_that_can_be_converted(
    filled: RunningNode, implicit_only: Path, transcoder: Transcoder
) -> None:
    got = moved(filled, implicit_only, [unique_keys(one)["StudyInstanceUID"] for one in GOOD.values()])

    for one in GOOD.values():
        assert got[one.sop_instance_uid] == converted(transcoder, one, IMPLICIT_LE)
    assert not got.keys() & {one.sop_instance_uid for one in BAD.values()}


@dcmtk.needs_dcmtk
def test_getscu_that_takes_explicit_only_gets_the_pixels(filled: RunningNode, tmp_path: Path) -> None:
    """DCMTK 3.6.7 makes explicit only of `+xi`, accept implicit only."""
    study = unique_keys(GOOD["rle"])["StudyInstanceUID"]
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}"]
    where = [filled.address.host, str(filled.address.port)]
    command = [str(dcmtk.program("getscu")), "-aec", "VNA", "-S", "+xi", "-od", str(tmp_path), *keys, *where]

    subprocess.run(command, check=True, capture_output=True, timeout=60)

    (file,) = tmp_path.iterdir()
    got = read_part10(file.read_bytes())
    expected = phantoms.us_multiframe(study=5, frames=3)
    assert native_pixels(DataSet("", got.transfer_syntax, got.data)).astype(np.uint8).tobytes() == expected.PixelData


@needs_samples
def test_every_compressed_sample_is_moved_or_fails_alone(
    filled: RunningNode, implicit_only: Path, transcoder: Transcoder
) -> None:
    """One of each SOP Instance UID; those that cannot be converted are those the transcoder refuses too."""
    alone = {one.sop_instance_uid: one for one in sample_instances().values() if one.transfer_syntax in COMPRESSIONS}
    small = [one for one in alone.values() if len(one.data) < 70_000]
    stored = [one for one, answer in zip(small, store_all(filled.address, small), strict=True) if answer.status == 0]

    got = moved(filled, implicit_only, sorted({unique_keys(one)["StudyInstanceUID"] for one in stored}))

    assert len(stored) > 40
    for one in stored:
        try:
            expected = converted(transcoder, one, IMPLICIT_LE)
        except VnaError:
            expected = None
        assert got.get(one.sop_instance_uid) == expected, one.sop_instance_uid


def test_kinds_of_pixels_survive_the_way_there_and_back(filled: RunningNode, transcoder: Transcoder) -> None:
    """Sent in JPEG-LS, fetched in explicit VR: the whole archive in between."""
    kinds = ("grey-12-signed", "rgb-8-by-plane", "palette-8")
    for number, name in enumerate(kinds):
        ds = KINDS[name].data_set()
        ds.StudyInstanceUID, ds.SOPInstanceUID = phantoms.uid("kind", name), phantoms.uid("kind", name, number)
        sent = converted(transcoder, instance(ds), JPEG_LS)
        assert {each.status for each in store_all(filled.address, [sent])} == {0}

        (got,) = get_study(filled, sent, EXPLICIT_LE).instances

        assert np.array_equal(native_pixels(DataSet("", EXPLICIT_LE, got.data)), KINDS[name].pixels())
