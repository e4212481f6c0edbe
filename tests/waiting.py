"""Waiting for what comes about by itself, for a while."""

import threading
import time
from collections.abc import Callable


def until(condition: Callable[[], bool], *, timeout_s: float = 20, step_s: float = 0.05) -> None:
    """Wait until something is so; that it comes too late fails the test."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(step_s)
