"""The controller's thread: a turn is a sign of life, also one that failed; a controller that hangs gives none."""

import threading
from collections.abc import Callable, Iterator

import pytest

from gate.ports import Input, KeyTurned
from gate.threads import INBOX_INPUTS, ControllerThread
from tests.waiting import wait_for


class Slow:
    """A controller whose turns can be held up, or fail."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.handled = 0
        self.fails = False

    def handle(self, given: Input) -> None:
        self.go.wait(20)
        self.handled += 1
        if self.fails:
            raise RuntimeError("a mistake of ours")

    def tick(self) -> None: ...

    def due_ms(self) -> int:
        return 5


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def start(slow: Slow) -> Iterator[Callable[[Callable[[], None]], ControllerThread]]:
    threads: list[ControllerThread] = []

    def run(alive: Callable[[], None]) -> ControllerThread:
        threads.append(ControllerThread(slow, alive))
        threads[-1].start()
        return threads[-1]

    yield run
    slow.go.set()
    for thread in threads:
        thread.close()


Start = Callable[[Callable[[], None]], ControllerThread]


def test_every_turn_is_a_sign_of_life_also_an_idle_one_and_one_that_failed(slow: Slow, start: Start) -> None:
    beats: list[int] = []
    thread = start(lambda: beats.append(1))
    wait_for("idle turns", lambda: len(beats) > 3)
    slow.fails = True
    thread.deliver(KeyTurned())
    wait_for("the fault", lambda: thread.faults)
    before = len(beats)
    wait_for("life after it", lambda: len(beats) > before + 2)


def test_a_controller_that_hangs_gives_no_sign_and_blocks_nobody(slow: Slow, start: Start) -> None:
    beats: list[int] = []
    thread = start(lambda: beats.append(1))
    slow.go.clear()
    thread.deliver(KeyTurned())
    wait_for("the inbox to be taken up", thread._inbox.empty)
    before = len(beats)
    for _ in range(INBOX_INPUTS + 5):
        thread.deliver(KeyTurned())
    assert thread.dropped == 5
    assert len(beats) == before
    slow.go.set()
    wait_for("all of it", lambda: slow.handled == INBOX_INPUTS + 1)
