"""Certificates of elimination: any change is found, and where it is; and what is signed has to be in order."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eliminating import certificate_sections
from vna.archive.certificate_checks import check_certificate
from vna.archive.certificates import SECTIONS, digest_of, sign_certificate
from vna.journal import SigningKey

KEY = SigningKey(Ed25519PrivateKey.generate())


def certificate(change: Callable[[dict[str, Any]], None] = lambda _: None) -> bytes:
    said = certificate_sections()
    change(said)
    return sign_certificate(said, "2.25.1", KEY)


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value that holds no other."""
    if isinstance(value, dict | list) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*at, key))
    else:
        yield at


def altered(value: Any) -> Any:
    if isinstance(value, str):
        return "0" + value[1:] if value and value[0] != "0" else "1" + value[1:]
    return value + 1 if isinstance(value, int) else "something"


def test_a_certificate_is_sound_as_it_is_signed() -> None:
    assert check_certificate(certificate(), KEY.public) == []
    assert check_certificate(certificate()) == []


def test_any_value_that_is_changed_is_found_where_it_is() -> None:
    document = json.loads(certificate())
    ways = list(leaves(document))

    for way in ways:
        changed = copy.deepcopy(document)
        at = changed
        for key in way[:-1]:
            at = at[key]
        at[way[-1]] = altered(at[way[-1]])
        faults = check_certificate(json.dumps(changed).encode())

        named = way[0] if way[0] in SECTIONS else {"digests": way[1:2] and way[1]}.get(way[0], "")
        where = " ".join(fault.where for fault in faults)
        assert faults, way
        assert str(named) in where, (way, where)
        if way[0] in SECTIONS and isinstance(document[way[0]], list):
            assert f"{way[0]}[{way[1]}]" in where, (way, where)
    assert len(ways) > 80


@pytest.mark.parametrize("section", [name for name in SECTIONS if isinstance(certificate_sections()[name], list)])
def test_an_element_that_was_taken_out_is_found(section: str) -> None:
    document = json.loads(certificate())
    del document[section][0]

    assert [fault.where for fault in check_certificate(json.dumps(document).encode())] == [section]


@pytest.mark.parametrize("name", ["issued", "signature", "digests", "archive", "format"])
def test_a_member_that_was_taken_out_is_found(name: str) -> None:
    document = json.loads(certificate())
    del document[name]

    assert [fault.where for fault in check_certificate(json.dumps(document).encode())] == [name]


def test_another_key_is_found() -> None:
    other = SigningKey(Ed25519PrivateKey.generate()).public

    assert [fault.where for fault in check_certificate(certificate(), other)] == ["public_key"]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"format": 1, "format": 1}', b"\xff", b"null"])
def test_what_is_no_certificate_is_said_so(data: bytes) -> None:
    assert len(check_certificate(data)) == 1


def _other_list(said: dict[str, Any]) -> None:
    said["list"][0][5] = 3


def _forgotten(said: dict[str, Any]) -> None:
    said["kept"] = []


def _disordered(said: dict[str, Any]) -> None:
    first, second = said["approvals"][:2]
    first["role"], second["role"] = second["role"], first["role"]


def _twice(said: dict[str, Any]) -> None:
    said["approvals"][1]["by"] = said["approvals"][0]["by"]


def _proposer(said: dict[str, Any]) -> None:
    said["approvals"][1]["by"] = "Proposer"


def _against(said: dict[str, Any]) -> None:
    said["approvals"][1]["decision"] = "unfavourable"


def _no_visa(said: dict[str, Any]) -> None:
    said["approvals"][2]["reference"] = ""


def _too_early(said: dict[str, Any]) -> None:
    said["destroyed"][0]["time"] = "2026-01-09T10:00:00+00:00"


def _not_due(said: dict[str, Any]) -> None:
    said["list"][0][4] = "2026-01-11"
    said["elimination"]["list_digest"] = digest_of(said["list"])


def _other_objects(said: dict[str, Any]) -> None:
    said["destroyed"][0]["objects"] = said["destroyed"][0]["objects"][:1]


def _no_place(said: dict[str, Any]) -> None:
    said["places"] = []


def _wrong_sum(said: dict[str, Any]) -> None:
    said["totals"]["size"] = 31


def _unsealed(said: dict[str, Any]) -> None:
    said["journal"]["position"] = 39


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (_other_list, "list"),
        (_forgotten, "kept, destroyed"),
        (_disordered, "approvals"),
        (_twice, "approvals"),
        (_proposer, "approvals"),
        (_against, "approvals[1]"),
        (_no_visa, "approvals[2]"),
        (_too_early, "destroyed[0]"),
        (_not_due, "destroyed[0]"),
        (_other_objects, "destroyed[0]"),
        (_no_place, "places"),
        (_wrong_sum, "totals"),
        (_unsealed, "destroyed[0]"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_what_was_signed_has_to_be_in_order(change: Callable[[dict[str, Any]], None], where: str) -> None:
    faults = check_certificate(certificate(change), KEY.public)

    assert where in [fault.where for fault in faults]


def test_one_without_decisions_is_in_no_order() -> None:
    def change(said: dict[str, Any]) -> None:
        said["approvals"], said["elimination"]["roles"] = [], []

    assert check_certificate(certificate(change), KEY.public)
