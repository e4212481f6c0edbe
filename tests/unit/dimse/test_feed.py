"""One list of instances, taken from by several senders."""

import threading
from collections.abc import Iterator

from fake_door import FakeArchive, held_instance
from vna.archive import HeldInstance
from vna.dimse.associate import Roles
from vna.dimse.feed import Feed
from vna.dimse.negotiation import Context

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
HELD = [held_instance(n) for n in range(1, 51)]


def _contexts(syntax: str = EXPLICIT) -> dict[int, Context]:
    return {1: Context(1, CT, syntax, Roles(scu=True, scp=False))}


def _feed() -> Feed:
    return Feed(FakeArchive(), HELD)  # type: ignore[arg-type]


def _take_all(feed: Feed) -> Iterator[HeldInstance]:
    while (item := feed.take(_contexts())) is not None:
        yield item[0]


def test_every_instance_is_handed_out_once_and_in_order_to_each() -> None:
    feed = _feed()
    taken: list[list[HeldInstance]] = [[] for _ in range(4)]
    threads = [threading.Thread(target=lambda mine=mine: mine.extend(_take_all(feed))) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert sorted((held for mine in taken for held in mine), key=HELD.index) == HELD
    assert all(mine == sorted(mine, key=HELD.index) for mine in taken)
    assert feed.spent
    assert feed.untaken() == []


def test_data_sets_made_for_one_association_do_not_go_to_another_that_takes_other_syntaxes() -> None:
    feed = _feed()
    feed.take(_contexts())

    assert feed.take(_contexts(IMPLICIT)) is None
    assert feed.take(_contexts()) is not None


def test_what_nobody_took_is_known_after_a_stop() -> None:
    feed = _feed()
    for _ in range(20):
        feed.take(_contexts())

    feed.stop()

    assert feed.take(_contexts()) is None
    assert feed.untaken() == HELD[20:]


def test_an_instance_opened_when_a_stop_comes_counts_as_not_taken() -> None:
    archive = FakeArchive()
    feed = Feed(archive, HELD)  # type: ignore[arg-type]
    archive.data = lambda held: (feed.stop(), iter([b""]))[1]

    assert feed.take(_contexts()) is None
    assert feed.untaken() == HELD
