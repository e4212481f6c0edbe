"""A board is written by one process and read by another; what was counted outlives the process."""

import threading

import pytest

from forking import in_child
from vna.metrics import Board, boards
from vna.metrics.board import SIZE_BYTES


def _counted(board: Board) -> dict[tuple[str, ...], tuple[float, ...]]:
    return {series.key: series.values for series in board.series()}


def test_what_a_process_counted_is_read_by_another_after_its_end() -> None:
    (memory,) = boards(1)

    def child() -> None:
        board = Board(memory)
        board.add(board.place(("sent", "CT1"), 1), 3)

    in_child(child)

    assert _counted(Board(memory)) == {("sent", "CT1"): (3.0,)}


def test_who_takes_over_a_board_goes_on_from_there() -> None:
    (memory,) = boards(1)

    for _ in range(2):
        in_child(lambda: (board := Board(memory)).add(board.place(("sent",), 1), 2))

    assert _counted(Board(memory)) == {("sent",): (4.0,)}


def test_boards_do_not_run_into_each_other() -> None:
    first, second = (Board(memory) for memory in boards(2))

    first.add(first.place(("a",), 1), 1)
    second.add(second.place(("a",), 2) + 1, 5)

    assert _counted(first) == {("a",): (1.0,)}
    assert _counted(second) == {("a",): (0.0, 5.0)}


@pytest.mark.parametrize("name", ["a", "a" * 7, "a" * 8, '山田 \\ "quoted"', ""])
def test_any_text_is_a_label(name: str) -> None:
    board = Board()

    board.add(board.place(("sent", name), 1), 1)
    board.add(board.place(("other", name), 1), 2)

    assert _counted(board) == {("sent", name): (1.0,), ("other", name): (2.0,)}


def test_a_full_board_takes_no_more_series_and_keeps_what_it_has() -> None:
    board = Board()
    values = SIZE_BYTES // 8 // 4
    kept = [board.place((str(number),), values) for number in range(3)]

    board.add(board.place(("too much",), values), 1)
    board.note(("warning",), 1.0, "too much")
    board.add(kept[2], 7)

    assert {key: values[0] for key, values in _counted(board).items()} == {("0",): 0, ("1",): 0, ("2",): 7}


def test_threads_lose_no_count() -> None:
    board = Board()
    place = board.place(("sent",), 2)

    def add() -> None:
        for _ in range(2000):
            board.add_two(place, 1, place + 1, 2)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert _counted(board) == {("sent",): (8000.0, 16000.0)}


def test_a_note_says_how_often_when_last_and_in_which_words() -> None:
    (memory,) = boards(1)
    board = Board(memory)

    board.note(("warning", "vna", "rejected"), 10.0, "rejected calling=STRANGER")
    board.note(("warning", "vna", "rejected"), 20.5, "rejected calling=Ü")

    (note,) = Board(memory).notes()
    assert (note.key, note.count, note.at, note.text) == (
        ("warning", "vna", "rejected"),
        2,
        20.5,
        "rejected calling=Ü",
    )
    assert Board(memory).series() == []


def test_a_long_note_is_cut() -> None:
    board = Board()

    board.note(("warning",), 1.0, "x" * 5000)

    assert 100 < len(board.notes()[0].text) < 1000
