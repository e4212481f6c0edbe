"""The papers of an elimination: in two languages, with every letter, the same bytes each time."""

import re
import zlib

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from reportlab.pdfbase import pdfmetrics
from reportlab.platypus import PageBreak

from eliminating import certificate_sections
from vna.archive.certificates import sign_certificate
from vna.cli import elimination_papers, elimination_words
from vna.cli.elimination_letters import fonts_of, markup, register_fonts
from vna.cli.elimination_papers import print_bordereau, print_certificate
from vna.cli.elimination_words import LANGUAGES, Words
from vna.index import purging
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
    "communicable": None,
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


def test_what_is_kept_for_history_says_from_when_on_it_may_be_communicated() -> None:
    said = {
        **ITEM,
        "outcome": "kept",
        "cause": "historical",
        "communicable": {"after": "2034-05-20", "cite": "L.213-2"},
    }

    assert elimination_papers._outcome(said, Words("fr")).endswith("communicable après le 20/05/2034 (L.213-2)")
    assert elimination_papers._outcome(said, Words("en")).endswith("communicable after 2034-05-20 (L.213-2)")


def test_who_decides_has_room_for_a_name_of_any_length() -> None:
    said = shown(2)
    for step in said["steps"]:
        step["by"] = " ".join([NAMES] * 40)

    assert pages(print_bordereau(said, "fr")) > pages(print_bordereau(shown(2), "fr"))


def test_each_page_says_how_many_there_are() -> None:
    class Heard(Words):
        def __call__(self, name: str, **values: object) -> str:
            heard.append(values)
            return super().__call__(name, **values)

    heard: list[dict[str, object]] = []
    register_fonts()

    pdf = elimination_papers._pdf("A title", [PageBreak(), PageBreak()], Heard("fr"), footer="ab")

    assert pages(pdf) == 2
    assert heard == [{"n": 1, "of": 2}, {"n": 2, "of": 2}]


@pytest.mark.parametrize(
    "method",
    [
        "payload files deleted",
        "documents made of instances deleted, all",
        "no file is known there, and it is not in the settings",
        "deleted in /mnt/cold; the medium was not overwritten",
        purging._IN_FULL,
        purging._TABLES,
    ],
)
def test_how_a_place_destroyed_is_said_in_french(method: str) -> None:
    french = Words("fr").method(method)

    assert not set(re.findall("[a-z]{3,}", french)) & {
        "deleted",
        "the",
        "was",
        "were",
        "made",
        "not",
        "anew",
        "emptied",
    }
    assert Words("en").method(method) == method


def test_dates_and_places_are_written_as_in_the_language() -> None:
    french, english = Words("fr"), Words("en")

    assert (french.day("2026-01-31 10:15"), english.day("2026-01-31")) == ("31/01/2026 10:15", "2026-01-31")
    assert (french.day(""), french.place("store:cold")) == ("", "espace de stockage cold")
    assert (french.term("archives_departementales"), french.place("index")) == (
        "Directeur des archives départementales",
        "base de données (index)",
    )


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
    register_fonts()
    texts = [text for pair in (*elimination_words._WORDS.values(), *elimination_words._TERMS.values()) for text in pair]
    letters = {
        letter for text in (*texts, NAMES, "ÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸàâæçéèêëîïôœùûüÿ«»€\N{NO-BREAK SPACE}") for letter in text
    }

    for name in ("Vera", "VeraBd"):
        known = pdfmetrics.getFont(name).face.charToGlyph
        assert sorted(letter for letter in letters if ord(letter) not in known and letter != "\n") == []


@pytest.mark.parametrize(
    ("text", "font"),
    [
        ("北京协和医院", "STSong-Light"),
        ("東京大学医学部附属病院とうきょう", "HeiseiMin-W3"),
        ("서울대학교병원", "HYSMyeongJo-Medium"),
        ("Hélène", ""),
        ("He\u0301le\u0300ne & <CHU>", ""),
    ],
)
def test_a_text_is_printed_in_a_font_that_has_its_letters(text: str, font: str) -> None:
    assert set(re.findall('name="(.*?)"', markup(text))) == ({font} if font else set())
    assert "" not in fonts_of(text)


def test_greek_and_cyrillic_are_printed_by_some_font_whatever_this_machine_has() -> None:
    assert "" not in fonts_of("Νοσοκομειο Больница")
    assert "[U+" not in markup("Νοσοκομειο Больница")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_no_font_has_is_told_by_its_number_and_that_is_explained(language: str) -> None:
    said = shown(1)
    plain = print_bordereau(said, language)
    said["bordereau"] = {**said["bordereau"], "departments": ["\u0645\u0633 \U0001f3e5"]}

    assert markup("\u0645\u0633 \U0001f3e5") == "[U+0645][U+0633] [U+1F3E5]"
    assert [
        len(elimination_papers._on_letters(orjson.dumps([text]), Words(language))) for text in ("é", "م", "م北")
    ] == [0, 1, 2]
    assert len(print_bordereau(said, language)) > len(plain)


def test_both_languages_ask_for_the_same_values() -> None:
    for name, (french, english) in elimination_words._WORDS.items():
        assert sorted(re.findall(r"{(\w+)}", french)) == sorted(re.findall(r"{(\w+)}", english)), name
    assert Words("fr").term("director") == "Directeur de l'établissement"
    assert Words("en").term("janitor") == "janitor"
