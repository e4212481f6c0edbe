from vna.dimse.limits import LeastRate


def test_a_window_with_enough_bytes_is_followed_by_another() -> None:
    rate = LeastRate(100, 10)

    assert not rate.too_slow(6, 500)
    assert not rate.too_slow(6, 500)
    assert not rate.too_slow(9.9, 0)
    assert rate.too_slow(0.2, 999)


def test_time_that_is_not_waited_counts_for_nothing() -> None:
    rate = LeastRate(100, 10)

    assert not any(rate.too_slow(0.001, 1) for _ in range(9_000))


def test_what_is_due_next_begins_a_window() -> None:
    rate = LeastRate(100, 10)
    rate.too_slow(9, 0)

    rate.begin()

    assert not rate.too_slow(9, 0)


def test_a_rate_of_nothing_is_always_kept() -> None:
    assert not LeastRate(0, 10).too_slow(1_000, 0)
