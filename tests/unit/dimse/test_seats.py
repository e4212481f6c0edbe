from vna.dimse.seats import Seats, Visit
from vna.settings import DimseSettings

HERE, THERE = "192.0.2.1", "192.0.2.2"


def seats(*, all_: int = 4, of_peer: int = 2) -> Seats:
    return Seats(DimseSettings(max_associations=all_, max_associations_per_peer=of_peer))


def visit(place: Seats, address: str = HERE) -> Visit:
    found = place.visit(address)
    assert isinstance(found, Visit), found
    return found


def test_who_says_nothing_keeps_out_only_its_own_address() -> None:
    place = seats()
    first, _second = visit(place), visit(place)

    assert place.visit(HERE) == "2 connections of this address have no association"
    visit(place, THERE)
    first.leave()
    visit(place)


def test_an_association_no_longer_counts_for_its_address() -> None:
    place = seats()
    for peer in ("A", "A", "B", "B"):
        assert visit(place).associate(peer) is None


def test_a_peer_has_its_own_limit_and_all_have_one_together() -> None:
    place = seats(all_=3)
    associations = [visit(place), visit(place)]
    assert [each.associate("A") for each in associations] == [None, None]

    refused = visit(place)

    assert refused.associate("A") == "2 associations of this peer are open"
    assert refused.associate("B") is None
    late = visit(place, THERE)
    assert late.associate("C") == "3 associations are open"
    associations[0].dissociate()
    assert late.associate("C") is None


def test_a_peer_that_does_not_close_counts_for_its_address_again() -> None:
    place = seats()
    for _ in range(2):
        done = visit(place)
        done.associate("A")
        done.dissociate()

    assert isinstance(place.visit(HERE), str)
    assert isinstance(place.visit(THERE), Visit)


def test_connections_are_bounded_whoever_opens_them() -> None:
    place = seats(all_=1, of_peer=100)
    for number in range(33):
        visit(place, f"192.0.2.{number}")

    assert place.visit(THERE) == "33 connections are open"


def test_everything_is_forgotten_with_the_last_one() -> None:
    place = seats()
    for _ in range(100):
        guest = visit(place)
        assert guest.associate("A") is None
        guest.leave()
