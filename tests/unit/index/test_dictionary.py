"""Which texts may match: none that does is left out, whatever form the wild card has, and what has just come counts."""

import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrivals import Sender, arrival, description, key
from vna.dicom.attributes import BY_KEYWORD
from vna.dicom.matching import Matcher, SingleValue, Universal, WildCard, fold, like_pattern
from vna.index import open_index
from vna.index.dictionary import Dictionary, _Packed
from vna.index.snapshots import Snapshots

TEXTS = st.text(alphabet="abß山 ^%_\n0", min_size=1, max_size=8)
PATTERNS = st.text(alphabet="abß山^%_0*?", min_size=1, max_size=6)


@given(st.lists(TEXTS, max_size=8), PATTERNS)
def test_no_form_that_sql_would_let_through_is_missing(texts: list[str], pattern: str) -> None:
    forms = sorted({form for form in map(fold, texts) if form})
    folded = fold(f"*{pattern}")
    packed = _Packed(0)
    packed.add((form, number) for number, form in enumerate(forms))

    if folded.strip("*?"):
        parts = (".*" if part == "%" else re.escape(part) for part in re.split("(%)", _unescaped(like_pattern(folded))))
        sql = re.compile("".join(part.replace("\0", "%") for part in parts), re.DOTALL)
        wanted = {number for number, form in enumerate(forms) if sql.fullmatch(form)}
        assert wanted <= set(packed.like(folded))


def _unescaped(pattern: str) -> str:
    """Return a LIKE pattern without its escapes; a percent sign that stands for itself is a NUL."""
    return re.sub(r"\\(.)", lambda found: "\0" if found[1] == "%" else found[1], pattern)


@pytest.fixture
def sender(index_url: str) -> Iterator[Sender]:
    index = open_index(index_url)
    yield Sender(index)
    index.close()


class Asker:
    """Asks the dictionary of an index, each time in a transaction of its own."""

    def __init__(self, sender: Sender) -> None:
        self._snapshots, self._dictionary = Snapshots(sender.index.finder._snapshots._engine), Dictionary()

    def ask(self, matcher: Matcher, keyword: str = "PatientName") -> Sequence[int] | None:
        with self._snapshots.reading() as cursor:
            return self._dictionary.matching(cursor, BY_KEYWORD[keyword], matcher)


def send(sender: Sender, number: int, name: str) -> None:
    at = key(f"1.{number}", f"1.{number}.1", f"1.{number}.1.1")
    sender.send(arrival(str(number), at), description({"PatientName": name}))


def test_texts_that_came_since_are_found(sender: Sender) -> None:
    asker = Asker(sender)
    send(sender, 1, "MARTIN^JEAN")
    first = asker.ask(WildCard("*ARTIN*"))

    send(sender, 2, "SMARTINI^JO")
    send(sender, 3, "DUPONT^ANNE")

    second = asker.ask(WildCard("*ARTIN*"))
    assert first is not None
    assert second is not None
    assert (len(first), len(second)) == (1, 2)


def test_each_attribute_has_texts_of_its_own(sender: Sender) -> None:
    asker = Asker(sender)
    send(sender, 1, "THORAX^JEAN")

    assert len(asker.ask(WildCard("*THORAX*")) or ()) == 1
    assert len(asker.ask(WildCard("*THORAX*"), "StudyDescription") or ()) == 1
    assert asker.ask(WildCard("*JEAN*"), "StudyDescription") == []


@pytest.mark.parametrize("pattern", ["山*", "*田*", "?田*", "*太郎", "*MADA*=*田*", "YAMADA*", "*M?DA*T*OU"])
def test_every_group_of_a_name_is_looked_at(sender: Sender, pattern: str) -> None:
    send(sender, 1, "Yamada^Tarou=山田^太郎")
    send(sender, 2, "Suzuki^Hanako=鈴木^花子")

    assert len(Asker(sender).ask(WildCard(pattern)) or ()) == 1


@pytest.mark.parametrize("matcher", [Universal(), WildCard("??"), WildCard("*?*"), SingleValue("^")], ids=str)
def test_what_any_text_may_match_narrows_nothing(sender: Sender, matcher: Matcher) -> None:
    assert Asker(sender).ask(matcher) is None
