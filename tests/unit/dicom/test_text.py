import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.valuerep import PersonName

from vna.dicom.text import UTF_8, decode, encode

# PS3.5 annexes H (Japanese), I (Korean), J and K (Chinese): what the standard itself gives as examples.
STANDARD_NAMES = [
    ("", b"Yamada^Tarou", "Yamada^Tarou"),
    (
        r"\ISO 2022 IR 87",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        r"ISO 2022 IR 13\ISO 2022 IR 87",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    (
        r"\ISO 2022 IR 149",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    ("ISO_IR 192", "Wang^XiaoDong=王^小東=".encode(), "Wang^XiaoDong=王^小東="),
    ("GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东="),
    (r"\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东="),
    ("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
    ("ISO_IR 101", b"Wa\xb3\xeasa", "Wałęsa"),
    ("ISO_IR 109", b"\xa6angu", "Ĥangu"),
    ("ISO_IR 110", b"V\xeesma", "Vîsma"),
    ("ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"),
    ("ISO_IR 127", b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"),
    ("ISO_IR 138", b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"),
    ("ISO_IR 144", b"\xbb\xee\xda\x63\x65\xdc\xd1\xe3\xe0\xd3", "Люкceмбург"),
    ("ISO_IR 148", b"\xc7avu\xfeo\xf0lu", "Çavuşoğlu"),
    ("ISO_IR 166", b"\xca\xc1\xaa\xd2\xc2", "สมชาย"),
    ("ISO_IR 203", b"P\xe9n\xe9lope \xa4", "Pénélope €"),
    ("ISO_IR 13", b"\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ"),
    (r"\ISO 2022 IR 159", b"\x1b$(D0i\x1b(B", "佉"),
    (
        r"ISO 2022 IR 100\ISO 2022 IR 144\ISO 2022 IR 126",
        b"Dionysios is \x1b-F\xc4\xe9\xef\xed \x1b-L\xbb\xee\xda",
        "Dionysios is Διον Люк",
    ),
]

SINGLE_BYTE = [100, 101, 109, 110, 126, 127, 138, 144, 148, 166]  # pydicom does not know 203


@pytest.mark.parametrize(("charset", "raw", "text"), STANDARD_NAMES)
def test_names_in_every_character_set_are_read(charset: str, raw: bytes, text: str) -> None:
    assert decode(raw, charset, vr="PN") == text


@pytest.mark.parametrize(("charset", "raw", "text"), STANDARD_NAMES)
def test_names_in_every_character_set_are_written_back_the_same(charset: str, raw: bytes, text: str) -> None:
    assert encode(text, charset, vr="PN") == raw


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ISO-8859-1", "ISO_IR 100"),
        ("ISO_IR_100", "ISO_IR 100"),
        ("iso_ir 100", "ISO_IR 100"),
        ("ISO IR 100", "ISO_IR 100"),
        ("ISO-IR 144", "ISO_IR 144"),
        ("ISO_8859-5", "ISO_IR 144"),
        ("ISO 2022 IR 100", "ISO_IR 100"),
        ("ISO2022 IR 126", "ISO_IR 126"),
        (" ISO_IR 138 ", "ISO_IR 138"),
    ],
)
def test_misspelt_terms_are_understood(written: str, meant: str) -> None:
    raw = bytes(range(0xA1, 0xDB))

    assert decode(raw, written) == decode(raw, meant)


@pytest.mark.parametrize("written", ["UTF-8", "utf8", "ISO_IR_192", "ISO 10646", "iso-ir-192"])
def test_utf_8_under_other_names_is_utf_8(written: str) -> None:
    assert decode("Łódź 東".encode(), written) == "Łódź 東"


def test_undeclared_text_is_utf_8_if_it_can_be_and_latin_1_otherwise() -> None:
    assert decode("Müller".encode(), "") == "Müller"
    assert decode("Müller".encode("latin_1"), "ISO_IR 6") == "Müller"


def test_a_korean_writer_that_forgot_the_escapes_is_understood() -> None:
    raw = "김희중".encode("euc_kr")

    assert decode(raw, r"\ISO 2022 IR 149") == "김희중"
    assert decode(raw, "ISO 2022 IR 149") == "김희중"


def test_escapes_that_were_not_declared_are_followed() -> None:
    assert decode(b"\x1b$B;3ED\x1b(B", "ISO_IR 100") == "山田"


def test_a_delimiter_brings_back_the_first_character_set() -> None:
    """PS3.5 6.1.2.5.3: after ^ in a name the set of value 1 is active again; in other VRs ^ is a letter."""
    raw = b"\x1b-F\xc4^\xe9"
    charset = r"ISO 2022 IR 100\ISO 2022 IR 126"

    assert decode(raw, charset, vr="PN") == "Δ^é"
    assert decode(raw, charset, vr="LO") == "Δ^ι"


@pytest.mark.parametrize("charset", ["GB18030", "GBK", "ISO_IR 13"])
def test_a_backslash_inside_a_character_separates_nothing(charset: str) -> None:
    """Second bytes of GBK and Shift JIS may be 5C: values are split after decoding."""
    text = "表誠" if charset == "ISO_IR 13" else "乗俓"
    raw = text.encode("shift_jis" if charset == "ISO_IR 13" else "gbk")
    assert b"\\" in raw

    assert decode(raw, charset) == text


@given(
    st.binary(max_size=60), st.sampled_from([each[0] for each in STANDARD_NAMES] + ["nonsense", r"\\\\", "ISO_IR 999"])
)
def test_no_bytes_make_decoding_fail(raw: bytes, charset: str) -> None:
    for vr in ("PN", "LO", "UT"):
        assert isinstance(decode(raw, charset, vr=vr), str)


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
    st.sampled_from([each[0] for each in STANDARD_NAMES] + ["GBK", r"ISO 2022 IR 6\ISO 2022 IR 87\ISO 2022 IR 159"]),
    st.sampled_from(["PN", "LO"]),
)
def test_what_can_be_encoded_reads_back_the_same(text: str, charset: str, vr: str) -> None:
    raw = encode(text, charset, vr=vr)

    if raw is not None:
        assert decode(raw, charset, vr=vr) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_utf_8_holds_everything(text: str) -> None:
    raw = encode(text, UTF_8)

    assert raw == text.encode()


@pytest.mark.parametrize("number", SINGLE_BYTE)
def test_single_byte_sets_read_as_pydicom_reads_them(number: int) -> None:
    raw = bytes(range(0xA1, 0xFF))
    encodings = convert_encodings(f"ISO_IR {number}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = decode_bytes(raw, encodings, set())

    assert decode(raw, f"ISO_IR {number}") == expected


@given(st.lists(st.text("ABCé山田太郎やまだ^ ", max_size=5), min_size=1, max_size=3).map("=".join))
def test_pydicom_reads_the_japanese_we_write(text: str) -> None:
    charset = ["ISO 2022 IR 6", "ISO 2022 IR 87"]
    raw = encode(text, "\\".join(charset), vr="PN")

    if raw is None:
        assert "é" in text
    else:
        assert str(PersonName(raw).decode(convert_encodings(charset))).rstrip("=") == text.rstrip("=")
