"""The sample collection in a real node: stored, found in every script, fetched back; and `make demo` itself."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom.uid import ImplicitVRLittleEndian

from conformance.requests import STUDY_ROOT_FIND, find, get, get_proposals, in_batches
from conformance.server import process_tree
from conformance.sources import read_part10
from conformance.upper_layer import Address, Association, Proposal
from exchange import unique_keys
from sample_data.loading import NotStored, held, send
from sample_data.make import make

pytestmark = pytest.mark.long


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo: where its node listens, its collection, and what it has said."""

    address: Address
    collection: Path
    said: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo with the smallest collection; Ctrl-C must end it, and leave no process behind."""
    with _running(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


def test_every_instance_comes_back_byte_for_byte(demo: Demo) -> None:
    instances = [read_part10(path.read_bytes()) for path in sorted(demo.collection.rglob("*.dcm"))]

    for batch in in_batches(instances):
        with Association.open(demo.address, get_proposals(batch)) as association:
            for instance in batch:
                assert get(association, unique_keys(instance), level="IMAGE").instances == [instance]


def test_sending_it_again_adds_nothing(demo: Demo) -> None:
    before = held(demo.address)

    list(send(demo.address, demo.collection))

    assert held(demo.address) == before
    assert before.studies == 16


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("Lefèvre*", {"Lefèvre-Nuñez^Éloïse^^Mme"}),
        ("Παπαδοπούλου*", {"Παπαδοπούλου^Ελένη"}),
        ("Кузнецова*", {"Кузнецова^Ольга^Ивановна"}),
        ("לוי*", {"לוי^מרים"}),
        ("قباني*", {"قباني^ليلى"}),
        ("鈴木*", {"Suzuki^Hanako=鈴木^花子=すずき^はなこ"}),
        ("김*", {"Kim^Sujin=金^秀珍=김^수진"}),
        ("李*", {"Li^Meihua=李^美华"}),
    ],
    ids=["latin", "greek", "cyrillic", "hebrew", "arabic", "japanese", "korean", "chinese"],
)
def test_a_name_is_found_in_its_script(demo: Demo, asked: str, found: set[str]) -> None:
    assert {str(match.PatientName).rstrip("=") for match in _find(demo, PatientName=asked)} == found


def test_one_id_is_three_people(demo: Demo) -> None:
    matches = _find(demo, PatientID="4711", PatientName="", IssuerOfPatientID="")

    assert {str(match.PatientName).partition("^")[0] for match in matches} == {
        "Lefèvre-Nuñez",
        "Παπαδοπούλου",
        "Größmann",
    }


def test_a_refusal_names_the_instance(demo: Demo, tmp_path: Path) -> None:
    path = next(make(tmp_path / "new", size="tiny", seed=1))
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(NotStored, match=r"^2\.25\.\d+: [0-9A-F]{4}"):
        list(send(demo.address, tmp_path / "new"))


def test_the_demo_says_where_it_listens_and_what_to_try(demo: Demo) -> None:
    count = len(list(demo.collection.rglob("*.dcm")))

    assert f"16 studies, {count} instances. DIMSE on 127.0.0.1 port {demo.address.port}" in demo.said
    assert demo.said.count("findscu -aec VNA -S") == 4


def _find(demo: Demo, **keys: str) -> list:
    with Association.open(demo.address, [Proposal(STUDY_ROOT_FIND, (ImplicitVRLittleEndian,))]) as association:
        return find(association, {"PatientName": "", "StudyInstanceUID": "", **keys}).matches


@contextmanager
def _running(folder: Path) -> Iterator[Demo]:
    command = [sys.executable, "-W", "error", "-m", "sample_data.demo", "--folder", str(folder), "--size", "tiny"]
    with subprocess.Popen([*command, "--port", "0", "--http-port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C stops the node" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        port = re.search(r"DIMSE on 127\.0\.0\.1 port (\d+)", said)
        assert port is not None
        tree = process_tree(process.pid)
        try:
            yield Demo(Address("127.0.0.1", int(port[1])), folder / "collection", said)
        finally:
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
    assert (process.returncode, rest) == (0, "\nStopped.\n")
    assert len(tree) > 2
    assert [pid for pid in tree if process_tree(pid)] == []
