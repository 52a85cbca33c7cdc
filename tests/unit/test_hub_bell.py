"""A bell is heard by all who wait, and by whoever comes after it was rung."""

import threading

from hub.central.bell import Bell
from tests.waiting import wait_for


def test_what_was_rung_while_nobody_waited_is_heard() -> None:
    bell = Bell()
    bell.ring()
    assert bell.wait(0, 60.0) == 1


def test_nobody_is_woken_twice_by_one_ring() -> None:
    bell = Bell()
    bell.ring()
    heard = bell.wait(0, 60.0)
    assert bell.wait(heard, 0.0) == heard


def test_all_who_wait_are_woken() -> None:
    bell = Bell()
    heard: list[int] = []
    waiting = [threading.Thread(target=lambda: heard.append(bell.wait(0, 60.0))) for _ in range(3)]
    for one in waiting:
        one.start()
    bell.ring()
    wait_for("all have heard it", lambda: heard == [1, 1, 1])
    for one in waiting:
        one.join()
