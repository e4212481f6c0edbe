"""Storing over DICOMweb (STOW-RS, PS3.18 10.5): statuses, reasons, and what is found afterwards."""

import json
from typing import Any
from xml.etree import ElementTree as ET

from pydicom.dataset import Dataset

from conformance import oddities, phantoms
from conformance.checks.multipart import Part, body_of, related
from conformance.checks.registry import check
from conformance.checks.session import Session
from conformance.checks.verdicts import NotSupported, Skipped, expect, expect_equal
from conformance.checks.web import (
    AS_STORED,
    client,
    expect_offered,
    get,
    offered,
    post,
    post_instances,
)
from conformance.checks.web_client import JSON, NATIVE, WebAnswer, value
from conformance.sources import read_part10

_STUDY, _OTHER_STUDY, _MIXED, _AS_METADATA, _MEDIA, _XML_STUDY = range(13, 19)
_STORED, _FAILED, _OTHER_FAILURES = "00081199", "00081198", "0008119A"
_SOP_INSTANCE, _REASON, _RETRIEVE_URL = "00081155", "00081197", "00081190"
_NOT_TAKEN = (400, 405, 415, 501)
_STATUSES, _REPORT = "PS3.18 10.5.3.1", "PS3.18 10.5.3.3"


@check("web.store.instance", "An instance that is stored is found and named in the answer", _REPORT)
def store(session: Session) -> None:
    """Store one by STOW-RS, and look for it."""
    answer = _stored(session, _STUDY, 1)
    expect_equal(answer.status, 200, "the status")
    referenced = value(answer.item(), _STORED) or {}
    expect_equal(
        value(referenced, _SOP_INSTANCE), session.objects.uid(_STUDY, 1, 1), "the instance named in the answer"
    )
    found = get(session, "/studies", query={"StudyInstanceUID": session.objects.uid(_STUDY)}).items()
    expect_equal(len(found), 1, "the number of studies found")


@check("web.store.same-bytes", "What was stored comes back byte for byte", "PS3.18 10.5.2")
def same_bytes(session: Session) -> str:
    """Store one, and compare the data set that comes back."""
    _stored(session, _STUDY, 2)
    sent = read_part10(_file(session, _STUDY, 2))
    (came,) = get(
        session,
        f"/studies/{session.objects.uid(_STUDY)}/series/{session.objects.uid(_STUDY, 1)}/instances/"
        f"{session.objects.uid(_STUDY, 1, 2)}",
        accept=AS_STORED,
    ).parts()
    if read_part10(came).data != sent.data:
        raise NotSupported("it is encoded anew, which the standard allows")
    return "byte for byte"


@check("web.store.retrieve-url", "The answer says where the study and its instances are", _REPORT)
def retrieve_url(session: Session) -> None:
    """Follow the Retrieve URL of an instance."""
    report = _stored(session, _STUDY, 3).item()
    url = value(value(report, _STORED) or {}, _RETRIEVE_URL)
    expect(url, "the stored instance has no Retrieve URL")
    answer = get(session, url if str(url).startswith("http") else f"/{url}", accept=AS_STORED)
    expect_equal(len(answer.parts()), 1, "the number of instances there")


@check("web.store.again", "An instance that is sent again is no failure", _STATUSES)
def again(session: Session) -> str:
    """Store the same bytes twice."""
    _stored(session, _STUDY, 4)
    answer = _stored(session, _STUDY, 4)
    expect(answer.status in (200, 202), f"the status is {answer.status}")
    return str(answer.status)


@check("web.store.many", "Thirty instances in one request are stored", "PS3.18 10.5.2")
def many(session: Session) -> None:
    """Store a series of thirty."""
    files = [_file(session, _OTHER_STUDY, number) for number in range(1, 31)]
    answer = _offered(session, post_instances(session, *files))
    expect_equal(answer.status, 200, "the status")
    session.taken.add(_OTHER_STUDY)
    expect_equal(len(answer.item().get(_STORED, {}).get("Value", [])), 30, "the number of instances in the answer")
    found = get(session, f"/studies/{session.objects.uid(_OTHER_STUDY)}/instances").items()
    expect_equal(len(found), 30, "the number of instances found")


@check("web.store.into-study", "Instances are stored into the study that the address names", "PS3.18 10.5.1.1")
def into_study(session: Session) -> None:
    """Post to /studies/{uid}."""
    path = f"/studies/{session.objects.uid(_STUDY)}"
    answer = _offered(session, post_instances(session, _file(session, _STUDY, 5), path=path))
    expect_equal(answer.status, 200, "the status")
    session.taken.add(_STUDY)


@check("web.store.other-study", "An instance of another study than the address names is refused", _STATUSES)
def other_study(session: Session) -> str:
    """Post an instance of one study to another: 409, with a reason."""
    path = f"/studies/{session.objects.uid(_STUDY)}"
    answer = _offered(session, post_instances(session, _file(session, _MIXED, 1), path=path))
    expect_equal(answer.status, 409, "the status")
    failed = value(answer.item(), _FAILED) or {}
    expect_equal(value(failed, _SOP_INSTANCE), session.objects.uid(_MIXED, 1, 1), "the instance that failed")
    reason = value(failed, _REASON)
    expect(reason, "the failure has no Failure Reason")
    return f"reason {int(reason):04X}"


@check("web.store.some-fail", "Where some fail and some do not the status is 202", _STATUSES)
def some_fail(session: Session) -> str:
    """Post a good instance and one that is cut off."""
    good, bad = _file(session, _MIXED, 2), _file(session, _MIXED, 3)[:-5]
    answer = _offered(session, post_instances(session, good, bad))
    session.taken.add(_MIXED)
    if answer.status == 200:
        raise NotSupported("half an instance is taken unseen, with 200")
    expect_equal(answer.status, 202, "the status")
    report = answer.item()
    stored = [value(one, _SOP_INSTANCE) for one in report.get(_STORED, {}).get("Value", [])]
    expect_equal(stored, [session.objects.uid(_MIXED, 1, 2)], "the instances stored")
    expect(_FAILED in report or _OTHER_FAILURES in report, "the answer names no failure")
    return "named" if _FAILED in report else "among other failures"


@check("web.store.garbage", "A part that is no DICOM file is refused", _STATUSES)
def garbage(session: Session) -> str:
    """Post bytes as a file: 400 or 409."""
    answer = _offered(session, post_instances(session, b"\xff\xfe\xfd" * 100))
    expect(400 <= answer.status < 500, f"the status is {answer.status}")
    return str(answer.status)


@check("web.store.no-study-uid", "An instance without Study Instance UID is refused, with a reason", _REPORT)
def no_study_uid(session: Session) -> str:
    """Leave out what it would be found by."""
    ds = _data_set(session, _MIXED, 4)
    ds.StudyInstanceUID = None
    answer = _offered(session, post_instances(session, phantoms.part10(ds)))
    expect(answer.status in (400, 409), f"the status is {answer.status}")
    return str(answer.status)


@check("web.store.media-type", "A body of another media type is answered with 415", _STATUSES)
def other_media_type(session: Session) -> None:
    """Post plain text."""
    answer = _offered(session, post(session, "/studies", b"a text", media_type="text/plain"))
    expect_equal(answer.status, 415, "the status")


@check("web.store.no-boundary", "A multipart body without a boundary is answered with 400", _STATUSES)
def no_boundary(session: Session) -> str:
    """Leave out the parameter."""
    answer = _offered(
        session, post(session, "/studies", b"--x--", media_type='multipart/related; type="application/dicom"')
    )
    expect(answer.status in (400, 415), f"the status is {answer.status}")
    return str(answer.status)


@check("web.store.no-parts", "A multipart body without parts is answered with 400", _STATUSES)
def no_parts(session: Session) -> str:
    """Send the closing delimiter alone."""
    answer = _offered(session, post(session, "/studies", body_of([]), media_type=related("application/dicom")))
    expect(answer.status in (400, 409, 204), f"the status is {answer.status}")
    return str(answer.status)


@check("web.store.cut-off", "A body that ends within a part is refused", _STATUSES)
def cut_off(session: Session) -> str:
    """Leave out the end of the body, closing delimiter included."""
    body = body_of([Part({"Content-Type": "application/dicom"}, _file(session, _MIXED, 5))])
    answer = _offered(
        session, post(session, "/studies", body[: len(body) // 2], media_type=related("application/dicom"))
    )
    expect(400 <= answer.status < 500, f"the status is {answer.status}")
    return str(answer.status)


@check("web.store.xml-answer", "The answer comes in XML where that is asked for", "PS3.18 10.5.4")
def xml_answer(session: Session) -> str:
    """Ask for application/dicom+xml."""
    expect_offered(session)
    answer = _offered(session, post_instances(session, _file(session, _STUDY, 6), accept="application/dicom+xml"))
    session.taken.add(_STUDY)
    if answer.status == 406:
        raise NotSupported("answered with 406")
    expect_equal(answer.status, 200, "the status")
    expect(
        "xml" in answer.media_type or answer.media_type == "multipart/related", f"the media type is {answer.media_type}"
    )
    expect(b"NativeDicomModel" in answer.body, "it is no Native DICOM Model")
    return answer.media_type


@check("web.store.metadata", "Metadata in JSON and bulk data beside are stored as one instance", "PS3.18 10.5.2")
def metadata(session: Session) -> None:
    """Store a secondary capture whose pixels are a part of their own."""
    item = _model(session, _AS_METADATA)
    parts = [
        Part({"Content-Type": JSON}, json.dumps([item]).encode()),
        Part({"Content-Type": "application/octet-stream", "Content-Location": "bulk/1"}, bytes([1, 2, 3, 4])),
    ]
    answer = _offered(session, post(session, "/studies", body_of(parts), media_type=related(JSON)), unless=_NOT_TAKEN)
    expect_equal(answer.status, 200, "the status")
    session.taken.add(_AS_METADATA)
    uid = session.objects.uid
    path = f"/studies/{uid(_AS_METADATA)}/series/{uid(_AS_METADATA, 1)}/instances/{uid(_AS_METADATA, 1, 1)}/frames/1"
    (pixels,) = get(session, path, accept='multipart/related; type="application/octet-stream"').parts()
    expect_equal(pixels, bytes([1, 2, 3, 4]), "the pixels that come back")


@check("web.store.rendered-media", "A JPEG picture with metadata is stored as an image", "PS3.18 10.5.2")
def rendered_media(session: Session) -> None:
    """Store a picture of 8 x 8 pixels; Rows and Columns follow from it."""
    item = _model(session, _MEDIA)
    for tag in ("00280010", "00280011"):
        del item[tag]
    parts = [
        Part({"Content-Type": JSON}, json.dumps([item]).encode()),
        Part(
            {"Content-Type": "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50", "Content-Location": "bulk/1"},
            phantoms.grey_jpeg("stow"),
        ),
    ]
    answer = _offered(session, post(session, "/studies", body_of(parts), media_type=related(JSON)), unless=_NOT_TAKEN)
    expect_equal(answer.status, 200, "the status")
    session.taken.add(_MEDIA)
    (found,) = get(session, f"/studies/{session.objects.uid(_MEDIA)}/metadata").items()
    expect_equal((value(found, "00280010"), value(found, "00280011")), (8, 8), "Rows and Columns")


@check(
    "web.store.progressive",
    "A progressive JPEG picture is not kept in a syntax that permits none",
    "PS3.5 table 8.2.1-1",
)
def progressive(session: Session) -> str:
    """Store one, and if it was taken, look at what became of it."""
    item = _model(session, _MEDIA, 2)
    for tag in ("00280010", "00280011"):
        del item[tag]
    picture = Part(
        {"Content-Type": "image/jpeg", "Content-Location": "bulk/1"}, phantoms.grey_jpeg("stow", progressive=True)
    )
    parts = [Part({"Content-Type": JSON}, json.dumps([item]).encode()), picture]
    answer = _offered(session, post(session, "/studies", body_of(parts), media_type=related(JSON)), unless=_NOT_TAKEN)
    if answer.status not in (200, 202):
        return f"refused with {answer.status}"
    session.taken.add(_MEDIA)
    of = (session.objects.uid(_MEDIA), session.objects.uid(_MEDIA, 1), session.objects.uid(_MEDIA, 1, 2))
    (came,) = get(session, "/studies/{}/series/{}/instances/{}".format(*of), accept=AS_STORED).parts()
    kept = read_part10(came)
    expect(b"\xff\xc2" not in kept.data, f"the progressive stream stands in {kept.transfer_syntax}")
    return f"converted to {kept.transfer_syntax}"


@check("web.store.xml-metadata", "Metadata in XML are stored", "PS3.18 10.5.2")
def xml_metadata(session: Session) -> None:
    """Store a secondary capture as a Native DICOM Model, its pixels inline."""
    body = body_of([Part({"Content-Type": "application/dicom+xml"}, _native_model(_data_set(session, _XML_STUDY, 1)))])
    media_type = related("application/dicom+xml")
    answer = _offered(session, post(session, "/studies", body, media_type=media_type), unless=_NOT_TAKEN)
    expect_equal(answer.status, 200, "the status")
    session.taken.add(_XML_STUDY)
    found = get(session, "/studies", query={"StudyInstanceUID": session.objects.uid(_XML_STUDY)}).items()
    expect_equal(len(found), 1, "the number of studies found")


@check("web.store.single", "One instance may be posted without multipart", "PS3.18 10.5.2")
def single(session: Session) -> None:
    """Post a file as application/dicom."""
    answer = post(session, "/studies", _file(session, _STUDY, 8), media_type="application/dicom")
    expect_equal(_offered(session, answer, unless=_NOT_TAKEN).status, 200, "the status")
    session.taken.add(_STUDY)


def _stored(session: Session, study: int, number: int) -> WebAnswer:
    answer = _offered(session, post_instances(session, _file(session, study, number)))
    if answer.status in (200, 202):
        session.taken.add(study)
    return answer


def _offered(session: Session, answer: WebAnswer, *, unless: tuple[int, ...] = (405, 501)) -> WebAnswer:
    expect_offered(session)
    return offered(answer, unless=unless)


def _file(session: Session, study: int, number: int) -> bytes:
    if session.target.study:
        raise Skipped("a study was named, so nothing is stored")
    client(session)
    return phantoms.part10(_data_set(session, study, number))


def _data_set(session: Session, study: int, number: int) -> Dataset:
    if session.target.study:
        raise Skipped("a study was named, so nothing is stored")
    ds = oddities.secondary_capture(study=study, number=number)
    ds.PatientName, ds.PatientID = "CONFORMANCE^STOW", f"{session.objects.label}W"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = session.objects.uid(study), session.objects.uid(study, 1)
    ds.SOPInstanceUID = session.objects.uid(study, 1, number)
    return ds


def _model(session: Session, study: int, number: int = 1) -> dict[str, Any]:
    """Return the DICOM JSON Model of an instance whose pixels are at bulk/1."""
    client(session)
    ds = _data_set(session, study, number)
    item = dict(ds.to_json_dict())
    item["7FE00010"] = {"vr": "OB", "BulkDataURI": "bulk/1"}
    return item


def _native_model(ds: Dataset) -> bytes:
    """Return a data set without sequences in XML (PS3.19 A.1)."""
    root = ET.Element("NativeDicomModel", {"xmlns": NATIVE.strip("{}")})
    for tag, element in ds.to_json_dict().items():
        attribute = ET.SubElement(root, "DicomAttribute", {"tag": tag, "vr": element["vr"]})
        if "InlineBinary" in element:
            ET.SubElement(attribute, "InlineBinary").text = element["InlineBinary"]
        for number, one in enumerate(element.get("Value", []), start=1):
            if element["vr"] == "PN":
                name = ET.SubElement(attribute, "PersonName", number=str(number))
                ET.SubElement(ET.SubElement(name, "Alphabetic"), "FamilyName").text = one["Alphabetic"]
            else:
                ET.SubElement(attribute, "Value", number=str(number)).text = str(one)
    return ET.tostring(root, encoding="unicode").encode()
