"""The Python client dicomweb-client, its every method, against a node: what it gets is what was stored."""

import ast
import inspect
from collections.abc import Iterator
from copy import deepcopy
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit
from requests import HTTPError

from conformance.oddities import encapsulated_pdf, private_bulk
from conformance.phantoms import ct_series, ct_slice, jpeg_multiframe, part10, rle_multiframe, us_multiframe
from web_node import web_node

CT = ct_series(3, size=64)
OTHER_SERIES = ct_slice(series=2, number=9, size=32)
US = us_multiframe()
JPEG = jpeg_multiframe(study=15)
RLE = rle_multiframe(study=5)
PDF = encapsulated_pdf()
PRIVATE = private_bulk()
HELD = [*CT, OTHER_SERIES, US, JPEG, RLE, PDF, PRIVATE]
AS_STORED = (("application/dicom", "*"),)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DICOMwebClient]:
    with web_node(tmp_path_factory.mktemp("node"), HELD) as address:
        made = DICOMwebClient(f"{address}/dicom-web")
        made.set_http_retry_params(retry=False)
        yield made


def instance(ds: Dataset) -> tuple[str, str, str]:
    return ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID


def same(found: Dataset, stored: Dataset) -> bool:
    """Return whether a data set is the stored one, its values, and its pixels to the byte."""
    return found == stored and found.get("PixelData") == stored.get("PixelData")


def without_padding(ds: Dataset) -> Dataset:
    """Return a data set whose document is as long as it says, without the byte that makes its length even."""
    if "EncapsulatedDocument" not in ds:
        return ds
    shorter = deepcopy(ds)
    shorter.EncapsulatedDocument = ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength]
    return shorter


def by_number(found: list[Dataset]) -> list[Dataset]:
    return sorted(found, key=lambda ds: int(ds.InstanceNumber))


def uids(found: list[dict], keyword: str) -> set[str]:
    return {str(Dataset.from_json(one)[keyword].value) for one in found}


def test_studies_are_found(client: DICOMwebClient) -> None:
    by_id = client.search_for_studies(search_filters={"PatientID": PDF.PatientID}, fields=["StudyDescription"])

    assert uids(client.search_for_studies(), "StudyInstanceUID") == {ds.StudyInstanceUID for ds in HELD}
    assert uids(by_id, "StudyInstanceUID") == {PDF.StudyInstanceUID}
    assert Dataset.from_json(by_id[0]).StudyDescription == PDF.StudyDescription


def test_studies_come_in_pages(client: DICOMwebClient) -> None:
    everything = client.search_for_studies()
    pages = [client.search_for_studies(limit=2, offset=offset) for offset in range(0, len(everything), 2)]

    assert [one for page in pages for one in page] == everything
    assert client.search_for_studies(limit=2, get_remaining=True) == everything


def test_names_are_found_fuzzily_and_further_parameters_go_along(client: DICOMwebClient) -> None:
    fuzzy = client.search_for_studies(fuzzymatching=True, search_filters={"PatientName": "Phantom"})
    more = client.search_for_studies(additional_params={"ModalitiesInStudy": "US", "includefield": "all"})

    assert len(fuzzy) == len(client.search_for_studies())
    assert uids(more, "StudyInstanceUID") == {ds.StudyInstanceUID for ds in (US, JPEG, RLE)}


def test_nothing_is_found_where_nothing_matches(client: DICOMwebClient) -> None:
    assert client.search_for_studies(search_filters={"PatientID": "NOBODY"}) == []


def test_series_are_found(client: DICOMwebClient) -> None:
    of_study = client.search_for_series(CT[0].StudyInstanceUID)
    everywhere = client.search_for_series(search_filters={"Modality": "DOC"})

    assert uids(of_study, "SeriesInstanceUID") == {CT[0].SeriesInstanceUID, OTHER_SERIES.SeriesInstanceUID}
    assert uids(everywhere, "SeriesInstanceUID") == {PDF.SeriesInstanceUID}


def test_instances_are_found(client: DICOMwebClient) -> None:
    of_series = client.search_for_instances(CT[0].StudyInstanceUID, CT[0].SeriesInstanceUID)
    of_study = client.search_for_instances(CT[0].StudyInstanceUID)
    everywhere = client.search_for_instances(search_filters={"SOPInstanceUID": US.SOPInstanceUID})

    assert uids(of_series, "SOPInstanceUID") == {ds.SOPInstanceUID for ds in CT}
    assert uids(of_study, "SOPInstanceUID") == {ds.SOPInstanceUID for ds in [*CT, OTHER_SERIES]}
    assert uids(everywhere, "SOPInstanceUID") == {US.SOPInstanceUID}


def test_studies_come_back_as_they_were_stored(client: DICOMwebClient) -> None:
    study = CT[0].StudyInstanceUID
    expected = by_number([*CT, OTHER_SERIES])

    for found in (client.retrieve_study(study, AS_STORED), list(client.iter_study(study, AS_STORED))):
        assert all(same(one, stored) for one, stored in zip(by_number(found), expected, strict=True))
    (jpeg,) = client.retrieve_study(JPEG.StudyInstanceUID, AS_STORED)
    assert jpeg.PixelData == JPEG.PixelData


def test_series_come_back_as_they_were_stored(client: DICOMwebClient) -> None:
    series = (CT[0].StudyInstanceUID, CT[0].SeriesInstanceUID)

    for found in (client.retrieve_series(*series), list(client.iter_series(*series))):
        assert all(same(one, stored) for one, stored in zip(by_number(found), CT, strict=True))


@pytest.mark.parametrize("ds", HELD, ids=lambda ds: f"{ds.Modality}-{ds.StudyInstanceUID[-3:]}-{ds.InstanceNumber}")
def test_instances_come_back_as_they_were_stored(client: DICOMwebClient, ds: Dataset) -> None:
    found = client.retrieve_instance(*instance(ds), media_types=AS_STORED)

    assert same(found, ds)
    assert found.file_meta.TransferSyntaxUID == ds.file_meta.TransferSyntaxUID


def test_a_client_that_asks_for_nothing_special_gets_pixels_it_can_read(client: DICOMwebClient) -> None:
    (found,) = client.retrieve_study(RLE.StudyInstanceUID)

    assert found.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert found.PixelData == us_multiframe(study=5, frames=3).PixelData


def test_what_was_compressed_with_loss_is_not_made_to_look_better_than_it_is(client: DICOMwebClient) -> None:
    (found,) = client.retrieve_series(JPEG.StudyInstanceUID, JPEG.SeriesInstanceUID)

    assert same(found, JPEG)


@pytest.mark.parametrize("ds", [CT[1], US, PDF, PRIVATE], ids=["CT", "US", "PDF", "private"])
def test_metadata_and_bulk_data_together_are_the_instance(client: DICOMwebClient, ds: Dataset) -> None:
    def bulk(_tag: str, _vr: str, uri: str) -> bytes:
        (value,) = client.retrieve_bulkdata(uri)
        assert b"".join(client.iter_bulkdata(uri)) == value
        return bytes(value)

    found = Dataset.from_json(client.retrieve_instance_metadata(*instance(ds)), bulk_data_uri_handler=bulk)

    assert same(found, without_padding(ds))


def test_metadata_of_series_and_study_are_those_of_their_instances(client: DICOMwebClient) -> None:
    study, series = CT[0].StudyInstanceUID, CT[0].SeriesInstanceUID
    one_by_one = [client.retrieve_instance_metadata(*instance(ds)) for ds in CT]
    of_study = client.retrieve_study_metadata(study)

    assert client.retrieve_series_metadata(study, series) == one_by_one
    assert [one for one in of_study if one["0020000E"]["Value"] == [series]] == one_by_one
    assert len(of_study) == 4


def test_a_range_of_bulk_data_is_not_cut_out_of_a_multipart_answer(client: DICOMwebClient) -> None:
    uri = client.retrieve_instance_metadata(*instance(US))["7FE00010"]["BulkDataURI"]
    octets = (("application/octet-stream", "1.2.840.10008.1.2.1"),)

    assert client.retrieve_bulkdata(uri, octets, byte_range=(5, 104)) == [US.PixelData]


def test_frames_come_one_by_one_and_in_lists(client: DICOMwebClient) -> None:
    size = US.Rows * US.Columns * 3
    expected = [US.PixelData[number * size : (number + 1) * size] for number in (3, 0)]

    assert client.retrieve_instance_frames(*instance(US), frame_numbers=[4, 1]) == expected
    assert list(client.iter_instance_frames(*instance(US), frame_numbers=[4, 1])) == expected


def test_frames_come_as_they_were_compressed(client: DICOMwebClient) -> None:
    stored = list(generate_frames(JPEG.PixelData, number_of_frames=JPEG.NumberOfFrames))
    numbers = list(range(1, JPEG.NumberOfFrames + 1))
    found = client.retrieve_instance_frames(
        *instance(JPEG), frame_numbers=numbers, media_types=(("image/jpeg", JPEGBaseline8Bit),)
    )

    assert [frame.rstrip(b"\0") for frame in found] == [frame.rstrip(b"\0") for frame in stored]


def test_instances_and_frames_are_rendered(client: DICOMwebClient) -> None:
    uids = instance(US)
    pictures = [
        client.retrieve_instance_rendered(*uids, media_types=("image/png",)),
        client.retrieve_instance_rendered(*uids, media_types=("image/jpeg",), params={"quality": 95}),
        client.retrieve_instance_frames_rendered(*uids, frame_numbers=[1], media_types=("image/png",)),
    ]
    first, lossy, frame = (np.asarray(Image.open(BytesIO(picture)), dtype=float) for picture in pictures)

    stored = np.frombuffer(US.PixelData[: first.size], np.uint8).reshape(US.Rows, US.Columns, 3)
    assert np.array_equal(first, stored)
    assert np.array_equal(frame, stored)
    assert np.abs(lossy - stored).mean() < 20


def test_a_series_is_rendered_as_the_pictures_of_its_instances(client: DICOMwebClient) -> None:
    study, series, uid = instance(US)

    answer = client.retrieve_series_rendered(study, series, media_types=("image/png",))

    assert client.retrieve_instance_rendered(study, series, uid, media_types=("image/png",)) in answer


def test_a_document_is_rendered_as_itself(client: DICOMwebClient) -> None:
    found = client.retrieve_instance_rendered(*instance(PDF), media_types=("application/pdf",))

    assert found == PDF.EncapsulatedDocument[: PDF.EncapsulatedDocumentLength]


def test_what_it_stores_is_there_to_the_byte(client: DICOMwebClient) -> None:
    made = [dcmread(BytesIO(part10(ct_slice(study=77, number=number, size=32)))) for number in (1, 2)]

    answer = client.store_instances(made)

    assert {item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence} == {
        ds.SOPInstanceUID for ds in made
    }
    assert all(same(client.retrieve_instance(*instance(ds), media_types=AS_STORED), ds) for ds in made)
    assert same(client.store_instances(made[:1], made[0].StudyInstanceUID), client.store_instances(made[:1]))


def test_deleting_is_refused(client: DICOMwebClient) -> None:
    study, series, uid = instance(PRIVATE)

    for delete in (
        lambda: client.delete_study(study),
        lambda: client.delete_series(study, series),
        lambda: client.delete_instance(study, series, uid),
    ):
        with pytest.raises(HTTPError) as refused:
            delete()
        assert refused.value.response.status_code == 405
        assert refused.value.response.json()["title"] == "Method Not Allowed"
    assert same(client.retrieve_instance(study, series, uid, media_types=AS_STORED), PRIVATE)


def test_no_method_of_the_client_is_left_out() -> None:
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    offered = {name for name, _ in inspect.getmembers(DICOMwebClient, callable) if not name.startswith("_")}

    assert offered - used == {"lookup_keyword", "lookup_tag", "set_chunk_size"}
