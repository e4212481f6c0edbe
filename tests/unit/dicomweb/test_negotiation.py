"""What a client accepts against what there is: a table of Accept headers."""

import pytest
from starlette.requests import Request

from dicomweb.negotiation import Form, frame_forms, instance_syntaxes, offers
from image_kinds import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, RLE
from vna.web.media_types import accepted
from vna.web.problem import Problem

_J = "1.2.840.10008.1.2.4."
BASELINE, LOSSLESS, PROCESS_14, JPEG_LS, JPEG_2000, HTJ2K = (_J + n for n in ("50", "70", "57", "80", "90", "201"))
MPEG = _J + "102"
OCTETS = "application/octet-stream"
PARTS = 'multipart/related; type="application/dicom"'


def offered(accept: str):
    headers = [(b"accept", accept.encode())] if accept else []
    return offers(accepted(Request({"type": "http", "headers": headers, "query_string": b""})))


@pytest.mark.parametrize(
    ("accept", "stored", "given"),
    [
        pytest.param("", EXPLICIT_LE, EXPLICIT_LE, id="nothing said"),
        pytest.param(PARTS, IMPLICIT_LE, EXPLICIT_LE, id="default of implicit"),
        pytest.param(PARTS, RLE, EXPLICIT_LE, id="default decodes lossless"),
        pytest.param(PARTS, BASELINE, BASELINE, id="default leaves lossy"),
        pytest.param(PARTS, MPEG, MPEG, id="default leaves video"),
        pytest.param(PARTS + "; transfer-syntax=*", RLE, RLE, id="any is as stored"),
        pytest.param(PARTS + "; transfer-syntax=*", IMPLICIT_LE, EXPLICIT_LE, id="implicit never"),
        pytest.param(PARTS + "; transfer-syntax=*", EXPLICIT_BE, EXPLICIT_LE, id="big endian never"),
        pytest.param(PARTS + f"; transfer-syntax={IMPLICIT_LE}", EXPLICIT_LE, None, id="implicit asked for"),
        pytest.param(PARTS + f"; transfer-syntax={JPEG_LS}", EXPLICIT_LE, JPEG_LS, id="compressed"),
        pytest.param(PARTS + f"; transfer-syntax={BASELINE}", EXPLICIT_LE, None, id="never with loss"),
        pytest.param(PARTS + f"; transfer-syntax={JPEG_LS}", MPEG, None, id="video stays video"),
        pytest.param(
            f"{PARTS}; transfer-syntax={JPEG_LS}, {PARTS}; transfer-syntax={RLE}", RLE, RLE, id="stored first"
        ),
        pytest.param(f"{PARTS}; transfer-syntax={JPEG_LS}, {PARTS}; transfer-syntax={RLE};q=0.9", RLE, JPEG_LS, id="q"),
        pytest.param(
            f"{PARTS}; transfer-syntax={BASELINE}, {PARTS}; q=0.1", EXPLICIT_LE, EXPLICIT_LE, id="second best"
        ),
        pytest.param(
            f'multipart/related; type="application/dicom; transfer-syntax={RLE}"', EXPLICIT_LE, RLE, id="inside"
        ),
        pytest.param(PARTS + "; q=0", EXPLICIT_LE, None, id="refused"),
    ],
)
def test_transfer_syntax_of_an_instance(accept: str, stored: str, given: str | None) -> None:
    assert next(iter(instance_syntaxes(offered(accept), stored)), None) == given


def test_what_is_liked_less_comes_behind_and_what_is_stored_last_unless_all_that_is_taken_is_named() -> None:
    liked = f"{PARTS}; transfer-syntax={JPEG_LS}"

    assert instance_syntaxes(offered(f"{liked}, {PARTS}; transfer-syntax={RLE};q=0.5"), IMPLICIT_LE) == [JPEG_LS, RLE]
    assert instance_syntaxes(offered(f"{liked}, {PARTS}; q=0.1"), RLE) == [JPEG_LS, EXPLICIT_LE, RLE]


def part(name: str, syntax: str) -> Form:
    return Form(name, syntax, multipart=True)


def alone(name: str, syntax: str) -> Form:
    return Form(name, syntax, multipart=False)


OHIF = "multipart/related; type=application/octet-stream; transfer-syntax=*"


@pytest.mark.parametrize(
    ("accept", "stored", "best"),
    [
        pytest.param(OHIF, EXPLICIT_LE, part(OCTETS, EXPLICIT_LE), id="OHIF native"),
        pytest.param(OHIF, JPEG_LS, part(OCTETS, JPEG_LS), id="OHIF compressed"),
        pytest.param("", EXPLICIT_LE, part(OCTETS, EXPLICIT_LE), id="nothing said"),
        pytest.param("*/*", JPEG_LS, part(OCTETS, EXPLICIT_LE), id="lossless is decoded"),
        pytest.param("*/*", BASELINE, part("image/jpeg", BASELINE), id="lossy is not"),
        pytest.param("multipart/related", BASELINE, part("image/jpeg", BASELINE), id="no type"),
        pytest.param('multipart/related; type="*/*"; transfer-syntax=*', HTJ2K, part("image/jphc", HTJ2K), id="any"),
        pytest.param("image/jls", EXPLICIT_LE, alone("image/jls", JPEG_LS), id="default of a type"),
        pytest.param("image/x-jls", EXPLICIT_LE, alone("image/jls", JPEG_LS), id="old name"),
        pytest.param("image/jpeg", PROCESS_14, alone("image/jpeg", LOSSLESS), id="default, not another process"),
        pytest.param("image/jpeg", BASELINE, alone("image/jpeg", BASELINE), id="lossy of the type"),
        pytest.param(f"image/jpeg; transfer-syntax={BASELINE}", EXPLICIT_LE, alone("image/jpeg", BASELINE), id="asked"),
        pytest.param("image/*", JPEG_2000, alone("image/jp2", JPEG_2000), id="range"),
        pytest.param("image/jpeg, image/jp2", JPEG_2000, alone("image/jp2", JPEG_2000), id="stored first"),
        pytest.param("image/jpeg, image/jp2;q=0.5", JPEG_2000, alone("image/jpeg", LOSSLESS), id="q first"),
        pytest.param("image/jp2, image/jpeg;q=0", BASELINE, alone("image/jp2", JPEG_2000), id="refused"),
        pytest.param(f"{OCTETS}; transfer-syntax={EXPLICIT_LE}", RLE, alone(OCTETS, EXPLICIT_LE), id="decoded"),
    ],
)
def test_form_of_a_frame(accept: str, stored: str, best: Form) -> None:
    assert frame_forms(offered(accept), stored, single=True)[0] == best


@pytest.mark.parametrize(
    "accept", ["text/html", "image/png", "image/jph", f"image/jpeg; transfer-syntax={RLE}", "image/jpeg;q=0"]
)
def test_nothing_that_fits(accept: str) -> None:
    assert frame_forms(offered(accept), EXPLICIT_LE, single=True) == []


@pytest.mark.parametrize("accept", ["image/*", "image/*; transfer-syntax=*"])
def test_every_type_of_image_is_among_all_of_them(accept: str) -> None:
    assert alone("image/jpeg", LOSSLESS) in frame_forms(offered(accept), EXPLICIT_LE, single=True)
    assert frame_forms(offered(accept), JPEG_LS, single=True)[0] == alone("image/jls", JPEG_LS)


def test_several_frames_have_no_single_part() -> None:
    assert frame_forms(offered("image/jls"), JPEG_LS, single=False) == []
    assert {form.multipart for form in frame_forms(offered("*/*"), JPEG_LS, single=False)} == {True}


def test_what_does_not_convert_to_a_default_is_there_as_stored() -> None:
    assert frame_forms(offered("*/*"), JPEG_LS, single=False)[-1] == part("image/jls", JPEG_LS)


def test_a_type_that_is_none_is_a_bad_request() -> None:
    with pytest.raises(Problem) as caught:
        offered('multipart/related; type="dicom"')
    assert caught.value.status == 400
