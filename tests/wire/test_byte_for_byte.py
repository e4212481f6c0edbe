"""What is sent comes back byte for byte, in the transfer syntax it came in."""

from collections.abc import Mapping
from pathlib import Path

from conformance import oddities
from conformance.corpus import Instance
from exchange import packaged_instances, round_trips, sample_instances, unique_keys
from running_node import RunningNode, running_node
from shared_samples import needs_samples

NO_STUDY = "C000 (0020,000D) Study Instance UID is missing"
NO_CLASS = "C000 (0008,0016) SOP Class UID is missing"
NO_CONTEXT = "the presentation context was not accepted"

PACKAGED_REFUSED = {
    "JPEGLSNearLossless_08.dcm": NO_STUDY,
    "JPEGLSNearLossless_16.dcm": NO_STUDY,
    "MR_truncated.dcm": "C000 truncated: element (7FE0,0010)",
    "SC_rgb_jls_lossy_line.dcm": NO_STUDY,
    "SC_rgb_jls_lossy_sample.dcm": NO_STUDY,
    "UN_sequence.dcm": NO_CLASS,
    "dicomdirtests/DICOMDIR": NO_CONTEXT,
    "dicomdirtests/DICOMDIR-bigEnd": NO_CONTEXT,
    "dicomdirtests/DICOMDIR-empty.dcm": NO_CONTEXT,
    "dicomdirtests/DICOMDIR-implicit": NO_CONTEXT,
    "dicomdirtests/DICOMDIR-nooffset": NO_CONTEXT,
    "dicomdirtests/DICOMDIR-nopatient": NO_CONTEXT,
    "dicomdirtests/DICOMDIR-reordered": NO_CONTEXT,
    "dicomdirtests/TINY_ALPHA/DICOMDIR": NO_CONTEXT,
    "no_meta_group_length.dcm": NO_CLASS,
    "priv_SQ.dcm": NO_CLASS,
    "rtplan_truncated.dcm": "C000 truncated: element (300A,00B0)",
}
"""Files of pydicom that no archive can take, with the beginning of the answer: a DICOMDIR is no SOP Instance of
storage, some test files are cut short or lack what names an instance."""

SAMPLES_REFUSED = {
    "fo-dicom/GH220.dcm": NO_CONTEXT,  # a private SOP Class
    "fo-dicom/GH223.dcm": NO_STUDY,
    "fo-dicom/GH364.dcm": "C000 (FFFE,E000) at offset 772 does not belong",
    "fo-dicom/GH487.dcm": NO_STUDY,
    "fo-dicom/GH626.dcm": "C000 (0000,0000) at offset 738 does not belong",
    "fo-dicom/Issue1097_FailToOpenDeflatedFileWithSQ.dcm": NO_CONTEXT,  # a private SOP Class
    "fo-dicom/multiframe.dcm": "C000 (0020,000D) Study Instance UID is empty",
    "pydicom/charset_files/chrSQEncoding.dcm": NO_CLASS,
    "pydicom/charset_files/chrSQEncoding1.dcm": NO_CLASS,
    **{  # colour palettes belong to no study (PS3.3 A.58): they are non-patient objects
        f"pydicom/palettes/{name}.dcm": NO_STUDY
        for name in ("fall", "hotiron", "hotmetalblue", "pet", "pet20step", "spring", "summer", "winter")
    },
    **{f"pydicom/test_files/{name}": answer for name, answer in PACKAGED_REFUSED.items()},
    "pydicom-data/HTJ2KLossless_08_RGB.dcm": NO_STUDY,
    "pydicom-data/HTJ2K_08_RGB.dcm": NO_STUDY,
    "pydicom-data/JLSL_08_07_0_1F.dcm": NO_STUDY,
    "pydicom-data/JLSL_16_15_1_1F.dcm": NO_STUDY,
    "pydicom-data/bad_sequence.dcm": "C000 (0020,000D) Study Instance UID is not a UID",
}


def check(node: RunningNode, instances: Mapping[str, Instance], refused: Mapping[str, str]) -> int:
    """Send all and fetch each back at once; return how many came back as they were sent.

    Those refused must be refused so. Many samples share their UIDs: where one differs from an earlier one in its
    encoding only, the earlier one is what stays served.
    """
    earlier: dict[tuple[str, ...], list[Instance]] = {}
    altered, answers, exact = [], {}, 0
    for name, instance, trip in round_trips(node.address, instances):
        if trip.answer is None or trip.answer.status != 0:
            answers[name] = f"{trip.answer.status:04X} {trip.answer.comment}" if trip.answer else NO_CONTEXT
            continue
        same_key = earlier.setdefault(tuple(unique_keys(instance).values()), [])
        exact += trip.got == instance
        if trip.got != instance and trip.got not in same_key:
            altered.append(name)
        same_key.append(instance)
    assert altered == []
    assert {name: answer[: len(refused.get(name, answer))] for name, answer in answers.items()} == refused
    return exact


def test_every_phantom_comes_back(node: RunningNode) -> None:
    instances = oddities.every_instance()

    assert check(node, instances, {}) == len(instances)


def test_every_packaged_file_of_pydicom_comes_back(node: RunningNode) -> None:
    instances = packaged_instances()

    assert check(node, instances, PACKAGED_REFUSED) >= len(instances) - len(PACKAGED_REFUSED) - 4


@needs_samples
def test_every_sample_comes_back(tmp_path: Path) -> None:
    instances = sample_instances()

    with running_node(tmp_path) as node:
        assert check(node, instances, SAMPLES_REFUSED) >= len(instances) - len(SAMPLES_REFUSED) - 10
        assert node.node.vna("verify").returncode == 0
