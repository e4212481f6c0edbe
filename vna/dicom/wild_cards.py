"""Wild cards of queries (PS3.4 C.2.2.2.4) as regular expressions that no text makes slow."""

import re


def wild_card(pattern: str) -> re.Pattern[str]:
    """Compile a pattern for `fullmatch`: `*` is any text or none, `?` one character.

    What lies between two stars is found once, for good, so that no text takes long.
    """
    first, *rest = re.split(r"\*+", pattern.rstrip(" "))
    if not rest:
        return re.compile(_literal(first), re.DOTALL)
    *middle, last = rest
    parts = [_literal(first), *(f"(?>.*?{_literal(part)})" for part in middle), ".*", _literal(last)]
    return re.compile("".join(parts), re.DOTALL)


def _literal(part: str) -> str:
    return "".join("." if character == "?" else re.escape(character) for character in part)
