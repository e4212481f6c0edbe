"""What the index says about rejections: which stand, what a UID names, what is shown of it."""

from collections.abc import Iterator

import pytest

from arrivals import TIME, Sender, arrival, description, key
from vna.index import Rejection, Visible, open_index
from vna.model import RejectionReason, Scope


@pytest.fixture
def sender(index_url: str) -> Iterator[Sender]:
    index = open_index(index_url)
    yield Sender(index)
    index.close()


def test_rejections_that_stand_are_listed_with_what_they_hide_now(sender: Sender) -> None:
    sender.send(arrival("a"))
    sender.send(arrival("b", key(instance="1.1.1.2")))
    instance = sender.reject("1.1", "1.1.1", "1.1.1.1")
    series = sender.reject("1.1", "1.1.1")
    sender.restore(sender.reject("1.1"))

    listed = sender.index.rejections.standing()

    quality = RejectionReason.QUALITY
    assert listed == [
        Rejection(instance, TIME, "test", Scope("1.1", "1.1.1", "1.1.1.1"), quality, 1),
        Rejection(series, TIME, "test", Scope("1.1", "1.1.1"), quality, 2),
    ]


@pytest.mark.parametrize(
    ("uids", "scopes"),
    [
        (("1.1", None, None), [Scope("1.1")]),
        ((None, "1.1.1", None), [Scope("1.1", "1.1.1"), Scope("1.2", "1.1.1")]),
        (("1.2", "1.1.1", None), [Scope("1.2", "1.1.1")]),
        ((None, None, "1.1.1.2"), [Scope("1.1", "1.1.1", "1.1.1.2")]),
        ((None, None, "1.1.1.1"), [Scope("1.1", "1.1.1", "1.1.1.1"), Scope("1.2", "1.1.1", "1.1.1.1")]),
        (("1.2", None, "1.1.1.1"), [Scope("1.2", "1.1.1", "1.1.1.1")]),
        (("1.2", None, "1.1.1.2"), []),
        (("1.3", None, None), []),
    ],
    ids=["study", "series", "series-of", "instance", "instance-twice", "instance-of", "not-there", "unknown"],
)
def test_uids_name_what_is_held_shown_or_not(sender: Sender, uids: tuple[str | None, ...], scopes: list[Scope]) -> None:
    sender.send(arrival("a"))
    sender.send(arrival("b", key(instance="1.1.1.2")))
    sender.send(arrival("c", key("1.2")))
    sender.reject("1.1")

    assert list(sender.index.rejections.scopes(*uids)) == scopes


def test_what_is_shown_is_counted_by_scope(sender: Sender) -> None:
    sender.send(arrival("a"))
    sender.send(arrival("b", key(instance="1.1.1.2")))
    sender.send(arrival("c", key(series="1.1.2", instance="1.1.2.1")), description(series={"Modality": "SR"}))
    sender.reject("1.1", "1.1.1", "1.1.1.1")
    visible = sender.index.rejections.visible

    assert visible(Scope("1.1")) == Visible(2, 2, ("CT", "SR"))
    assert visible(Scope("1.1", "1.1.1")) == Visible(1, 1, ("CT",))
    assert visible(Scope("1.1", "1.1.1", "1.1.1.1")) == Visible(0, 0, ())
