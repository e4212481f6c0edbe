"""The Conformance Statement says all that the node's tables hold, so that it cannot drift from them."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

import vna
from conformance.statement.answers import ERRORS, STATUSES, error_classes
from conformance.statement.command import statement
from conformance.statement.markdown import as_markdown
from conformance.statement.page import as_html
from conformance.statement.tables import (
    CHARACTER_SETS,
    character_sets,
    matching_kinds,
    query_models,
    rejections,
    sop_classes,
)
from conformance.statement.web import WEB_STATUSES, statuses_of
from dicomweb.transactions import Transaction, transactions
from vna.dicom.attributes import BY_KEYWORD, BY_TAG, OF_THE_ANSWER, Model
from vna.dicom.encoding import tag_text
from vna.dicom.supported import STORAGE_CLASSES, TRANSFER_SYNTAXES
from vna.dimse.command import CommandField
from vna.dimse.pdu import AbortReason
from vna.dimse.status import Status
from vna.settings import Settings, show

DOCUMENT = statement()
MARKDOWN = as_markdown(DOCUMENT)
HTML = as_html(DOCUMENT)
CELLS = set(re.findall(r"<code>([^<]+)</code>", HTML))


class Page(HTMLParser):
    """What a page is made of: tags that are open, identifiers, links, and where pictures and scripts come from."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name == "src":
                self.sources.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page() -> Page:
    """The page, read."""
    read = Page()
    read.feed(HTML)
    return read


def test_every_sop_class_is_there() -> None:
    assert set(sop_classes()) - CELLS == set()
    assert {name for name in STORAGE_CLASSES.values() if name not in MARKDOWN} == set()


def test_every_transfer_syntax_is_there() -> None:
    assert TRANSFER_SYNTAXES.keys() - CELLS == set()


def test_every_key_is_there_with_its_level() -> None:
    tables = dict(re.findall(r"Keys of the (\w+) level.*?\n\n(.*?)\n\n", MARKDOWN, re.DOTALL))

    missing = [
        each.keyword
        for each in BY_TAG.values()
        if f"| {each.keyword} | `{tag_text(each.tag)}` |" not in tables[each.level]
    ]
    assert missing == []


def test_every_attribute_of_items_and_answers_is_there() -> None:
    wanted = [item.keyword for each in BY_TAG.values() for item in each.items] + list(OF_THE_ANSWER)

    assert [keyword for keyword in wanted if f" {keyword} |" not in MARKDOWN] == []


@pytest.mark.parametrize(
    ("keyword", "kinds"),
    [
        ("StudyInstanceUID", ("SINGLE_VALUE", "UID", "UNIVERSAL")),
        ("PatientName", ("SINGLE_VALUE", "LIST", "WILDCARD", "UNIVERSAL")),
        ("StudyDate", ("SINGLE_VALUE", "RANGE", "UNIVERSAL")),
        ("AcquisitionDateTime", ("SINGLE_VALUE", "RANGE", "UNIVERSAL")),
        ("SeriesNumber", ("SINGLE_VALUE", "UNIVERSAL")),
        ("ProcedureCodeSequence", ("SEQUENCE", "UNIVERSAL")),
        ("TimezoneOffsetFromUTC", ("UNIVERSAL",)),
    ],
)
def test_the_kinds_of_matching_are_those_of_the_code(keyword: str, kinds: tuple[str, ...]) -> None:
    assert matching_kinds(BY_KEYWORD[keyword]) == kinds


def test_study_root_has_the_keys_of_the_patient() -> None:
    """PS3.4 C.6.2.1.2."""
    assert Model.STUDY_ROOT in query_models(BY_KEYWORD["PatientName"])
    assert Model.PATIENT_STUDY_ONLY not in query_models(BY_KEYWORD["Modality"])


def test_every_status_of_the_code_is_explained() -> None:
    assert STATUSES.keys() == Status.__members__.keys()
    assert {f"{status:04X}" for status in Status} - CELLS == set()


def test_every_error_is_explained_or_known_to_reach_no_peer() -> None:
    names = {error.__name__ for error in error_classes()}

    of_administration = {"ClockNotTrusted", "Held", "LimitedBefore", "NotPermitted", "NotPlausible", "TooFewVerified"}
    assert names - ERRORS.keys() == {"VnaError", "StartRefused", "Ambiguous", *of_administration}
    assert ERRORS.keys() - names == set()
    assert {f"{error.status:04X}" for error in error_classes()} - CELLS == set()


def test_every_setting_is_there_with_its_default() -> None:
    lines = MARKDOWN.splitlines()

    missing = [
        each.path
        for each in show(Settings())
        if not any(f"| `{each.path}` | `" in line and each.variable in line for line in lines)
    ]
    assert missing == []


def test_every_rejection_abort_and_command_is_there() -> None:
    told = [str(rejection) for _name, rejection in rejections()]
    told += [reason.name.lower().replace("_", " ") for reason in AbortReason]
    told += [field.name.replace("_", "-") for field in CommandField]

    assert [text for text in told if text not in MARKDOWN] == []


def test_every_character_set_that_is_listed_can_be_read() -> None:
    assert [term for term, _name in character_sets()] == list(CHARACTER_SETS)


@pytest.mark.parametrize("transaction", transactions(), ids=lambda each: each.name)
def test_every_transaction_over_the_web_is_stated(transaction: Transaction) -> None:
    media_types = [*transaction.request, *(one for types in transaction.answers.values() for one in types)]

    assert f"| {transaction.name} | {transaction.method} | `{transaction.path}` |" in MARKDOWN
    assert transaction.path in CELLS
    assert [one for one in media_types if f"`{one}`" not in MARKDOWN] == []


def test_every_status_over_the_web_is_stated_and_no_other() -> None:
    assert set(WEB_STATUSES) == {status for each in transactions() for status in statuses_of(each)}


def test_chapters_are_those_of_the_template() -> None:
    """PS3.2 N.1, N.3 to N.9; N.2 is the contents."""
    assert [chapter.title for chapter in DOCUMENT.chapters] == [
        "Conformance Statement Overview",
        "Introduction",
        "Implementation Model",
        "Service and Interoperability Description",
        "Configuration",
        "Network and Media Communication Details",
        "Security",
        "Annexes",
    ]


def test_the_version_is_that_of_the_node() -> None:
    assert f"Version {vna.__version__}." in MARKDOWN


def test_every_table_row_has_all_its_cells() -> None:
    tables = re.findall(r"(?:^\|.*\n)+", MARKDOWN, re.MULTILINE)

    assert len(tables) == len(re.findall(r"^\*Table \d+: ", MARKDOWN, re.MULTILINE))
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table


def test_the_page_is_well_formed_and_needs_nothing_else(page: Page) -> None:
    assert page.open == []
    assert page.sources == []
    assert "script" not in page.tags
    assert "url(" not in HTML
    assert "@import" not in HTML


def test_every_link_of_the_page_leads_somewhere(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    assert {link for link in page.links if link.removeprefix("#") not in page.ids} == set()


def test_the_page_can_be_read_by_ear() -> None:
    levels = [int(level) for level in re.findall(r"<h(\d)", HTML)]

    assert 'lang="en"' in HTML
    assert HTML.count("<caption>") == HTML.count("<table>") == HTML.count('role="region"')
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))
    assert '<a class="skip" href="#main">' in HTML


def test_both_forms_say_the_same() -> None:
    def words(text: str) -> set[str]:
        return set(re.findall(r"[A-Za-z]{4,}", text))

    body = re.sub(r"<[^>]*>", " ", HTML.partition("</style>")[2])
    assert words(MARKDOWN) - words(body) <= {"text", "Table"}
