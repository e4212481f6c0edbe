"""Whatever works for an association knows which one, in whichever thread."""

import threading
from contextvars import Context

from vna.log_context import ASSOCIATION, ContextThreads, in_this_context


def test_a_pool_works_for_who_gave_it_the_work() -> None:
    def one(association: str) -> str:
        ASSOCIATION.set(association)
        return pool.submit(ASSOCIATION.get).result()

    with ContextThreads(1) as pool:
        assert [Context().run(one, association) for association in ("a", "b", "")] == ["a", "b", ""]


def test_a_thread_works_for_who_made_it() -> None:
    found = []

    def make() -> threading.Thread:
        ASSOCIATION.set("a")
        return threading.Thread(target=in_this_context(lambda: found.append(ASSOCIATION.get())))

    thread = Context().run(make)
    thread.start()
    thread.join()

    assert found == ["a"]
    assert ASSOCIATION.get() == ""
