r"""Text of a data set: bytes to Unicode and back, by Specific Character Set (0008,0005).

All of PS3.3 C.12.1.1.2 and PS3.5 6.1: single-byte sets, code extensions by ISO 2022 escapes (Japanese,
Korean, Chinese), and the stand-alone UTF-8, GB18030 and GBK. Reading is tolerant: misspelt terms are
understood, known escapes are followed whether declared or not, and what cannot be decoded is replaced;
nothing here raises for bad bytes. Values are decoded whole and split afterwards, because GB18030, GBK and
Shift JIS have second bytes that look like a backslash.

A character set is passed as the value of (0008,0005) in text, several terms joined by a backslash.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

SPECIFIC_CHARACTER_SET = 0x0008_0005
UTF_8 = "ISO_IR 192"

_ESCAPE = b"\x1b"
_RUNS = re.compile(rb"[\x80-\xff]+|[\x21-\x7e]+|[\x00-\x20\x7f]+")
_LINE_ENDS = frozenset(b"\t\n\x0c\r")
_DELIMITERS = _LINE_ENDS | frozenset(b"\\")
_NAME_DELIMITERS = _DELIMITERS | frozenset(b"^=")


@dataclass(frozen=True, slots=True)
class _CodeElement:
    """A coded character set as designated to G0 or G1 (PS3.3 tables C.12-3 and C.12-4).

    `lead` is what its codec puts before each of its characters; `width` is in bytes; `reads` is a more
    lenient codec to decode with.
    """

    escape: bytes
    codec: str
    g1: bool = True
    width: int = 1
    lead: bytes = b""
    reads: str = ""

    def decode(self, run: bytes) -> str:
        """Decode bytes of one half of the code table, all of this set."""
        if self.g1:
            return run.decode(self.reads or self.codec, "replace")
        if self.width == 1:
            return run.decode(self.codec, "replace")
        high = bytes(byte | 0x80 for byte in run)
        pairs = (self.lead + high[at : at + 2] for at in range(0, len(high), 2))
        return b"".join(pairs).decode(self.codec, "replace")

    def encode(self, character: str) -> bytes | None:
        """Return the bytes of one character above 127, None if the set lacks it."""
        try:
            code = character.encode(self.codec)
        except UnicodeEncodeError:
            return None
        if not code.startswith(self.lead):
            return None
        code = code[len(self.lead) :]
        if len(code) != self.width or code[0] < 0xA0:
            return None
        return code if self.g1 else bytes(byte & 0x7F for byte in code)


_ASCII = _CodeElement(b"(B", "ascii", g1=False)
_ROMAJI = _CodeElement(b"(J", "ascii", g1=False)
_KATAKANA = _CodeElement(b")I", "euc_jp", lead=b"\x8e", reads="shift_jis")
_JIS_X_0208 = _CodeElement(b"$B", "euc_jp", g1=False, width=2)
_JIS_X_0212 = _CodeElement(b"$(D", "euc_jp", g1=False, width=2, lead=b"\x8f")
_KS_X_1001 = _CodeElement(b"$)C", "euc_kr", width=2)
_GB_2312 = _CodeElement(b"$)A", "gb2312", width=2)

_SINGLE_BYTE = {
    "100": _CodeElement(b"-A", "latin_1"),
    "101": _CodeElement(b"-B", "iso8859_2"),
    "109": _CodeElement(b"-C", "iso8859_3"),
    "110": _CodeElement(b"-D", "iso8859_4"),
    "126": _CodeElement(b"-F", "iso8859_7"),
    "127": _CodeElement(b"-G", "iso8859_6"),
    "138": _CodeElement(b"-H", "iso8859_8"),
    "144": _CodeElement(b"-L", "iso8859_5"),
    "148": _CodeElement(b"-M", "iso8859_9"),
    "166": _CodeElement(b"-T", "tis_620"),
    "203": _CodeElement(b"-b", "iso8859_15"),
    "13": _KATAKANA,
}
_EXTENSIONS = {"58": _GB_2312, "87": _JIS_X_0208, "149": _KS_X_1001, "159": _JIS_X_0212}
_STAND_ALONE = {"192": "utf_8", "UTF8": "utf_8", "GB18030": "gb18030", "GBK": "gbk", "GB2312": "gb18030"}

_BY_ESCAPE = {each.escape: each for each in (_ASCII, _ROMAJI, *_SINGLE_BYTE.values(), *_EXTENSIONS.values())} | {
    b"$@": _JIS_X_0208
}

_ISO_8859_PARTS = {
    "1": "100",
    "2": "101",
    "3": "109",
    "4": "110",
    "5": "144",
    "6": "127",
    "7": "126",
    "8": "138",
    "9": "148",
    "11": "166",
    "15": "203",
}
_TERM = re.compile(r"ISO_IR \d+|ISO 2022 IR \d+|GB18030|GBK")
_OTHER_NAMES = {"LATIN1": "100", "ASCII": "6", "USASCII": "6", "SHIFTJIS": "13", "EUCKR": "149", "10646": "192"}


@dataclass(frozen=True, slots=True)
class _Charset:
    """What a Specific Character Set means.

    `stand_alone` is a codec for everything, or None; else `g0` and `g1` are active at the start and
    after each delimiter, and `extensions` may be escaped to. `assumed_g1` is what bytes above 127 are
    taken for where a writer forgot its escape.
    """

    stand_alone: str | None
    g0: _CodeElement = _ASCII
    g1: _CodeElement | None = None
    extensions: tuple[_CodeElement, ...] = ()

    @property
    def assumed_g1(self) -> _CodeElement | None:
        return self.g1 or next((each for each in self.extensions if each.g1), None)


def decode(raw: bytes, charset: str, *, vr: str = "LO") -> str:
    """Return the text of a value; undecodable bytes become U+FFFD.

    `vr` matters for PN alone: it has delimiters of its own, after which escapes start anew
    (PS3.5 6.1.2.5.3).
    """
    if raw.isascii() and _ESCAPE not in raw:
        return raw.decode("ascii")
    known = _charset(charset)
    if known.stand_alone is not None:
        return raw.decode(known.stand_alone, "replace")
    if _ESCAPE not in raw:
        return _decode_high(raw, known.assumed_g1)
    return _decode_escaped(raw, known, _NAME_DELIMITERS if vr == "PN" else _DELIMITERS)


def encode(text: str, charset: str, *, vr: str = "LO") -> bytes | None:
    """Return a text as bytes of a character set, None if the set cannot hold all of it."""
    if text.isascii():
        return text.encode("ascii")
    known = _charset(charset)
    if known.stand_alone is not None:
        try:
            return text.encode(known.stand_alone)
        except UnicodeEncodeError:
            return None
    return _encode_escaped(text, known, _NAME_DELIMITERS if vr == "PN" else _DELIMITERS)


@lru_cache(maxsize=64)
def _charset(terms: str) -> _Charset:
    numbers = [_number(term) for term in terms.split("\\")]
    first = numbers[0]
    if first in _STAND_ALONE:
        return _Charset(_STAND_ALONE[first])
    g1 = _SINGLE_BYTE.get(first)
    extensions: list[_CodeElement] = []
    for number in numbers:
        if number in _EXTENSIONS:
            extensions.append(_EXTENSIONS[number])
        elif number in _SINGLE_BYTE and number != first:
            extensions.append(_SINGLE_BYTE[number])
    return _Charset(None, _ROMAJI if first == "13" else _ASCII, g1, tuple(extensions))


def is_charset(terms: str) -> bool:
    """Return whether these are Defined Terms of a Specific Character Set (PS3.3 C.12.1.1.2), or none."""
    known = {"6", *_SINGLE_BYTE, *_EXTENSIONS, *_STAND_ALONE}
    return all(not term or (_TERM.fullmatch(term) and _number(term) in known) for term in terms.split("\\"))


def _number(term: str) -> str:
    """Return the ISO-IR number of a defined term or of one of its usual misspellings."""
    plain = re.sub(r"[^0-9A-Z]", "", term.upper())
    if plain in _OTHER_NAMES:
        return _OTHER_NAMES[plain]
    part = re.fullmatch(r"ISO8859(\d+)", plain)
    if part:
        return _ISO_8859_PARTS.get(part[1], "6")
    number = re.fullmatch(r"(?:ISO)?(?:2022)?(?:IR)?([0-9]+|GBK)", plain)
    return (number[1] if number else plain) or "6"


def _decode_high(run: bytes, element: _CodeElement | None) -> str:
    """Decode text with nothing declared for its upper half: UTF-8 if it is valid as such, else Latin-1."""
    if element is not None:
        return element.decode(run)
    try:
        return run.decode("utf_8")
    except UnicodeDecodeError:
        return run.decode("latin_1")


def _decode_escaped(raw: bytes, known: _Charset, delimiters: frozenset[int]) -> str:
    g0, g1 = known.g0, known.assumed_g1
    parts: list[str] = []
    for number, chunk in enumerate(raw.split(_ESCAPE)):
        body = chunk
        if number:
            element = _BY_ESCAPE.get(chunk[:3]) or _BY_ESCAPE.get(chunk[:2])
            if element is None:
                parts.append("\ufffd")
            else:
                body = chunk[len(element.escape) :]
                g0, g1 = (g0, element) if element.g1 else (element, g1)
        for run in _RUNS.findall(body):
            if run[0] >= 0x80:
                parts.append(_decode_high(run, g1))
                continue
            parts.append(g0.decode(run) if run[0] > 0x20 else run.decode("ascii"))
            if not (delimiters if g0.width == 1 else _LINE_ENDS).isdisjoint(run):
                g0, g1 = known.g0, known.g1 or g1
    return "".join(parts)


def _encode_escaped(text: str, known: _Charset, delimiters: frozenset[int]) -> bytes | None:
    out = bytearray()
    g0, g1 = known.g0, known.g1
    for character in text:
        if character.isascii():
            if g0 is not known.g0:
                out += _ESCAPE + known.g0.escape
                g0 = known.g0
            out += character.encode("ascii")
            if ord(character) in delimiters:
                g1 = known.g1
            continue
        element, code = _first_holding(character, known)
        if element is None:
            return None
        if element is not (g1 if element.g1 else g0):
            out += _ESCAPE + element.escape
            g0, g1 = (g0, element) if element.g1 else (element, g1)
        out += code
    if g0 is not known.g0:
        out += _ESCAPE + known.g0.escape
    return bytes(out)


def _first_holding(character: str, known: _Charset) -> tuple[_CodeElement | None, bytes]:
    for element in (known.g1, *known.extensions):
        if element is None:
            continue
        code = element.encode(character)
        if code is not None:
            return element, code
    return None, b""
