"""How many moves send at a time, and that no destination takes all places."""

from vna.dimse.turns import Turns


def test_a_turn_is_granted_while_there_is_room() -> None:
    turns = Turns()

    first, second, third = (turns.ask(destination, at_most=2) for destination in ("A", "B", "C"))

    assert (first.granted.is_set(), second.granted.is_set(), third.granted.is_set()) == (True, True, False)


def test_the_end_of_a_turn_grants_the_next_in_line() -> None:
    turns = Turns()
    first, second, third = (turns.ask("A", at_most=1) for _ in range(3))

    first.end()

    assert (second.granted.is_set(), third.granted.is_set()) == (True, False)


def test_one_destination_gets_half_of_the_places_and_others_do_not_wait_for_it() -> None:
    turns = Turns()

    dead = [turns.ask("DEAD", at_most=5) for _ in range(4)]
    other = turns.ask("OTHER", at_most=5)

    assert [turn.granted.is_set() for turn in dead] == [True, True, True, False]
    assert other.granted.is_set()


def test_who_leaves_the_line_takes_no_place() -> None:
    turns = Turns()
    first, second, third = (turns.ask("A", at_most=1) for _ in range(3))

    second.end()
    first.end()

    assert not second.granted.is_set()
    assert third.granted.is_set()
