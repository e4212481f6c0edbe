"""What retrieved representations hold, compared with what was stored (WADO-RS, PS3.18 10.4)."""

import base64
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

from conformance import oddities, phantoms
from conformance.checks.comparing import compare
from conformance.checks.registry import Check, check
from conformance.checks.session import EXPLICIT, Session
from conformance.checks.verdicts import NotSupported, Skipped, expect, expect_equal
from conformance.checks.web import AS_STORED, OCTETS, XML, client, get, offered, ready, subject
from conformance.checks.web_client import NATIVE, WebAnswer, value
from conformance.sources import read_part10

_DICOM = 'multipart/related; type="application/dicom"'
_BULKDATA = "PS3.18 10.4.1.1.5"
_COMPRESSED = ("rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000-lossless")


def _as_stored(name: str) -> Check:
    """Return the check that an object comes back in the transfer syntax it was stored in."""

    def run(session: Session) -> str:
        sent = ready(session, name)
        (file,) = offered(get(session, subject(session, name).path("{instance}"), accept=AS_STORED)).parts()
        came = read_part10(file)
        expect_equal(came.transfer_syntax, sent.transfer_syntax, "the transfer syntax")
        return compare(sent, came)

    title = f"{name.removeprefix('syntax-')} comes back as it was stored for transfer-syntax=*"
    return Check(f"web.content.as-stored.{name}", title, "PS3.18 8.7.3.5.2", run)


def _by_default(name: str) -> Check:
    """Return the check that an object comes in the default transfer syntax when none is named."""

    def run(session: Session) -> str:
        sent = ready(session, f"syntax-{name}")
        (file,) = get(session, subject(session, f"syntax-{name}").path("{instance}"), accept=_DICOM).parts()
        came = read_part10(file)
        expect_equal(came.transfer_syntax, EXPLICIT, "the transfer syntax")
        return compare(sent, came)

    title = f"{name} comes in Explicit VR Little Endian when no transfer syntax is named"
    return Check(f"web.content.default.{name}", title, "PS3.18 8.7.3.4", run)


AS_THEY_CAME = tuple(
    _as_stored(name)
    for name in ("ct", "us-multiframe", "sr", "pdf", "segmentation", "odd-private-elements", "odd-undefined-lengths")
) + tuple(_as_stored(f"syntax-{name}") for name in (*_COMPRESSED, "jpeg-baseline"))
DEFAULTS = tuple(_by_default(name) for name in ("implicit", "deflated", *_COMPRESSED))


@check(
    "web.content.frames", "Frames come in the order of the list, and frames not asked for do not", "PS3.18 10.4.1.1.6"
)
def frames(session: Session) -> None:
    """Ask for frames 2 and 1 of an ultrasound loop."""
    ready(session, "us-multiframe")
    sent = phantoms.us_multiframe(frames=2).PixelData
    half = len(sent) // 2
    path = subject(session, "us-multiframe").path("{instance}/frames")
    both = get(session, f"{path}/1,2", accept=OCTETS).parts()
    expect(both == [sent[:half], sent[half:]], f"for 1,2 came {[len(part) for part in both]} bytes, not the frames")
    second = get(session, f"{path}/2", accept=OCTETS).parts()
    expect(second == [sent[half:]], f"for 2 came {[len(part) for part in second]} bytes, not the second frame")


@check(
    "web.content.frame.stored", "A compressed frame comes as its own bytes for transfer-syntax=*", "PS3.18 8.7.3.3.2"
)
def stored_frame(session: Session) -> str:
    """Ask for a frame in JPEG Baseline, as image/jpeg."""
    ready(session, "syntax-jpeg-baseline")
    path = subject(session, "syntax-jpeg-baseline").path("{instance}/frames/2")
    answer = offered(
        get(session, path, accept='multipart/related; type="image/jpeg"; transfer-syntax=*'), unless=(406,)
    )
    (part,) = answer.typed_parts()
    expect(part.body.rstrip(b"\0") == phantoms.grey_jpeg("frame 2" + "." * 34), "other bytes came")
    return part.headers.get("content-type", "")


@check("web.content.bulk-data", "A BulkDataURI leads to the bytes of the value", _BULKDATA)
def bulk_data(session: Session) -> str:
    """Follow the URI of the pixels of the MR phantom."""
    (item,) = _metadata(session, "mr")
    _expect_bytes(session, item, "7FE00010", phantoms.mr_slice().PixelData)
    return "by BulkDataURI" if "BulkDataURI" in item["7FE00010"] else "inline"


@check("web.content.bulk-data.document", "The document of an encapsulated PDF comes", _BULKDATA)
def document(session: Session) -> str:
    """Follow the URI of the document."""
    (item,) = _metadata(session, "pdf")
    return _expect_bytes(session, item, "00420011", oddities.encapsulated_pdf().EncapsulatedDocument)


@check("web.content.bulk-data.private", "A large private value comes", _BULKDATA)
def private_value(session: Session) -> str:
    """Find the large private value of an oddity, wherever it stands."""
    (item,) = _metadata(session, "odd-private-elements")
    sizes = sorted(len(_bytes(session, element)) for element in _binaries(item))
    expect(sizes and sizes[-1] >= 3000, f"the binary values have {sizes} bytes; the largest was 3000")
    return f"{len(sizes)} binary values"


@check("web.content.bulk-data.range", "A range of a bulk value comes with 206", _BULKDATA)
def bulk_range(session: Session) -> None:
    """Ask for four bytes of pixels."""
    (item,) = _metadata(session, "mr")
    uri = _uri(item, "7FE00010")
    headers = {"Accept": "application/octet-stream, */*", "Range": "bytes=1000-1003"}
    answer = client(session).request("GET", uri, headers=headers)
    if answer.status == 200:
        raise NotSupported("the whole comes instead")
    expect_equal(answer.status, 206, "the status")
    if answer.media_type != "multipart/related":
        expect_equal(answer.body, phantoms.mr_slice().PixelData[1000:1004], "the bytes")


@check("web.content.metadata.values", "Metadata hold the values that were stored", "PS3.18 F.2.2")
def values(session: Session) -> None:
    """See some of the MR phantom: text, decimal strings as numbers, a UID."""
    (item,) = _metadata(session, "mr")
    found = {tag: value(item, tag) for tag in ("00080060", "00180081", "00280010", "0020000D")}
    wanted = {"00080060": "MR", "00180081": 12.5, "00280010": 256, "0020000D": subject(session).study}
    expect_equal(found, wanted, "the values")
    expect_equal(item["00180020"].get("Value"), ["SE", "IR"], "a text of two values")
    expect_equal(
        [tag for tag in item if len(tag) != 8 or tag != tag.upper()], [], "tags that are not 8 upper case digits"
    )
    expect(all("vr" in element for element in item.values()), "an attribute has no vr")
    expect("00020010" not in item, "File Meta is among the metadata")


@check("web.content.metadata.sequences", "Sequences keep their nesting in metadata", "PS3.18 F.2.2")
def sequences(session: Session) -> None:
    """Descend into a structured report: container, finding, measurement."""
    (item,) = _metadata(session, "sr")
    finding = value(item, "0040A730") or {}
    measured = value(value(finding, "0040A730") or {}, "0040A300") or {}
    expect_equal(value(measured, "0040A30A"), 12.5, "Numeric Value three levels below")


@check("web.content.metadata.xml", "Metadata in XML have the attributes that they have in JSON", "PS3.18 8.7.3.2")
def xml(session: Session) -> None:
    """Compare both of the MR phantom."""
    (item,) = _metadata(session, "mr")
    models = get(session, subject(session).path("{instance}/metadata"), accept=XML).native_models()
    expect_equal(len(models), 1, "the number of models")
    tags = {str(each.get("tag")).upper() for each in models[0].findall(f"{NATIVE}DicomAttribute")}
    expect_equal(sorted(tags ^ item.keys()), [], "attributes that only one of them has")


@check("web.content.zip", "A study as ZIP holds its instances", "PS3.18 10.4.4")
def whole_zip(session: Session) -> str:
    """Retrieve study 1, and compare what is in the ZIP."""
    session.store_queried()
    sent = {
        uid.sop_instance_uid: uid
        for uid in (session.stored(f"query-1-{n}") for n in ("1-1", "1-2", "1-3", "2-1", "2-2"))
    }
    path = f"/studies/{session.objects.uid(1)}"
    answer = offered(get(session, path, accept="application/zip"), unless=(400, 406))
    expect_equal((answer.status, answer.media_type), (200, "application/zip"), "status and media type")
    with zipfile.ZipFile(BytesIO(answer.body)) as archive:
        expect(archive.testzip() is None, "a file in it is damaged")
        files = [archive.read(name) for name in archive.namelist() if not name.upper().endswith("DICOMDIR")]
        directory = any(name.upper().endswith("DICOMDIR") for name in archive.namelist())
    came = {one.sop_instance_uid: one for one in map(read_part10, [file for file in files if file[128:132] == b"DICM"])}
    expect_equal(came.keys(), sent.keys(), "the instances in it")
    for uid, one in came.items():
        compare(sent[uid], one)
    return "with DICOMDIR" if directory else "without DICOMDIR"


def _metadata(session: Session, name: str) -> list[dict[str, Any]]:
    if session.target.study:
        raise Skipped("a study was named, so nothing is stored")
    ready(session, name)
    found = offered(get(session, subject(session, name).path("{instance}/metadata"))).items()
    expect_equal(len(found), 1, "the number of data sets")
    return found


def _uri(item: Mapping[str, Any], tag: str) -> str:
    element = item.get(tag, {})
    if "BulkDataURI" not in element:
        raise NotSupported("the value has no BulkDataURI")
    uri = str(element["BulkDataURI"])
    return uri if uri.startswith("http") else f"/{uri.lstrip('/')}"


def _expect_bytes(session: Session, item: Mapping[str, Any], tag: str, wanted: bytes) -> str:
    expect(tag in item, f"the metadata lack {tag}")
    came = _bytes(session, item[tag])
    expect(came.rstrip(b"\0") == wanted.rstrip(b"\0"), f"{len(came)} other bytes came, not {len(wanted)}")
    return "by BulkDataURI" if "BulkDataURI" in item[tag] else "inline"


def _bytes(session: Session, element: Mapping[str, Any]) -> bytes:
    """Return a binary value, wherever it is."""
    if "InlineBinary" in element:
        return base64.b64decode(element["InlineBinary"])
    uri = _uri({"": element}, "")
    answer = get(session, uri, accept=f"{OCTETS}, application/octet-stream, */*; q=0.1")
    return _payload(answer)


def _payload(answer: WebAnswer) -> bytes:
    if answer.media_type == "multipart/related":
        return b"".join(answer.parts())
    expect_equal(answer.status, 200, "the status of the bulk value")
    return answer.body


def _binaries(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the binary values of a data set and of the items in it."""
    for element in item.values():
        if "InlineBinary" in element or "BulkDataURI" in element:
            yield element
        for below in element.get("Value", []) if element.get("vr") == "SQ" else []:
            yield from _binaries(below)
