"""Storing over DICOMweb at a real node: what comes by one edge is given by the other."""

from collections.abc import Iterator

import pytest
import requests

from conformance import oddities
from conformance.corpus import Instance
from conformance.phantoms import part10_head
from running_node import RunningNode, held
from storing_over_web import BOUNDARY, DICOM, JSON, body_of
from web_node import http_address

MULTIPART = f'multipart/related; type="{DICOM}"; boundary={BOUNDARY}'


def body(instances: list[Instance]) -> bytes:
    heads = [part10_head(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax) for one in instances]
    return body_of([({"Content-Type": DICOM}, head + one.data) for head, one in zip(heads, instances, strict=True)])


def post(node: RunningNode, content: bytes | Iterator[bytes]) -> requests.Response:
    headers = {"Content-Type": MULTIPART, "Accept": JSON}
    return requests.post(f"{http_address(node)}/dicom-web/studies", data=content, headers=headers, timeout=60)


def test_what_is_stored_over_the_web_is_given_over_dimse_byte_for_byte(node: RunningNode) -> None:
    sent = list(oddities.every_instance().values())

    answer = post(node, body(sent))

    named = {item["00081155"]["Value"][0] for item in answer.json()["00081199"]["Value"]}
    kept = [one for one in sent if one.sop_instance_uid in named]
    assert len(kept) > len(sent) // 2
    assert held(node, kept) == kept


@pytest.mark.parametrize("size", [999, 100_000], ids=str)
def test_a_body_of_unknown_length_is_taken_too(node: RunningNode, size: int) -> None:
    whole = body(list(oddities.every_instance().values())[:3])

    answer = post(node, (whole[at : at + size] for at in range(0, len(whole), size)))

    assert answer.status_code == 200
