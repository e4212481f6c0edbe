"""YAML as nodes that know their lines: a value is taken as what it must be, or its line and what is wrong are said."""

import re
from collections.abc import Collection, Iterator
from datetime import date
from enum import StrEnum
from typing import Final, TypeVar

import yaml

E = TypeVar("E", bound=StrEnum)

_TAG: Final = "tag:yaml.org,2002:"
_PARAMETER: Final = re.compile(r"\$\{site\.(\w+)\}")


class ProfileError(ValueError):
    """A text is no profile; `line` is counted from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line, self.problem = line, problem


def line_of(node: yaml.Node) -> int:
    """Return the line a value begins in, counted from 1."""
    return int(node.start_mark.line) + 1


def wrong(node: yaml.Node, problem: str) -> ProfileError:
    """Return the error that says what is wrong with a value."""
    return ProfileError(line_of(node), problem)


def compose(text: str) -> yaml.Node:
    """Return the one document of a YAML text.

    Raises:
        ProfileError: it is no YAML, holds no document or several, or uses anchors.
    """
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AnchorToken | yaml.AliasToken):
                raise ProfileError(
                    int(token.start_mark.line) + 1, "anchors and aliases are not used here: write it out"
                )
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        raise ProfileError(1 if mark is None else int(mark.line) + 1, f"no YAML: {exc.problem or exc.context}") from exc
    except (yaml.YAMLError, RecursionError) as exc:
        raise ProfileError(1, f"no YAML: {type(exc).__name__}") from exc
    if node is None:
        raise ProfileError(1, "there is nothing in it")
    return node


class Fields:
    """The entries of a mapping, of which every key is known and given once."""

    def __init__(self, node: yaml.Node, what: str, allowed: Collection[str]) -> None:
        """Take a mapping; `what` names it in errors.

        Raises:
            ProfileError: it is none, or has a key twice or one that is not allowed.
        """
        self.node, self._what = node, what
        self._values: dict[str, yaml.Node] = {}
        for key, key_node, value in entries(node, what):
            if key not in allowed:
                raise wrong(key_node, f"unknown key {key!r} in {what}; known are {', '.join(sorted(allowed))}")
            self._values[key] = value

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str) -> yaml.Node | None:
        """Return a value, or None."""
        return self._values.get(key)

    def need(self, key: str) -> yaml.Node:
        """Return a value that must be there."""
        if key not in self._values:
            raise wrong(self.node, f"{self._what} needs {key}")
        return self._values[key]

    def text(self, key: str, default: str = "") -> str:
        """Return a text."""
        node = self.get(key)
        return default if node is None else text_of(node)

    def word(self, key: str, words: type[E], default: E) -> E:
        """Return one of the words of a closed set."""
        node = self.get(key)
        return default if node is None else word_of(node, words)

    def count(self, key: str, default: int) -> int:
        """Return a whole number that is not negative."""
        node = self.get(key)
        return default if node is None else count_of(node)

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        node = self.get(key)
        return default if node is None else flag_of(node)


def entries(node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Yield key, the key's node and the value of each entry of a mapping, none of them twice."""
    if not isinstance(node, yaml.MappingNode):
        raise wrong(node, f"{what} must be a mapping")
    seen: set[str] = set()
    for key_node, value in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise wrong(key_node, f"a key of {what} must be a word")
        key = str(key_node.value)  # `on` is a word here, though a truth value to YAML
        if key in seen:
            raise wrong(key_node, f"{key!r} is given twice in {what}")
        seen.add(key)
        yield key, key_node, value


def items(node: yaml.Node, what: str) -> list[yaml.Node]:
    """Return the items of a list."""
    if not isinstance(node, yaml.SequenceNode):
        raise wrong(node, f"{what} must be a list")
    return list(node.value)


def text_of(node: yaml.Node) -> str:
    """Return a text as it is written; `no` and the like must stand in quotes."""
    if not isinstance(node, yaml.ScalarNode):
        raise wrong(node, "a text is expected")
    if node.tag in (_TAG + "bool", _TAG + "null") and node.value:
        raise wrong(node, f"{node.value!r} is no text in YAML: put it in quotes")
    return str(node.value).strip()


def texts_of(node: yaml.Node) -> list[str]:
    """Return the texts of a list; one text stands for a list of itself."""
    if isinstance(node, yaml.ScalarNode):
        return [text_of(node)]
    texts = [text_of(each) for each in items(node, "a text or a list of texts")]
    if len(texts) != len(set(texts)):
        raise wrong(node, "something is listed twice")
    return texts


def word_of(node: yaml.Node, words: type[E]) -> E:
    """Return one of the words of a closed set."""
    text = text_of(node)
    try:
        return words(text)
    except ValueError:
        raise wrong(node, f"{text!r} is none of {', '.join(words)}") from None


def count_of(node: yaml.Node) -> int:
    """Return a whole number that is not negative."""
    if node.tag != _TAG + "int" or not str(node.value).isdecimal():
        raise wrong(node, "a whole number, not negative, is expected")
    try:
        return int(node.value)
    except ValueError:  # Python reads no number of thousands of digits
        raise wrong(node, "the number is too long") from None


def number_of(node: yaml.Node) -> float:
    """Return a number that is not negative."""
    if node.tag not in (_TAG + "int", _TAG + "float"):
        raise wrong(node, "a number is expected")
    try:
        number = float(node.value)
    except ValueError:
        raise wrong(node, "a decimal number is expected") from None
    if not 0 <= number < float("inf"):
        raise wrong(node, "the number must not be negative")
    return number


def flag_of(node: yaml.Node) -> bool:
    """Return true or false."""
    if node.tag != _TAG + "bool" or node.value not in ("true", "false"):
        raise wrong(node, "true or false is expected")
    return bool(node.value == "true")


def date_of(node: yaml.Node) -> date:
    """Return a date, written as 2026-01-31."""
    try:
        return date.fromisoformat(text_of(node))
    except ValueError:
        raise wrong(node, "a date such as 2026-01-31 is expected") from None


def fill_in(node: yaml.Node, site: dict[str, yaml.Node]) -> set[str]:
    """Put the site's own values where `${site.NAME}` stands; return the names that were used.

    Raises:
        ProfileError: a name has no value.
    """
    used: set[str] = set()
    if isinstance(node, yaml.MappingNode):
        pairs = [(key, _filled(value, site, used)) for key, value in node.value]
        node.value[:] = pairs
    elif isinstance(node, yaml.SequenceNode):
        node.value[:] = [_filled(value, site, used) for value in node.value]
    return used


def _filled(node: yaml.Node, site: dict[str, yaml.Node], used: set[str]) -> yaml.Node:
    if not isinstance(node, yaml.ScalarNode):
        used |= fill_in(node, site)
        return node
    found = _PARAMETER.fullmatch(str(node.value))
    if found is None:
        return node
    name = found[1]
    if name not in site:
        raise wrong(node, f"site says nothing of {name}")
    used.add(name)
    return site[name]
