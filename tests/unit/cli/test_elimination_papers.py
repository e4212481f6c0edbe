"""The papers of an elimination: in two languages, with every letter, the same bytes each time."""

import re
import zlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from reportlab.pdfbase import pdfmetrics

from eliminating import certificate_sections
from vna.archive.certificates import sign_certificate
from vna.cli import elimination_papers, elimination_words
from vna.cli.elimination_papers import print_bordereau, print_certificate
from vna.cli.elimination_words import LANGUAGES, Words
from vna.journal import SigningKey

NAMES = "Hélène Lefèvre-Œuvrard, François Noël, Zoë Müller, Łukasz"
FRENCH = "ÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸàâæçéèêëîïôœùûüÿ«»€\N{NO-BREAK SPACE}"
DESCRIPTION = {
    "on": "2026-11-22",
    "profile": {"name": "fr-csp-public", "version": "1", "verified_by": NAMES, "verified_on": "2025-01-15"},
    "rules": [{"id": "FR-BASE-20", "cite": "CSP R.1112-7 <al.3> & suivants"}],
    "establishments": ["CHU de Besançon"],
    "departments": [],
    "typology": {"CT": 2},
    "dates": ["19940101", "20061231"],
    "patients": 2,
    "studies": 2,
    "items": 400,
    "instances": 3,
    "size": 35,
    "excluded": [],
}
HELD = {"study": "1.2.9", "series": None, "instance": None, "cause": "hold", "holds": [5], "retain_until": "2026-01-31"}
ITEM = {
    "study": "1.2.3",
    "series": None,
    "instance": None,
    "modalities": ["CT"],
    "study_date": "20060131",
    "rules": ["FR-BASE-20"],
    "retain_until": "2026-01-31",
    "instances": 2,
    "size": 30,
    "outcome": "listed",
    "cause": "",
    "holds": [],
}


def shown(items: int) -> dict:
    """Return what `vna elimination show --json` prints of a list of so many items."""
    certificate = certificate_sections()
    return {
        "archive": "2.25.1",
        "number": 10,
        "state": "opinions",
        "by": NAMES,
        "time": "2026-01-01T10:00:00+00:00",
        "roles": certificate["elimination"]["roles"],
        "steps": certificate["approvals"][:2],
        "wait_days": 7,
        "accepted": ["basis"],
        "list_digest": "ab" * 32,
        "bordereau": {**DESCRIPTION, "excluded": [HELD]},
        "items": [{"item": number, **ITEM} for number in range(1, items + 1)],
    }


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", pdf))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_bordereau_has_as_many_pages_as_its_list_needs(language: str) -> None:
    short, long = print_bordereau(shown(2), language), print_bordereau(shown(120), language)

    assert (pages(short), pages(long)) == (1, 5)
    assert print_bordereau(shown(2), language) == short


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_certificate_is_printed(language: str) -> None:
    said = certificate_sections()
    said["bordereau"] = DESCRIPTION
    signed = sign_certificate(said, "2.25.1", SigningKey(Ed25519PrivateKey.generate()))

    pdf = print_certificate(signed, language)

    assert pdf.startswith(b"%PDF")
    assert pages(pdf) == 2
    assert zlib.crc32(pdf) == zlib.crc32(print_certificate(signed, language))


def test_the_font_has_every_letter_of_the_words_and_of_french_names() -> None:
    elimination_papers._register_fonts()
    texts = [text for pair in (*elimination_words._WORDS.values(), *elimination_words._TERMS.values()) for text in pair]
    letters = {
        letter for text in (*texts, NAMES, "ÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸàâæçéèêëîïôœùûüÿ«»€\N{NO-BREAK SPACE}") for letter in text
    }

    for name in ("Vera", "VeraBd"):
        known = pdfmetrics.getFont(name).face.charToGlyph
        assert sorted(letter for letter in letters if ord(letter) not in known and letter != "\n") == []


def test_both_languages_ask_for_the_same_values() -> None:
    for name, (french, english) in elimination_words._WORDS.items():
        assert sorted(re.findall(r"{(\w+)}", french)) == sorted(re.findall(r"{(\w+)}", english)), name
    assert Words("fr").term("director") == "Directeur"
    assert Words("en").term("janitor") == "janitor"
