"""Tiers in the settings: one text each, refused where it says nothing that can be done."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from vna.errors import StartRefused
from vna.model import Availability
from vna.settings import LockSettings, StoreSettings, TierSettings, load


def test_a_tier_is_a_name_a_place_and_options() -> None:
    store = StoreSettings(
        tiers=(
            "cold=file:///mnt/cold;codec=smallest;availability=nearline;min-free-percent=5;min-free-bytes=7",
            " deep = s3://bucket/x ; lock=compliance; lock-days=30; retrieve-ae=DEEP; endpoint=http://h:1; region=r;",
            "plain=s3://other;lock=governance",
        )
    )

    assert list(store.tier_settings.values()) == [
        TierSettings(
            "cold",
            "file:///mnt/cold",
            "smallest",
            Availability.NEARLINE,
            min_free_percent=5,
            min_free_bytes=7,
        ),
        TierSettings(
            "deep",
            "s3://bucket/x",
            retrieve_ae_title="DEEP",
            lock=LockSettings("compliance", 30),
            endpoint="http://h:1",
            region="r",
        ),
        TierSettings("plain", "s3://other", lock=LockSettings("governance", 365)),
    ]


@pytest.mark.parametrize(
    ("tier", "reason"),
    [
        ("cold", "must be NAME=URL"),
        ("main=s3://b", "is not main"),
        ("c=ftp://b", "must be empty, file:///FOLDER"),
        ("c=s3://key:secret@b", "credentials are no part"),
        ("c=s3://b;codec=zip", "codec: must be raw, zstd, dense or smallest"),
        ("c=s3://b;speed=1", "speed is not an option of a tier; there are codec, availability"),
        ("c=s3://b;codec=raw;codec=raw", "codec needs a value, and one alone"),
        ("c=s3://b;codec=", "codec needs a value"),
        ("c=s3://b;availability=soon", "availability: must be online, nearline or offline"),
        ("c=s3://b;retrieve-ae=ABCDEFGHIJKLMNOPQ", "retrieve-ae: an AE title has 1 to 16"),
        ("c=s3://b;lock=forever", "lock: must be none, governance or compliance"),
        ("c=file:///b;lock=governance", "only an s3:// bucket has Object Lock"),
        ("c=s3://b;lock-days=3", "there is no lock"),
        ("c=s3://b;lock=governance;lock-days=0", "lock-days: must be 1 to 36500"),
        ("c=s3://b;min-free-percent=101", "min-free-percent: must be 0 to 100"),
        ("c=s3://b;min-free-bytes=1.5", "min-free-bytes: must be a number"),
        ("c=s3://b;endpoint=h:1", "endpoint: must be empty, https"),
    ],
)
def test_what_is_no_tier_is_refused(tier: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(reason)):
        StoreSettings(tiers=(tier,))


@pytest.mark.parametrize(
    "settings",
    [
        {"tiers": ("a=s3://x", "a=s3://y")},
        {"tiers": ("a=s3://x",), "replicas": ("a=s3://y",)},
        {"tiers": ("hot=s3://x",), "name": "hot"},
    ],
    ids=["tiers", "replica", "main"],
)
def test_no_two_stores_have_one_name(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="a name of its own"):
        StoreSettings(**settings)


def test_the_environment_has_commas_between_tiers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNA_STORE__TIERS", "cold=file:///c;codec=smallest, deep=s3://b")
    monkeypatch.setenv("VNA_STORE__NAME", "hot")

    store = load().store

    assert (store.name, [*store.tier_settings]) == ("hot", ["cold", "deep"])


@pytest.mark.parametrize("name", ["receive", "Hot", "", "a" * 17])
def test_the_main_store_has_a_name_that_can_be_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNA_STORE__NAME", name)

    with pytest.raises(StartRefused, match=r"store\.name .*must have 1 to 16"):
        load()


def test_what_is_wrong_is_told_without_the_value_which_may_hold_a_password(tmp_path: Path) -> None:
    file = tmp_path / "vna.toml"
    file.write_text('[store]\ntiers = ["c=s3://key:secret@b"]\n')

    with pytest.raises(StartRefused, match=r"store\.tiers \(from .*credentials") as refused:
        load(file)
    assert "secret" not in str(refused.value)
